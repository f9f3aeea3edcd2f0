"""Answers that are passed on as they come: the response transfer mode STREAM.

A function answers with a JSON object (status, headers, cookies), eight zero bytes and the body. The caller gets status
and headers as soon as the zero bytes are there. What goes wrong before is a gateway response; after, there is no other
way to report it than to break the connection off.

Sources: API Gateway documentation, "Stream the integration response for your proxy integrations", "Set up a Lambda
proxy integration with payload response streaming" (its table of combinations: metadata of another form are 500, not
the 502 of buffered integrations) and "Troubleshoot issues with response streaming". That a function that fails before
its metadata is 500, too, follows from the same line: there is none of the form.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Final

from localaws import functions
from localaws.gateway.errors import GatewayError
from localaws.gateway.proxy import MalformedResponseError, ProxyResponse, streamed_response_of

_DELIMITER: Final = bytes(8)
# The metadata and the delimiter must be in the first 16 KB.
_MAX_HEAD_BYTES: Final = 16_384
_INTERNAL_ERROR: Final = "Internal server error"


class BrokenOffError(ConnectionError):
    """The answer ended too early; the server closes the connection without its regular end."""


def open_stream(reply: functions.StreamedReply, *, seconds: float, idle_seconds: float) -> ProxyResponse:
    """Wait for the head of an answer and return it with the rest to come.

    Args:
        reply: The function's answer.
        seconds: Time for all of it.
        idle_seconds: Longest time without a byte.

    Raises:
        GatewayError: If there is no head.
    """
    clock = _Clock(deadline=time.monotonic() + seconds, idle_seconds=idle_seconds)
    try:
        head, rest = _head(reply, clock)
        document = json.loads(head)
        response = streamed_response_of(document)
    except TimeoutError as error:
        raise GatewayError("INTEGRATION_TIMEOUT", "Endpoint request timed out") from error
    except functions.ThrottledError as error:
        raise GatewayError("INTEGRATION_FAILURE", _INTERNAL_ERROR, status=500) from error
    except (MalformedResponseError, ValueError) as error:
        raise GatewayError(None, _INTERNAL_ERROR, status=500) from error
    return ProxyResponse(status=response.status, headers=response.headers, body=b"", chunks=_chunks(reply, rest, clock))


class _Clock:
    """The two limits of an answer's time."""

    def __init__(self, *, deadline: float, idle_seconds: float) -> None:
        self._deadline = deadline
        self._idle_seconds = idle_seconds

    def remaining(self) -> float:
        """Seconds until the next byte must be there."""
        return min(self._deadline - time.monotonic(), self._idle_seconds)


def _head(reply: functions.StreamedReply, clock: _Clock) -> tuple[bytes, bytes]:
    """Read up to the delimiter; return what is before it, and what of the body came along.

    Raises:
        MalformedResponseError: If there is none where it must be, or the function fails before.
    """
    held = b""
    while _DELIMITER not in held[:_MAX_HEAD_BYTES]:
        part = reply.read(seconds=clock.remaining()) if len(held) < _MAX_HEAD_BYTES else None
        if part is None:
            raise MalformedResponseError(f"no delimiter in the first {len(held)} bytes, and error {reply.error}")
        held += part
    head, _, rest = held.partition(_DELIMITER)
    return head, rest


def _chunks(reply: functions.StreamedReply, first: bytes, clock: _Clock) -> Iterator[bytes]:
    # No bytes at first: the server sends status and headers with them, and does not wait for the body.
    yield b""
    part: bytes | None = first
    while part is not None:
        if part:
            yield part
        try:
            part = reply.read(seconds=clock.remaining())
        except TimeoutError as error:
            raise BrokenOffError("the integration took too long") from error
    if reply.error is not None:
        raise BrokenOffError(f"the function failed: {reply.error['errorType']}")
