"""Measure lengths of samples: in bytes, which is exact, and in tokens, which is an estimate."""

from __future__ import annotations

from typing import Final

BYTES_A_TOKEN: Final = 4
"""Bytes of UTF-8 that a token has on average: an estimate.

OpenAI's rule of thumb is some 4 characters of English text a token (platform.openai.com/tokenizer). Bytes stand for
characters here, because text beyond ASCII takes more tokens a character, about as it takes more bytes. Mistral 7B's
tokenizer has 4.2 and 4.0 bytes a token on the project's two sample data sets, 2.9 to 3.8 on German, Russian
and Python source, 2.0 to 2.6 on Hebrew and Japanese: such text has up to twice the tokens estimated. The tokenizer
itself comes with the model and is not at hand where data is checked.
"""


def tokens(size: float) -> int:
    """Estimate the tokens of a number of bytes of text."""
    return round(size / BYTES_A_TOKEN)


def utf8_bytes(text: str) -> int:
    """Return the bytes of a text in UTF-8, without encoding an ASCII text."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Lengths:
    """Least, mean and most of the lengths that were added, in bytes.

    Attributes:
        count: Number of lengths.
        total: Their sum.
        least: The shortest, 0 where there is none.
        most: The longest.
    """

    __slots__ = ("count", "least", "most", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0
        self.least = 0
        self.most = 0

    def add(self, size: int) -> None:
        """Add one length."""
        self.most = max(self.most, size)
        if size < self.least or not self.count:
            self.least = size
        self.count += 1
        self.total += size

    @property
    def mean(self) -> float:
        """The mean, 0 where there is none."""
        return self.total / self.count if self.count else 0.0
