"""Say what of a later part of the data does not convert to the types of the first: as `datasets` casts tables.

Tried with `datasets` 2.14.7 and 5.2.0 for each pair of types. Strings take numbers, booleans and timestamps; numbers
and booleans take strings that can be read as such; nothing takes an object or array but an equal one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from training.dataset.column import Column

_INTEGER: Final = re.compile(r"-?\d+|-?0[xX][0-9a-fA-F]{1,16}", re.ASCII)
_DOUBLE: Final = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_BOOLEAN: Final = re.compile(r"true|false|0|1", re.ASCII | re.IGNORECASE)

_WORDS: Final = {
    "null": "null throughout",
    "bool": "a boolean",
    "int64": "a whole number",
    "double": "a number",
    "timestamp": "a date throughout",
    "string": "a string",
    "list": "an array",
    "struct": "an object",
}


_FAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "bool": {"string": "odd_line", "timestamp": "line"},
    "int64": {"string": "odd_line", "double": "fraction_line"},
    "double": {"string": "odd_line", "int64": "wide_line", "timestamp": "line"},
    "timestamp": {"string": "text_line", "double": "float_line", "bool": "line"},
    "string": {},
}
"""Attributes of `Column` with the line that does not convert, by the first part's type and the later one's."""


class Problem(NamedTuple):
    """A field that does not convert.

    Attributes:
        path: Names of the field and of those around it, with `[]` for an array's items.
        line: The first line at fault; 0 for the part as a whole.
        missing: True if the part lacks the field.
        new: True if the first part lacks it.
        here: The type in the part, in words.
        there: The type in the first part, in words.
    """

    path: tuple[str, ...]
    line: int = 0
    missing: bool = False
    new: bool = False
    here: str = ""
    there: str = ""


def parses(text: str, first: Column) -> bool:
    """Report whether a string can be read as the number or boolean that the first part has.

    Args:
        text: The string.
        first: The type in the first part.
    """
    if first.arrow == "int64":
        return bool(_INTEGER.fullmatch(text)) and ("x" in text.lower() or _fits(text))
    return bool((_DOUBLE if first.arrow == "double" else _BOOLEAN).fullmatch(text))


def _fits(digits: str) -> bool:
    # Python refuses to convert more than some thousand digits.
    return len(digits) <= 20 and -(2**63) <= int(digits) < 2**63


def problems(part: Column, first: Column, path: tuple[str, ...] = ()) -> Iterator[Problem]:
    """List what in a part of the data does not convert to the first part's types.

    Args:
        part: The types of an object, in the part.
        first: Its types in the first part.
        path: Where the object is.
    """
    for name in first.members:
        if name not in part.members:
            yield Problem((*path, name), missing=True)
    for name, member in part.members.items():
        below = (*path, name)
        if name not in first.members:
            yield Problem(below, member.line, new=True)
        else:
            yield from _value(member, first.members[name], below)


def _value(part: Column, first: Column, path: tuple[str, ...]) -> Iterator[Problem]:
    here, there = part.arrow, first.arrow
    if here == "null":
        return
    if here == there == "struct":
        yield from problems(part, first, path)
    elif here == there == "list":
        if part.items is not None:
            yield from _value(part.items, first.items or Column(), (*path, "[]"))
    else:
        line = _line_at_fault(part, here, there)
        if line:
            yield Problem(path, line, here=_words(here, there), there=_WORDS[there])


def _words(here: str, there: str) -> str:
    if here == "string" and there in {"bool", "int64", "double"}:
        return f"a string that is not {_WORDS[there]}"
    if (here, there) == ("int64", "double"):
        return "a whole number beyond 2^53"
    if (here, there) == ("double", "int64"):
        return "not a whole number of 64 bits"
    return "no date" if (here, there) == ("string", "timestamp") else _WORDS[here]


def _line_at_fault(part: Column, here: str, there: str) -> int:
    """Return the first line whose value does not convert; 0 where all do."""
    if here in {"list", "struct"} or there in {"null", "list", "struct"}:
        return part.line
    attribute = _FAULTS[there].get(here)
    return getattr(part, attribute) if attribute else 0
