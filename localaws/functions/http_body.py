"""Bodies of HTTP requests, as they come: with a length, or in chunks with headers after them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from email.message import Message
from io import BufferedIOBase
from typing import Final

_READ_BYTES: Final = 65_536


class TruncatedError(Exception):
    """A body that ended too early, or is not of its transfer coding."""


class ShortenedLines(io.BufferedReader):
    """A stream that returns the first part of a line that is too long, and skips the rest.

    The header `Lambda-Runtime-Function-XRay-Error-Cause`, which is not read here, may be 1 MB long
    (`awslambdaric` sends the whole stack trace); http.server answers a line of more than 64 KiB with 431.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read to the end of the line, and return `size` - 1 bytes of it at most."""
        line = super().readline(size)
        if size is None or size < 0 or len(line) < size or line.endswith(b"\n"):
            return line
        while rest := super().readline(size):
            if rest.endswith(b"\n"):
                break
        return line[: size - 2] + b"\n"


def read_body(stream: BufferedIOBase, headers: Message, trailers: dict[str, str]) -> Iterator[bytes]:
    """Read a request's body as it comes; put the headers after it into `trailers`.

    Raises:
        TruncatedError: If it ends too early.
    """
    if headers.get("Transfer-Encoding", "").lower() != "chunked":
        yield from _exactly(stream, int(headers.get("Content-Length") or 0))
        return
    while True:
        line = stream.readline(_READ_BYTES).partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", line):
            raise TruncatedError
        size = int(line, 16)
        if not size:
            break
        yield from _exactly(stream, size)
        if stream.read(2) != b"\r\n":
            raise TruncatedError
    while line := stream.readline(_READ_BYTES).strip():
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()


def _exactly(stream: BufferedIOBase, size: int) -> Iterator[bytes]:
    while size:
        data = stream.read(min(size, _READ_BYTES))
        if not data:
            raise TruncatedError
        size -= len(data)
        yield data
