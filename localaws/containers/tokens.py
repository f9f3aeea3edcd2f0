"""A small tokenizer: text into pieces that join back to it exactly.

It stands for the tokenizers of the models, which are not here. A word is cut into pieces of at most five
letters with the space before it, digits stand alone, and the markers of the chat formats are one token each,
so that an English text comes to some four characters a token, as with the models' own. A character outside the
Basic Multilingual Plane (an emoji) is in no vocabulary: it takes four tokens, one a byte of its UTF-8, and the
text comes with the last of them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

VOCABULARY_SIZE: Final = 32000
"""As Mistral 7B's (`config.json`, `vocab_size`)."""

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
    r"|\"[,:]"  # one token in the vocabularies of Llama and Mistral, on which TGI's reading of calls relies
    r"|\s"
    r"|."  # anything else, one character at a time
)
_MARKER: Final = re.compile("|".join(_MARKERS))
_LAST_IN_VOCABULARY: Final = "\uffff"

# vLLM reports up to 20 alternatives (its `--max-logprobs`), TGI five.
_OTHERS: Final = (
    *(" the", " a", " is", " to", " of", " and", " in", " it", " that", " for"),
    *(" on", " with", " as", " are", " was", " this", ".", ",", "\n", " be", " by"),
)


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of a text.

    Attributes:
        id: A number below `VOCABULARY_SIZE`, the same for the same text.
        text: The piece itself, with its leading space.
        logprob: A made-up natural logarithm of a probability, at most 0.
        special: Whether it is a marker that is left out of the visible text.
    """

    id: int
    text: str
    logprob: float
    special: bool = False


def encode(text: str) -> list[Token]:
    """Cut `text` into tokens; joining their `Token.text` gives `text` again."""
    return list(iterate(text))


def iterate(text: str) -> Iterator[Token]:
    """Cut `text` into tokens one by one, as `encode` does."""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece > _LAST_IN_VOCABULARY and len(piece) == 1:
            yield from _byte_tokens(piece)
        else:
            yield _token(piece)


def count(text: str) -> int:
    """Return the number of tokens of `text`."""
    return sum(1 for _ in iterate(text))


def end_of_sequence() -> Token:
    """Return the token with which a model ends its answer."""
    return _token(END_OF_SEQUENCE)


def alternatives(token: Token, number: int) -> tuple[Token, ...]:
    """Return the likeliest tokens at a place: `token` itself, then made-up ones, each less likely.

    Args:
        token: The token that was generated.
        number: Number of tokens to return.
    """
    others = (piece for piece in _OTHERS if piece != token.text)
    made_up = (Token(_token(piece).id, piece, token.logprob - rank / 2) for rank, piece in enumerate(others, start=1))
    return (token, *made_up)[:number]


# Of texts that repeat themselves, as load tests' do, a token is made once.
@lru_cache(maxsize=65_536)
def _token(piece: str) -> Token:
    checksum = zlib.crc32(piece.encode())
    return Token(
        id=checksum % VOCABULARY_SIZE,
        text=piece,
        logprob=-(checksum % 4096) / 2048,
        special=_MARKER.fullmatch(piece) is not None,
    )


def _byte_tokens(character: str) -> Iterator[Token]:
    *others, last = character.encode()
    for byte in others:
        # Byte tokens come first in Llama's and Mistral's vocabularies, after three special ones.
        yield Token(id=3 + byte, text="", logprob=-byte / 256)
    yield Token(id=3 + last, text=character, logprob=-last / 256)
