"""Streamed bodies: server-sent events, and errors within a stream."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from invoke_shim.errors import ApiError, unexpected
from invoke_shim.http.proxy import BrokenStreamError
from invoke_shim.telemetry.request_log import RequestLog

CONTENT_TYPE = "text/event-stream; charset=utf-8"

HEADERS = {"cache-control": "no-cache"}

DONE = b"data: [DONE]\n\n"


def encode_event(value: Any) -> bytes:
    """Encode an event with JSON for its data, which so has no line breaks of its own."""
    return b"data: " + json.dumps(value).encode("ascii") + b"\n\n"


def encode_line(value: Any) -> bytes:
    """Encode a line of JSON, as containers stream that do not speak server-sent events."""
    return json.dumps(value).encode("ascii") + b"\n"


def close(chunks: Iterator[Any]) -> None:
    """Close a stream that can be closed, as generators can: nobody reads on."""
    closing = getattr(chunks, "close", None)
    if closing is not None:
        closing()


def encode_events(values: Iterator[dict[str, Any]], log: RequestLog) -> Iterator[bytes]:
    """Encode OpenAI's stream of events: each value, then `[DONE]`; or the error that ended it early.

    Raises:
        BrokenStreamError: After an event with the error for the client.
    """
    return guard(_encode_all(values), log, encode=encode_event)


def _encode_all(values: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for value in values:
        yield encode_event(value)
    yield DONE


def guard(
    chunks: Iterator[bytes], log: RequestLog, *, encode: Callable[[Any], bytes] = encode_event
) -> Iterator[bytes]:
    """Pass on a streamed body; end it with the error if it breaks off.

    Args:
        chunks: The body.
        log: The request's log.
        encode: Writes OpenAI's error object in the stream's own form.

    Raises:
        BrokenStreamError: After a last chunk with the error for the client.
    """
    last = b"\n"
    try:
        for chunk in chunks:
            last = chunk or last
            yield chunk
        return
    except ApiError as failure:
        log.record_error(failure, kind="broken_stream")
        error, name = failure, failure.upstream or failure.type
    except Exception as crash:
        log.record_crash(crash)
        error, name = unexpected(log.request_id), type(crash).__name__
    # A container's own stream can break off within an event or a line, which the error is no part of.
    yield (b"" if last.endswith(b"\n") else b"\n\n") + encode(error.body())
    # Only names: an error's message can quote the prompt, and the runtime writes this one into its log.
    raise BrokenStreamError(name, f"the stream of request {log.request_id} ended too early")
