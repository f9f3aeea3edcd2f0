"""Errors of any of AWS's services, translated into OpenAI's."""

import re

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

from invoke_shim.backends.containers.base import MAX_MESSAGE, NOT_READY_SECONDS
from invoke_shim.backends.retry import NotReadyError
from invoke_shim.errors import NO_RETRY, ApiError, retry_after

THROTTLED_SECONDS = 1

FAILURES = (ClientError, BotoCoreError, HTTPError, ParserError, OSError)
"""Exceptions of a call and of reading its response: botocore leaves a stream's errors as urllib3's."""

Failure = ClientError | BotoCoreError | HTTPError | ParserError | OSError

# Not compiled at import, where each would cost a cold start half a millisecond.
_PRIVATE = r"arn:[\w-]+:\S+|\b\d{12}\b"
_ACTION = r"not authorized to perform:? ([\w-]+:\w+)"


def is_timeout(error: Failure) -> bool:
    """Check for a timeout: the other side may still have done its work."""
    return isinstance(error, ReadTimeoutError | StreamTimeoutError | TimeoutError)


def connection_error(error: Failure, *, service: str) -> ApiError:
    """Translate an error that is neither the service's response nor a timeout.

    Args:
        error: Raised by botocore.
        service: The service's name to clients.
    """
    name = type(error).__name__
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return NotReadyError(f"{service} cannot be reached", seconds=NOT_READY_SECONDS, upstream=name)
    if isinstance(error, BotoCoreError) and not isinstance(error, HTTPClientError):
        return server_error("the request could not be sent to the model", name, status=500)
    return server_error("the connection to the model was lost; it may or may not have answered", name)


def refused(message: str, *, service: str, upstream: str) -> ApiError:
    """Return the 400 of a request that the service refuses, without ARNs and account ids in its message."""
    text = f"{service} refused the request: {re.sub(_PRIVATE, '[...]', message)[:MAX_MESSAGE]}"
    return ApiError(text, status=400, type="invalid_request_error", upstream=upstream)


def denied(message: str, *, action: str, target: str, upstream: str) -> ApiError:
    """Return the 500 of a missing permission. AWS's message names roles and accounts; only its action is passed on.

    Args:
        message: AWS's message.
        action: The permission to name where the message names none.
        target: What the permission is for.
        upstream: For the log.
    """
    found = re.search(_ACTION, message)
    text = f"this API's function lacks the permission {found[1] if found else action} for {target}"
    return server_error(text, upstream, status=500)


def timed_out(upstream: str, *, waiting: str, stream: bool) -> ApiError:
    """Return the 504 of an answer that did not come in time.

    Args:
        upstream: For the log.
        waiting: The clause that names the time limits of an answer that is not streamed.
        stream: Whether the answer was to be streamed.
    """
    message = (
        "the model did not go on with its answer in time"
        if stream
        else f"the model did not answer in time: {waiting} in all; stream the answer (stream: true), of which only the "
        "beginning must come in that time"
    )
    return ApiError(
        f"{message}; ask for fewer tokens (max_tokens) or send a shorter prompt",
        status=504,
        type="server_error",
        code="timeout",
        headers=NO_RETRY,
        upstream=upstream,
    )


def throttled(upstream: str) -> ApiError:
    """Return the 429 of too many requests."""
    return ApiError(
        f"too many requests to the model at once; try again in {THROTTLED_SECONDS} s",
        status=429,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers=retry_after(THROTTLED_SECONDS),
        upstream=upstream,
    )


def server_error(message: str, upstream: str, *, status: int = 502) -> ApiError:
    """Return an error that the same request would meet again, or that may have cost a generation."""
    return ApiError(message, status=status, type="server_error", headers=NO_RETRY, upstream=upstream)
