"""What goes wrong at a SageMaker endpoint, in OpenAI's terms.

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
| ValidationError, endpoint not found | 503 | |
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

import re
from typing import Any, NamedTuple

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from urllib3.exceptions import HTTPError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from invoke_shim.backends.containers.base import NOT_READY_SECONDS, container_error, error_message
from invoke_shim.backends.retry import NotReadyError
from invoke_shim.errors import NO_RETRY, ApiError, retry_after

THROTTLED_SECONDS = 1
NO_CAPACITY_SECONDS = 60
"""Loading a model after a scale-out takes minutes; OpenAI's SDKs wait for two minutes at most."""

CONTAINER_TIMEOUT_SECONDS = 60
"""The time a container has for one answer (InvokeEndpoint's API reference)."""

MAX_MESSAGE = 1000
"""Characters of SageMaker's message that are passed on."""

FAILURES = (ClientError, BotoCoreError, HTTPError, ParserError, OSError)
"""What a call, or the reading of what it returns, can raise: botocore leaves a stream's errors as urllib3's."""

Failure = ClientError | BotoCoreError | HTTPError | ParserError | OSError

_PRIVATE = re.compile(r"arn:[\w-]+:\S+|\b\d{12}\b")
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")
_TOO_LONG = re.compile(r"ModelInvocationTimeExceeded|time[- ]?out|timed out", re.IGNORECASE)
_THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded")


class Call(NamedTuple):
    """The call that went wrong.

    Attributes:
        endpoint_name: the endpoint that was called.
        refuses_with_424: see `Container`.
        patience_seconds: how long this API waits for an answer in all.
        stream: whether the answer was to be streamed.
    """

    endpoint_name: str
    refuses_with_424: bool
    patience_seconds: int
    stream: bool


def translate(error: Failure, call: Call) -> ApiError:
    """The client's error for one that boto3 raised.

    Args:
        error: from the call, or from reading its body or stream.
        call: the call.
    """
    if isinstance(error, ClientError):
        return _service_error(error.response, call)
    name = type(error).__name__
    if isinstance(error, ReadTimeoutError | StreamTimeoutError | TimeoutError):
        return _timeout(call, name)
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return NotReadyError("the SageMaker runtime cannot be reached", seconds=NOT_READY_SECONDS, upstream=name)
    if isinstance(error, BotoCoreError) and not isinstance(error, HTTPClientError):
        return _server_error("the request could not be sent to the model", name, status=500)
    return _server_error("the connection to the model was lost; it may or may not have answered", name)


def _service_error(response: Any, call: Call) -> ApiError:
    code = str(response.get("Error", {}).get("Code") or "")
    message = str(response.get("Error", {}).get("Message") or "")
    if "has no capacity" in message:
        text = "the model is scaled to zero and is being started"
        return NotReadyError(text, seconds=NO_CAPACITY_SECONDS, upstream=code)
    if code in _THROTTLED:
        return _throttled(code)
    match code:
        case "ModelError":
            translated = _model_error(response, call)
        case "ModelNotReadyException" | "ServiceUnavailable" | "ServiceUnavailableException":
            translated = NotReadyError("the model is not ready yet", seconds=NOT_READY_SECONDS, upstream=code)
        case "ValidationError" | "ValidationException":
            translated = _validation_error(message, call.endpoint_name, code)
        case "AccessDeniedException" | "AccessDenied":
            translated = _access_denied(message, call.endpoint_name, code)
        case "ModelStreamError" | "InternalStreamFailure":
            translated = _stream_error(response, message, call, code)
        case _ if response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 503:
            translated = NotReadyError("the model is not ready yet", seconds=NOT_READY_SECONDS, upstream=code)
        case _:
            translated = ApiError("SageMaker failed to answer", status=502, type="server_error", upstream=code)
    return translated


def _model_error(response: Any, call: Call) -> ApiError:
    """The container answered with an error; its status and body are in the two Original fields."""
    status = int(response.get("OriginalStatusCode") or 0)
    body = str(response.get("OriginalMessage") or "")
    upstream = f"ModelError {status}"
    # SageMaker ends a request by itself after the container's time, with status 0 or 500.
    if "invocation timed out" in body:
        return _timeout(call, upstream)
    return container_error(status, error_message(body), refuses_with_424=call.refuses_with_424, upstream=upstream)


def _stream_error(response: Any, message: str, call: Call, code: str) -> ApiError:
    """The stream ended with an error; part of the answer may have come.

    ModelStreamError has an ErrorCode, which botocore leaves out of an error within the stream; then its message
    may tell.
    """
    told = f"{response.get('ErrorCode') or ''} {message}"
    if code == "ModelStreamError" and _TOO_LONG.search(told):
        return _timeout(call, f"{code} ModelInvocationTimeExceeded")
    return _server_error(
        "the model's answer broke off within SageMaker: the connection to its container was lost, or the time is "
        "over that SageMaker gives a stream",
        code,
    )


def _validation_error(message: str, endpoint_name: str, code: str) -> ApiError:
    if "not found" in message.lower():
        return _server_error(f"the endpoint {endpoint_name} does not exist or is not in service", code, status=503)
    return ApiError(
        f"SageMaker refused the request: {_PRIVATE.sub('[...]', message)[:MAX_MESSAGE]}",
        status=400,
        type="invalid_request_error",
        upstream=code,
    )


def _access_denied(message: str, endpoint_name: str, code: str) -> ApiError:
    """AWS's message names roles and accounts; of it only the action is passed on."""
    found = _ACTION.search(message)
    action = found[1] if found else "sagemaker:InvokeEndpoint"
    text = f"this API's function lacks the permission {action} for the endpoint {endpoint_name}"
    return _server_error(text, code, status=500)


def _timeout(call: Call, upstream: str) -> ApiError:
    if call.stream:
        text = "the model did not go on with its answer in time"
    else:
        text = (
            f"the model did not answer in time: its container has {CONTAINER_TIMEOUT_SECONDS} s for an answer that "
            f"is not streamed, and this API waits {call.patience_seconds} s (INVOKE_TIMEOUT_SECONDS) in all; stream "
            "the answer (stream: true), of which only the beginning must come in that time"
        )
    text += "; ask for fewer tokens (max_tokens) or send a shorter prompt"
    return ApiError(text, status=504, type="server_error", code="timeout", headers=NO_RETRY, upstream=upstream)


def _throttled(code: str) -> ApiError:
    return ApiError(
        f"too many requests to the model at once; try again in {THROTTLED_SECONDS} s",
        status=429,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers=retry_after(THROTTLED_SECONDS),
        upstream=code,
    )


def _server_error(message: str, upstream: str, *, status: int = 502) -> ApiError:
    """An error that the same request would meet again, or that may have cost a generation."""
    return ApiError(message, status=status, type="server_error", headers=NO_RETRY, upstream=upstream)
