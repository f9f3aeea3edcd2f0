"""Streamed bodies: server-sent events, and how what goes wrong in them is told."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from invoke_shim.errors import ApiError, unexpected
from invoke_shim.http.proxy import BrokenStreamError
from invoke_shim.telemetry.report import Report

CONTENT_TYPE = "text/event-stream; charset=utf-8"

HEADERS = {"cache-control": "no-cache"}

DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    """One event with JSON for its data, which so has no line breaks of its own."""
    return b"data: " + json.dumps(value).encode("ascii") + b"\n\n"


def line(value: Any) -> bytes:
    """One line of JSON, as containers stream that do not speak server-sent events."""
    return json.dumps(value).encode("ascii") + b"\n"


def close(chunks: Iterator[Any]) -> None:
    """Close what can be closed, as generators can: nobody reads on."""
    closing = getattr(chunks, "close", None)
    if closing is not None:
        closing()


def events(values: Iterator[dict[str, Any]], report: Report) -> Iterator[bytes]:
    """OpenAI's stream of events: each value, then `[DONE]`; or the error that kept it from its end.

    Raises:
        BrokenStreamError: after an event that tells the client of the error.
    """
    return guarded(_encoded(values), report, encode=event)


def _encoded(values: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    for value in values:
        yield event(value)
    yield DONE


def guarded(chunks: Iterator[bytes], report: Report, *, encode: Callable[[Any], bytes] = event) -> Iterator[bytes]:
    """A streamed body that says what went wrong.

    Args:
        chunks: the body.
        report: gets to know of it.
        encode: writes OpenAI's error object in the stream's own form.

    Raises:
        BrokenStreamError: after a last chunk that tells the client of the error.
    """
    last = b"\n"
    try:
        for chunk in chunks:
            last = chunk or last
            yield chunk
        return
    except ApiError as failure:
        report.failed(failure, kind="broken_stream")
        error, name = failure, failure.upstream or failure.type
    except Exception as crash:
        report.crashed(crash)
        error, name = unexpected(report.request_id), type(crash).__name__
    # A container's own stream can break off within an event or a line, which the error is no part of.
    yield (b"" if last.endswith(b"\n") else b"\n\n") + encode(error.body())
    # Only names: an error's message can quote the prompt, and the runtime writes this one into its log.
    raise BrokenStreamError(name, f"the stream of request {report.request_id} ended too early")
