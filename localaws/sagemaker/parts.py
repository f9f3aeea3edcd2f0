"""Payload parts of a container's stream: SageMaker cuts it anywhere.

SageMaker does not look into what it passes on. A part ends where the bytes that had arrived ended, so that it may hold
several events, or end within one, or within a character. Parts are cut here on purpose where it hurts most.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from typing import Final

# The first byte of a character of several, and one more: a cut is made between them.
_CHARACTER: Final = re.compile(rb"[\xc2-\xf4](?=[\x80-\xbf])")

_LONGEST_BYTES: Final = 700
"""Some six tokens of TGI's."""


class PartCutter:
    """Cuts the bytes of one stream, the same way for the same bytes; nothing is held back."""

    def __init__(self) -> None:
        """Start a stream."""
        self._state = 0

    def cut(self, data: bytes) -> Iterator[bytes]:
        """Yield the parts of the bytes that have just arrived."""
        start = 0
        while start < len(data):
            end = min(len(data), start + 1 + self._state % _LONGEST_BYTES)
            character = _CHARACTER.search(data, start, end)
            if character is not None and self._state & 1 == 0:
                end = character.end()
            part = data[start:end]
            self._state = zlib.crc32(part, self._state)
            yield part
            start = end
