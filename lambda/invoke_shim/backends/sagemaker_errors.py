"""What goes wrong at a SageMaker endpoint, in OpenAI's terms.

| SageMaker says | the client gets |
|---|---|
| ModelError, OriginalStatusCode 429 | 429 and `retry-after`: the container's queue is full |
| ModelError, "invocation timed out" | 504: the container's 60 s are over |
| ModelError, other OriginalStatusCode of 4xx | the same status and the container's message |
| ModelError, 424 of TGI | 502: TGI's status of a failed generation |
| ModelError, 424 of LMI | 400: LMI's status of a payload it refuses |
| ModelError, OriginalStatusCode 503 | 503 and `retry-after` |
| ModelError, anything else | 502 |
| ThrottlingException (HTTP 400, the message may be null) | 429 and `retry-after` |
| ModelNotReadyException, ServiceUnavailable | 503 and `retry-after` |
| any message with "has no capacity" (scaled to zero) | 503 and a longer `retry-after` |
| ValidationError, endpoint not found | 503 |
| ValidationError otherwise | 400 |
| AccessDeniedException | 500, naming the permission |
| InternalFailure, InternalDependencyException | 502 |
| no connection | 503 and `retry-after` |
| read timeout | 504 |
| connection lost in between | 502 |

After a timeout or a lost connection the model may have done its work, so clients are asked not to repeat it.
"""

import re
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from invoke_shim.backends.containers import Container, container_message
from invoke_shim.errors import NO_RETRY, ApiError, retry_after
from invoke_shim.settings import Settings

THROTTLED_SECONDS = 1
BUSY_SECONDS = 2
NOT_READY_SECONDS = 10
NO_CAPACITY_SECONDS = 60
"""Loading a model after a scale-out takes minutes; OpenAI's SDKs wait for two minutes at most."""

CONTAINER_TIMEOUT_SECONDS = 60
"""The time a container has for one answer (InvokeEndpoint's API reference)."""

MAX_MESSAGE = 1000
"""Characters of a container's message that are passed on."""

_PRIVATE = re.compile(r"arn:[\w-]+:\S+|\b\d{12}\b")
_ACTION = re.compile(r"not authorized to perform:? ([\w-]+:\w+)")


def translate(error: ClientError | BotoCoreError, *, container: Container, settings: Settings) -> ApiError:
    """The client's error for one that boto3 raised.

    Args:
        error: from `invoke_endpoint`, or from reading its body.
        container: tells what the container's statuses mean.
        settings: for the endpoint's name and the timeouts.
    """
    if isinstance(error, ClientError):
        return _service_error(error.response, container=container, settings=settings)
    name = type(error).__name__
    if isinstance(error, ReadTimeoutError):
        return _timeout(settings, name)
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return _unavailable("the SageMaker runtime cannot be reached", NOT_READY_SECONDS, name)
    if isinstance(error, HTTPClientError):
        return ApiError(
            "the connection to the model was lost; it may or may not have answered",
            status=502,
            type="server_error",
            headers=NO_RETRY,
            upstream=name,
        )
    return ApiError(
        "the request could not be sent to the model",
        status=500,
        type="server_error",
        headers=NO_RETRY,
        upstream=name,
    )


def _service_error(response: Any, *, container: Container, settings: Settings) -> ApiError:
    code = str(response.get("Error", {}).get("Code") or "")
    message = str(response.get("Error", {}).get("Message") or "")
    if "has no capacity" in message:
        return _unavailable("the model is scaled to zero and is being started", NO_CAPACITY_SECONDS, code)
    match code:
        case "ModelError":
            translated = _model_error(response, container=container, settings=settings)
        case "ThrottlingException":
            translated = _too_many("too many requests to the model at once", THROTTLED_SECONDS, code)
        case "ModelNotReadyException" | "ServiceUnavailable":
            translated = _unavailable("the model is not ready yet", NOT_READY_SECONDS, code)
        case "ValidationError" | "ValidationException":
            translated = _validation_error(message, settings.endpoint_name, code)
        case "AccessDeniedException" | "AccessDenied":
            translated = _access_denied(message, settings.endpoint_name, code)
        case _:
            translated = ApiError("SageMaker failed to answer", status=502, type="server_error", upstream=code)
    return translated


def _model_error(response: Any, *, container: Container, settings: Settings) -> ApiError:
    """The container answered with an error; its status and body are in the two Original fields."""
    status = int(response.get("OriginalStatusCode") or 0)
    body = str(response.get("OriginalMessage") or "")
    message = container_message(body)[:MAX_MESSAGE]
    upstream = f"ModelError {status}"
    # SageMaker ends a request by itself after the container's time, with status 0 or 500.
    if "invocation timed out" in body:
        return _timeout(settings, upstream)
    if status == 429:
        return _too_many("the model's queue is full", BUSY_SECONDS, upstream)
    if status == 503:
        return _unavailable("the model's container is not ready", NOT_READY_SECONDS, upstream)
    if status == 424:
        status = 500 if container.is_424_a_failure else 400
    if 400 <= status < 500:
        return ApiError(
            message or "the model's container refused the request",
            status=status,
            type="invalid_request_error",
            upstream=upstream,
        )
    return ApiError(
        "the model's container failed to generate an answer",
        status=502,
        type="server_error",
        upstream=upstream,
    )


def _validation_error(message: str, endpoint_name: str, code: str) -> ApiError:
    if "not found" in message.lower():
        return ApiError(
            f"the endpoint {endpoint_name} does not exist or is not in service",
            status=503,
            type="server_error",
            headers=NO_RETRY,
            upstream=code,
        )
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
    return ApiError(
        f"this API's function lacks the permission {action} for the endpoint {endpoint_name}",
        status=500,
        type="server_error",
        headers=NO_RETRY,
        upstream=code,
    )


def _timeout(settings: Settings, upstream: str) -> ApiError:
    return ApiError(
        f"the model did not answer in time: its container has {CONTAINER_TIMEOUT_SECONDS} s for one answer, and "
        f"this API waits {settings.invoke_timeout_seconds} s (INVOKE_TIMEOUT_SECONDS) in all; "
        "ask for fewer tokens (max_tokens) or send a shorter prompt",
        status=504,
        type="server_error",
        code="timeout",
        headers=NO_RETRY,
        upstream=upstream,
    )


def _too_many(message: str, seconds: int, upstream: str) -> ApiError:
    return ApiError(
        f"{message}; try again in {seconds} s",
        status=429,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers=retry_after(seconds),
        upstream=upstream,
    )


def _unavailable(message: str, seconds: int, upstream: str) -> ApiError:
    return ApiError(
        f"{message}; try again in {seconds} s",
        status=503,
        type="server_error",
        headers=retry_after(seconds),
        upstream=upstream,
    )
