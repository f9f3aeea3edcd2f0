"""Read one file as a stream: hash it, check its encoding, and split it into lines of bounded length."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from training.dataset.faults import Faults, Kind, Place
from training.dataset.sources import File, Source, SourceError

Batch = list[bytes | None]
"""Consecutive lines without their `\\n`; None stands for one that is too long."""

_OTHER_ENCODINGS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PAR1", "Parquet"),
)
_SNIFFED_BYTES: Final = 1024


class Stream:
    """The bytes of a file, which can be read once."""

    def __init__(
        self, source: Source, file: File, place: Place, faults: Faults, *, seconds_left: Callable[[], float] | None
    ) -> None:
        """Set up the stream; nothing is opened yet.

        Args:
            source: The folder of the file.
            file: The file.
            place: The file's name in reports.
            faults: Collects findings about its encoding.
            seconds_left: Returns the time that is left for the check, in seconds; None without a limit.
        """
        self.place = place
        self.size = 0
        self.marked = False
        self._source = source
        self._file = file
        self._faults = faults
        self._seconds_left = seconds_left
        self._hash = hashlib.sha256()
        self._raw = self._read()

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes read so far, in hex."""
        return self._hash.hexdigest()

    def _read(self) -> Iterator[bytes]:
        for chunk in self._source.chunks(self._file):
            if self._seconds_left is not None and self._seconds_left() <= 0:
                message = f"the time for the check ran out after {self.size} of {self._file.size} bytes of"
                raise SourceError(f"{message} {self._source.uri}: {self._file.name}")
            self._hash.update(chunk)
            self.size += len(chunk)
            yield chunk

    def drain(self) -> None:
        """Read the rest, for the hash."""
        for _ in self._raw:
            pass

    def chunks(self) -> Iterator[bytes]:
        """Yield the content without a byte order mark; report another encoding than UTF-8, and yield nothing."""
        head = b""
        for chunk in self._raw:
            head += chunk
            if len(head) >= _SNIFFED_BYTES:
                break
        wrong = _other_encoding(head)
        if wrong:
            self._faults.add(Kind.ENCODING, self.place, None, f"it is {wrong}; save it as plain UTF-8")
            return
        if head.startswith(codecs.BOM_UTF8):
            self._mark()
            head = head[len(codecs.BOM_UTF8) :]
        if head:
            yield head
        yield from self._raw

    def _mark(self) -> None:
        """Report a byte order mark: `datasets` drops it from JSON and CSV, and leaves it in plain text."""
        self.marked = True
        if self.place.file.endswith(".txt"):
            detail = "a byte order mark, which stays in the text; save it as UTF-8 without one"
            self._faults.add(Kind.ENCODING, self.place, 1, detail)
        else:
            self._faults.add(Kind.BYTE_ORDER_MARK, self.place, 1)

    def lines(self, *, limit: int) -> Iterator[Batch]:
        """Yield batches of the content's lines. The last line may lack its line break.

        Args:
            limit: Most bytes of a line; a longer one is None.
        """
        return split(self.chunks(), limit=limit)


def split(chunks: Iterable[bytes], *, limit: int) -> Iterator[Batch]:
    """Split a stream into lines; see `Stream.lines`."""
    pieces: list[bytes] = []
    held = 0
    for chunk in chunks:
        batch: Batch = list(chunk.split(b"\n"))
        last = batch.pop() or b""
        if not batch:
            held += len(last)
            # A line that is too long already is counted, but not kept.
            if held <= limit:
                pieces.append(last)
            else:
                pieces.clear()
            continue
        held += len(batch[0] or b"")
        batch[0] = b"".join([*pieces, batch[0] or b""]) if held <= limit else None
        pieces, held = [last], len(last)
        yield _bounded(batch, limit)
    if held:
        yield [b"".join(pieces) if held <= limit else None]


def pieces(chunks: Iterable[bytes], *, limit: int) -> Iterator[tuple[bytes, bool]]:
    r"""Split plain text into lines, and longer lines between characters.

    Args:
        chunks: The text.
        limit: Bytes beyond which a line is cut.

    Yields:
        A line without its `\n` or a piece of one, and True if the line goes on.
    """
    held, cut = b"", False
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        cut = cut and not lines
        for line in lines:
            yield line, False
        if len(held) > limit:
            end = _last_boundary(held)
            yield held[:end], True
            held, cut = held[end:], True
    if held or cut:
        yield held, False


def _last_boundary(text: bytes) -> int:
    """Return the place of the last character, which may be incomplete; the text's length where it is ASCII."""
    for back in range(1, min(5, len(text))):
        if text[-back] >= 0xC0:
            return len(text) - back
        if text[-back] < 0x80:
            break
    return len(text)


def _bounded(batch: Batch, limit: int) -> Batch:
    return [line if line is not None and len(line) <= limit else None for line in batch]


def _other_encoding(head: bytes) -> str:
    for mark, name in _OTHER_ENCODINGS:
        if head.startswith(mark):
            return name
    return "UTF-16, UTF-32 or binary, with NUL bytes" if b"\0" in head[:_SNIFFED_BYTES] else ""


def bad_bytes(line: bytes, *, before: int = 0) -> str:
    """Return the first byte of a line that is not UTF-8, for reports; empty where there is none.

    Args:
        line: The line, or a piece of it.
        before: Bytes of the line before the piece.
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        return f"byte 0x{line[error.start]:02x} at byte {before + error.start + 1} of the line"
    return ""
