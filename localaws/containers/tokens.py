"""A small tokenizer: text into pieces that join back to it exactly.

It stands for the tokenizers of the models, which are not here. A word is cut into pieces of at most five
letters with the space before it, digits stand alone, and the markers of the chat formats are one token each,
so that an English text comes to some four characters a token, as with the models' own.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Final

VOCABULARY_SIZE: Final = 32000
"""As Mistral 7B's (``config.json``, ``vocab_size``)."""

END_OF_SEQUENCE: Final = "</s>"

_MARKERS: Final = (
    r"<s>",
    r"</s>",
    r"\[/?INST\]",
    r"<\|im_(?:start|end)\|>",
    r"<\|endoftext\|>",
)
_PIECE: Final = re.compile(
    "|".join(_MARKERS) + r"| ?[^\W\d_]{1,5}"  # letters, with the space before them
    r"| ?\d"
    r"|\s"
    r"|."  # anything else, one character at a time
)
_MARKER: Final = re.compile("|".join(_MARKERS))


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a text.

    Attributes:
        id: a number below `VOCABULARY_SIZE`, the same for the same text.
        text: the piece itself, with its leading space.
        logprob: a made-up natural logarithm of a probability, at most 0.
        special: whether it is a marker that is left out of the visible text.
    """

    id: int
    text: str
    logprob: float
    special: bool = False


def encode(text: str) -> list[Token]:
    """Cut `text` into tokens; joining their `Token.text` gives `text` again."""
    return [_token(piece) for piece in _PIECE.findall(text)]


def end_of_sequence() -> Token:
    """Return the token with which a model ends its answer."""
    return _token(END_OF_SEQUENCE)


def _token(piece: str) -> Token:
    checksum = zlib.crc32(piece.encode())
    return Token(
        id=checksum % VOCABULARY_SIZE,
        text=piece,
        logprob=-(checksum % 4096) / 2048,
        special=_MARKER.fullmatch(piece) is not None,
    )
