"""Read one JSON array of objects, object by object."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator

from training.dataset.faults import Faults, Kind, Place
from training.dataset.jsonlines import Record, decoder, encodable, json_problem, json_type

_SPACE = frozenset(" \t\r\n")
_LONGEST_LITERAL = 16
"""An error this many characters before the end of the text read so far may come from an incomplete literal."""


def array_records(chunks: Iterable[bytes], place: Place, faults: Faults, *, limit: int) -> Iterator[tuple[int, Record]]:
    """Yield the objects of an array with the numbers of the lines that they start on.

    Other values are reported. Reading ends at invalid JSON, because the start of the next object is unknown.

    Args:
        chunks: The document, which starts with `[`.
        place: The file.
        faults: Collects the findings.
        limit: Characters of the longest object that is read.

    Yields:
        Line number from 1, and object.
    """
    text = _Text(iter(chunks))
    try:
        yield from _members(text, place, faults, limit)
    except _StopError as stop:
        faults.add(stop.kind, place, stop.line, f"{stop.detail}; nothing more was read")


class _StopError(Exception):
    """The rest of the document cannot be read."""

    def __init__(self, kind: Kind, line: int, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.line = line
        self.detail = detail


class _Text:
    """The part of a document in memory, and the position up to which it was parsed."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._chunks = chunks
        self.held = ""
        self.at = 0
        self.line = 1

    def more(self) -> bool:
        """Drop the parsed text and append the next chunk; report if there was one."""
        self.held, self.at = self.held[self.at :], 0
        chunk = next(self._chunks, None)
        try:
            self.held += self._decode(chunk or b"", final=chunk is None)
        except UnicodeDecodeError as error:
            line = self.line + self.held.count("\n") + error.object.count(b"\n", 0, error.start)
            raise _StopError(Kind.ENCODING, line, f"byte 0x{error.object[error.start]:02x}") from error
        return chunk is not None

    def move(self, place: int) -> None:
        """Advance to a position in the text."""
        self.line += self.held.count("\n", self.at, place)
        self.at = place

    def next(self) -> str:
        """Advance to the next character that is no space, and return it; empty at the end."""
        while True:
            place = self.at
            while place < len(self.held) and self.held[place] in _SPACE:
                place += 1
            self.move(place)
            if self.at < len(self.held):
                return self.held[self.at]
            if not self.more():
                return ""

    def value(self, limit: int) -> object:
        """Parse the value that begins here, advance past it and return it."""
        while True:
            try:
                value, end = decoder.raw_decode(self.held, self.at)
            except json.JSONDecodeError as error:
                self._complete(error, limit)
                continue
            except (ValueError, RecursionError) as error:
                raise _StopError(Kind.NOT_JSON, self.line, json_problem(error)) from error
            # A number may continue in the next chunk.
            if end < len(self.held) or isinstance(value, dict | list | str) or not self.more():
                break
        if end - self.at > limit:
            raise _StopError(Kind.LINE_TOO_LONG, self.line, f"an object of more than {limit} characters")
        self.move(end)
        return value

    def _complete(self, error: json.JSONDecodeError, limit: int) -> None:
        """Read the next chunk if a value may only seem wrong because its end was not read yet.

        Raises:
            _StopError: The value is too long, or wrong.
        """
        incomplete = error.msg.startswith("Unterminated string") or error.pos + _LONGEST_LITERAL >= len(self.held)
        if incomplete and len(self.held) - self.at > limit:
            raise _StopError(Kind.LINE_TOO_LONG, self.line, f"an object of more than {limit} characters")
        line = self.line + self.held.count("\n", self.at, error.pos)
        if not incomplete or not self.more():
            raise _StopError(Kind.NOT_JSON, line, f"{error.msg[:1].lower()}{error.msg[1:]}") from error


def _members(text: _Text, place: Place, faults: Faults, limit: int) -> Iterator[tuple[int, Record]]:
    text.next()
    text.move(text.at + 1)
    after = "]" if text.next() == "]" else ","
    if after == "]":
        text.move(text.at + 1)
    while after != "]":
        text.next()
        line = text.line
        value = text.value(limit)
        if not isinstance(value, dict):
            faults.add(Kind.NOT_AN_OBJECT, place, line, f"it is {json_type(value)}")
        elif not encodable(value):
            faults.add(Kind.ENCODING, place, line, r"an unpaired surrogate (\ud800 to \udfff), which is no character")
        else:
            yield line, value
        after = text.next()
        if after not in {",", "]"}:
            raise _StopError(Kind.NOT_JSON, text.line, "neither a comma nor the end of the array")
        text.move(text.at + 1)
    if text.next():
        raise _StopError(Kind.NOT_JSON, text.line, "text after the end of the array")
