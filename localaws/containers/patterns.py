"""A text that a regular expression matches, for grammars and for schemas with a `pattern`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from re import _constants as codes  # type: ignore[attr-defined]  # the standard library's own reading of expressions
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

# Tried in this order where an expression leaves a choice.
_CHARACTERS: Final = string.ascii_lowercase + string.digits + string.ascii_uppercase + " " + string.punctuation + "\n"
_MOST_REPEATS: Final = 1000
_CATEGORIES: Final[Mapping[Any, str]] = {
    codes.CATEGORY_DIGIT: "1",
    codes.CATEGORY_NOT_DIGIT: "a",
    codes.CATEGORY_SPACE: " ",
    codes.CATEGORY_NOT_SPACE: "a",
    codes.CATEGORY_WORD: "a",
    codes.CATEGORY_NOT_WORD: "-",
}


def pattern_problem(pattern: str) -> str | None:
    """Return why no text is known that `pattern` matches from end to end, or None."""
    try:
        text = _text(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        return str(error)
    return None if re.fullmatch(pattern, text) else f"the stand-in knows no text that matches {pattern!r}"


def text_of(pattern: str, *, at_least: int = 0) -> str:
    """Return a short text that `pattern` matches somewhere, of at least so many characters where that is easy.

    Raises:
        ValueError: If the expression is none, or no text is found.
    """
    try:
        text = _text(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    padded = next((text + end * (at_least - len(text)) for end in (text[-1:], "a") if end), text)
    for found in (padded, text):
        if re.search(pattern, found):
            return found
    raise ValueError(f"no text found for {pattern!r}")


def _text(items: Iterable[Any]) -> str:
    return "".join(_item(kind, argument) for kind, argument in items)


def _item(kind: Any, argument: Any) -> str:
    write = _WRITERS.get(kind)
    if write is None:
        raise ValueError(f"{kind} in a regular expression is not known to the stand-in")
    return write(argument)


def _other_than(code: int) -> str:
    return next(character for character in _CHARACTERS if ord(character) != code)


def _repeated(argument: tuple[int, int, Any]) -> str:
    least, most, inner = argument
    if least > _MOST_REPEATS:
        raise ValueError(f"the stand-in repeats nothing {least} times")
    return _text(inner) * (least or min(1, most))


def _one_of(members: list[tuple[Any, Any]]) -> str:
    """Return a character of a set."""
    if members[0][0] is codes.NEGATE:
        return next(character for character in _CHARACTERS if not _is_in(character, members[1:]))
    kind, argument = members[0]
    if kind is codes.LITERAL:
        return chr(argument)
    if kind is codes.RANGE:
        return chr(argument[0])
    return _CATEGORIES[argument]


def _is_in(character: str, members: list[tuple[Any, Any]]) -> bool:
    code = ord(character)
    for kind, argument in members:
        if kind is codes.LITERAL and argument == code:
            return True
        if kind is codes.RANGE and argument[0] <= code <= argument[1]:
            return True
        if kind is codes.CATEGORY and re.match(_CLASSES[argument], character):
            return True
    return False


_CLASSES: Final = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}

_WRITERS: Final[Mapping[Any, Callable[[Any], str]]] = {
    codes.LITERAL: chr,
    codes.NOT_LITERAL: _other_than,
    codes.ANY: lambda _: "a",
    codes.IN: _one_of,
    **dict.fromkeys((codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT), _repeated),
    codes.SUBPATTERN: lambda argument: _text(argument[3]),
    codes.BRANCH: lambda argument: _text(argument[1][0]),
    codes.ATOMIC_GROUP: _text,
    **dict.fromkeys((codes.AT, codes.ASSERT, codes.ASSERT_NOT), lambda _: ""),
}
