"""What goes wrong between the shim and any of AWS's services, in OpenAI's terms."""

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
"""What a call, or the reading of what it returns, can raise: botocore leaves a stream's errors as urllib3's."""

Failure = ClientError | BotoCoreError | HTTPError | ParserError | OSError

# Not compiled at import, where each would cost a cold start half a millisecond.
_PRIVATE = r"arn:[\w-]+:\S+|\b\d{12}\b"
_ACTION = r"not authorized to perform:? ([\w-]+:\w+)"


def is_timeout(error: Failure) -> bool:
    """Whether the other side said nothing for too long; it may have done its work."""
    return isinstance(error, ReadTimeoutError | StreamTimeoutError | TimeoutError)


def connection_error(error: Failure, *, service: str) -> ApiError:
    """The client's error for one that is neither the service's answer nor a timeout.

    Args:
        error: what botocore raised.
        service: the service's name to clients.
    """
    name = type(error).__name__
    if isinstance(error, ConnectTimeoutError | EndpointConnectionError):
        return NotReadyError(f"{service} cannot be reached", seconds=NOT_READY_SECONDS, upstream=name)
    if isinstance(error, BotoCoreError) and not isinstance(error, HTTPClientError):
        return server_error("the request could not be sent to the model", name, status=500)
    return server_error("the connection to the model was lost; it may or may not have answered", name)


def refused(message: str, *, service: str, upstream: str) -> ApiError:
    """400: the service does not take the request; its message without the account's names."""
    text = f"{service} refused the request: {re.sub(_PRIVATE, '[...]', message)[:MAX_MESSAGE]}"
    return ApiError(text, status=400, type="invalid_request_error", upstream=upstream)


def denied(message: str, *, action: str, target: str, upstream: str) -> ApiError:
    """500: the function lacks a permission. AWS's message names roles and accounts; of it only the action is told.

    Args:
        message: AWS's message.
        action: the permission, where the message names none.
        target: what it is for.
        upstream: for the log.
    """
    found = re.search(_ACTION, message)
    text = f"this API's function lacks the permission {found[1] if found else action} for {target}"
    return server_error(text, upstream, status=500)


def timed_out(upstream: str, *, waiting: str, stream: bool) -> ApiError:
    """504: no answer in time.

    Args:
        upstream: for the log.
        waiting: who waits for how long for an answer that is not streamed.
        stream: whether the answer was to be streamed.
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
    """429: too many requests."""
    return ApiError(
        f"too many requests to the model at once; try again in {THROTTLED_SECONDS} s",
        status=429,
        type="rate_limit_error",
        code="rate_limit_exceeded",
        headers=retry_after(THROTTLED_SECONDS),
        upstream=upstream,
    )


def server_error(message: str, upstream: str, *, status: int = 502) -> ApiError:
    """An error that the same request would meet again, or that may have cost a generation."""
    return ApiError(message, status=status, type="server_error", headers=NO_RETRY, upstream=upstream)
