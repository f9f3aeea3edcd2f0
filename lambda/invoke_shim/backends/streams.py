"""Decode the events of a container's streamed answer, whose bytes come split and joined anywhere.

SageMaker does not align the parts of a response stream with the container's events: a part can hold three events
and the half of a fourth, or end inside a character. Containers stream either server-sent events (TGI, vLLM, LMI with
TGI_COMPAT) or JSON lines (LMI); the bytes show which of them, as LMI's output formatter is the deployment's choice.

Sources: WHATWG's HTML standard, "Server-sent events" (lines, fields, comments), jsonlines.org.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from invoke_shim.errors import ApiError

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The longest event that is held in memory. A container's last one can repeat a prompt, of at most 6 MB."""

DONE = "[DONE]"
"""The last event of a stream of OpenAI's form, in place of a JSON document."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_DECODER = json.JSONDecoder()


class LineSplitter:
    """Splits bytes into lines that end in LF, CR or CRLF."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._after_cr = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the lines that are complete with them, without their ends.

        Raises:
            ApiError: 502, a line is too long to be an event.
        """
        if self._after_cr and data:
            # A CR ended its line at once: waiting for its LF could hold an event back for ever.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        # Only the new bytes are looked at: a line that comes in a thousand parts is no thousand searches.
        if b"\n" not in data and b"\r" not in data:
            self._keep(data)
            return []
        self._after_cr = data.endswith(b"\r")
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines[0] = bytes(self._buffer) + lines[0]
        self._buffer.clear()
        self._keep(lines.pop())
        return lines

    def end(self) -> list[bytes]:
        """Return the last line, if it has no end."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return [rest] if rest else []

    def _keep(self, data: bytes) -> None:
        if len(self._buffer) + len(data) > MAX_EVENT_BYTES:
            raise _runaway()
        self._buffer += data


class JsonLinesDecoder:
    """Splits JSON lines into the texts of their documents; blank lines are ignored."""

    def __init__(self) -> None:
        self._lines = LineSplitter()

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the documents that are complete with them."""
        return self._documents(self._lines.feed(data))

    def end(self) -> list[str]:
        """Return the rest when the stream ends."""
        return self._documents(self._lines.end())

    def _documents(self, lines: list[bytes]) -> list[str]:
        return [_text(line) for line in lines if line.strip(_BLANK)]


class SseDecoder:
    """Splits server-sent events into their data; comments, and fields other than `data`, are ignored."""

    def __init__(self) -> None:
        self._lines = LineSplitter()
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the data of the events that are complete with them.

        Raises:
            ApiError: 502, an event is too long.
        """
        return self._events(self._lines.feed(data))

    def end(self) -> list[str]:
        """Return the rest when the stream ends. Browsers drop an event without its blank line; it may be text."""
        return self._events([*self._lines.end(), b""])

    def _events(self, lines: list[bytes]) -> list[str]:
        events = []
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                events.append(_text(b"\n".join(self._data)))
                self._data = []
                self._size = 0
        return events

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        self._size += len(value)
        if self._size > MAX_EVENT_BYTES:
            raise _runaway()
        self._data.append(value.removeprefix(b" "))


class StreamDecoder:
    """Decodes JSON lines or server-sent events, by the first byte that is not blank."""

    def __init__(self) -> None:
        self._decoder: JsonLinesDecoder | SseDecoder | None = None
        self._start = b""

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the documents, or the events' data, that are complete with them.

        Raises:
            ApiError: 502, a line or an event is too long.
        """
        if self._decoder is None:
            data = (self._start + data).lstrip(_BLANK)
            if len(data) < len(_BYTE_ORDER_MARK) and _BYTE_ORDER_MARK.startswith(data):
                # Nothing yet, or the beginning of a byte order mark.
                self._start = data
                return []
            data = data.removeprefix(_BYTE_ORDER_MARK)
            self._start = b""
            if not data.lstrip(_BLANK):
                return []
            self._decoder = JsonLinesDecoder() if data.lstrip(_BLANK)[:1] in (b"{", b"[") else SseDecoder()
        return self._decoder.feed(data)

    def end(self) -> list[str]:
        """Return the rest when the stream ends."""
        return self._decoder.end() if self._decoder is not None else []


def documents(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Yield the JSON documents of a container's stream, each as soon as it is complete.

    Args:
        chunks: The stream's bytes, split anywhere.

    Raises:
        ApiError: 502, the bytes are no stream of JSON documents, or too long to be one, or end within one.
    """
    decoder = StreamDecoder()
    began = False
    for chunk in chunks:
        for text in decoder.feed(chunk):
            yield from parse(text)
            began = True
    for text in decoder.end():
        try:
            rest = parse(text)
        except ApiError:
            if began:
                raise broken_off() from None
            raise
        yield from rest


def parse(text: str) -> list[Any]:
    """Parse an event's data: one document, none at the end of the stream, or several without a separator.

    Raises:
        ApiError: 502, it is not JSON.
    """
    if text.strip() in ("", DONE):
        return []
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return _parse_several(text)
    except (ValueError, RecursionError):
        raise not_understood() from None


def _parse_several(text: str) -> list[Any]:
    found = []
    position = 0
    try:
        while position < len(text) and not text.startswith(DONE, position):
            if text[position].isspace():
                position += 1
                continue
            document, position = _DECODER.raw_decode(text, position)
            found.append(document)
    except (ValueError, RecursionError):
        raise not_understood() from None
    return found


def not_understood() -> ApiError:
    """Return the 502 of an answer that is not of the container's documented form."""
    return ApiError(
        "the model's container gave an answer that this API does not understand",
        status=502,
        type="server_error",
        upstream="unreadable reply",
    )


def broken_off() -> ApiError:
    """Return the 502 of a stream that ended before its answer did."""
    return ApiError(
        "the model's answer broke off: its container ended the stream before the answer's end",
        status=502,
        type="server_error",
        upstream="stream without an end",
    )


def _runaway() -> ApiError:
    return ApiError(
        f"the model's container sent an event of more than {MAX_EVENT_BYTES} bytes without an end",
        status=502,
        type="server_error",
        upstream="runaway event",
    )


def _text(data: bytes) -> str:
    # As the standard says; a byte that is not UTF-8 must not cost the rest of the answer.
    return data.decode("utf-8", errors="replace")
