"""Errors of a SageMaker endpoint, translated into OpenAI's.

| SageMaker says | the client gets | tried again |
|---|---|---|
| ModelError, OriginalStatusCode 429 | 429 and `retry-after`: the container's queue is full | |
| ModelError, "invocation timed out" | 504: the container's 60 s are over, streaming has no such limit | |
| ModelError, other OriginalStatusCode of 4xx | the same status and the container's message | |
| ModelError, 424 of TGI | 502: TGI's status of a failed generation | |
| ModelError, 424 of LMI | 400: LMI's status of a payload it refuses | |
| ModelError, OriginalStatusCode 503 | 503 and `retry-after` | yes |
| ModelError, anything else | 502 | |
| ThrottlingException (HTTP 400, the message may be null) | 429 and `retry-after` | |
| ModelNotReadyException, ServiceUnavailable, any other 503 | 503 and `retry-after` | yes |
| any message with "has no capacity" (scaled to zero) | 503 and a longer `retry-after` | yes |
| ValidationError, endpoint not found | 503; a newer one in the parameter is asked instead | |
| ValidationError otherwise | 400 | |
| AccessDeniedException | 500, naming the permission | |
| InternalFailure, InternalDependencyException | 502 | |
| ModelStreamError for the time it took | 504: the time that SageMaker gives a stream is over | |
| any other ModelStreamError, InternalStreamFailure | 502 | |
| no connection | 503 and `retry-after` | yes |
| read timeout | 504 | |
| connection lost in between | 502 | |

What is tried again (`retry.when_ready`) surely never reached the model. After a timeout or a lost connection the
model may have done its work, so clients are asked not to repeat it either.
"""

from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from invoke_shim.backends.containers.base import NOT_READY_SECONDS, container_error, error_message
from invoke_shim.backends.retry import NotReadyError
from invoke_shim.backends.service_errors import (
    Failure,
    connection_error,
    denied,
    is_timeout,
    refused,
    server_error,
    throttled,
    timed_out,
)
from invoke_shim.backends.target import TargetGoneError
from invoke_shim.errors import ApiError

NO_CAPACITY_SECONDS = 60
"""Loading a model after a scale-out takes minutes; OpenAI's SDKs wait for two minutes at most."""

CONTAINER_TIMEOUT_SECONDS = 60
"""The time a container has for one answer (InvokeEndpoint's API reference)."""

_TOO_LONG = ("modelinvocationtimeexceeded", "allotted time", "timeout", "timed out")
"""Words of a stream that SageMaker ends for its time: code and text of the API reference (ModelStreamError), and the
sentence that users report (aws/sagemaker-python-sdk issue 1119): "Your model primary did not complete sending the
inference response in the allotted time."."""

_INVOCATION_TIMED_OUT = "invocation timed out"
"""Words of an answer that SageMaker waited for in vain, as users report them (aws/amazon-sagemaker-examples issue 799):
"Your invocation timed out while waiting for a response from container model."."""

_THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")


class Call(NamedTuple):
    """The call that went wrong.

    Attributes:
        endpoint_name: The endpoint that was called.
        refuses_with_424: See `Container`.
        timeout_seconds: The time that this API waits for an answer in all.
        stream: Whether the answer was to be streamed.
    """

    endpoint_name: str
    refuses_with_424: bool
    timeout_seconds: int
    stream: bool


def translate(error: Failure, call: Call) -> ApiError:
    """Translate an error of botocore's into the client's.

    Args:
        error: Raised by the call, or while its body or stream was read.
        call: The call.
    """
    if isinstance(error, ClientError):
        return _service_error(error.response, call)
    if is_timeout(error):
        return _timeout(call, type(error).__name__)
    return connection_error(error, service="the SageMaker runtime")


def _service_error(response: Any, call: Call) -> ApiError:
    code = str(response.get("Error", {}).get("Code") or "")
    message = str(response.get("Error", {}).get("Message") or "")
    if "has no capacity" in message:
        text = "the model is scaled to zero and is being started"
        return NotReadyError(text, seconds=NO_CAPACITY_SECONDS, upstream=code)
    if code in _THROTTLED:
        return throttled(code)
    match code:
        case "ModelError":
            translated = _model_error(response, call)
        case "ModelNotReadyException" | "ServiceUnavailable" | "ServiceUnavailableException":
            translated = NotReadyError("the model is not ready yet", seconds=NOT_READY_SECONDS, upstream=code)
        case "ValidationError" | "ValidationException":
            translated = _validation_error(message, call.endpoint_name, code)
        case "AccessDeniedException" | "AccessDenied":
            target = f"the endpoint {call.endpoint_name}"
            translated = denied(message, action="sagemaker:InvokeEndpoint", target=target, upstream=code)
        case "ModelStreamError" | "InternalStreamFailure":
            translated = _stream_error(response, message, call, code)
        case _ if response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 503:
            translated = NotReadyError("the model is not ready yet", seconds=NOT_READY_SECONDS, upstream=code)
        case _:
            translated = ApiError("SageMaker failed to answer", status=502, type="server_error", upstream=code)
    return translated


def _model_error(response: Any, call: Call) -> ApiError:
    """Translate a container's error, whose status and body are in the two Original fields."""
    status = int(response.get("OriginalStatusCode") or 0)
    body = str(response.get("OriginalMessage") or "")
    upstream = f"ModelError {status}"
    # SageMaker ends a request by itself after the container's time, with status 0 or 500.
    if _INVOCATION_TIMED_OUT in f"{body} {response.get('Error', {}).get('Message') or ''}".lower():
        return _timeout(call, upstream)
    return container_error(status, error_message(body), refuses_with_424=call.refuses_with_424, upstream=upstream)


def _stream_error(response: Any, message: str, call: Call, code: str) -> ApiError:
    """Translate an error that ended a stream; part of the answer may have come.

    ModelStreamError has an ErrorCode, which botocore leaves out of an error within the stream; then the message is
    searched.
    """
    text = f"{response.get('ErrorCode') or ''} {message}".lower()
    if code == "ModelStreamError" and any(words in text for words in _TOO_LONG):
        return _timeout(call, f"{code} ModelInvocationTimeExceeded")
    return server_error(
        "the model's answer broke off within SageMaker: the connection to its container was lost, or the time is "
        "over that SageMaker gives a stream",
        code,
    )


def _validation_error(message: str, endpoint_name: str, code: str) -> ApiError:
    if "not found" in message.lower():
        return TargetGoneError(f"the endpoint {endpoint_name} does not exist or is not in service", upstream=code)
    return refused(message, service="SageMaker", upstream=code)


def _timeout(call: Call, upstream: str) -> ApiError:
    waiting = (
        f"its container has {CONTAINER_TIMEOUT_SECONDS} s for an answer that is not streamed, and this API waits "
        f"{call.timeout_seconds} s (INVOKE_TIMEOUT_SECONDS)"
    )
    return timed_out(upstream, waiting=waiting, stream=call.stream)
