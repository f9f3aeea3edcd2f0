"""Words for values of a wrong type: what each is, what is allowed, and what was meant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from catalog.nearest import similar
from stacks.preflight.accounts import in_words

_SHOWN = 60
_KINDS: Mapping[type, str] = {
    str: "a text",
    bytes: "bytes",
    int: "a whole number",
    float: "a number with a point",
    dict: "a mapping",
    list: "a list",
    tuple: "a tuple",
    set: "a set",
    frozenset: "a set",
}
_WORDS: Mapping[Any, str] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    NoneType: "None",
}
_TRUTHS: Mapping[object, bool] = {"true": True, "yes": True, 1: True, "false": False, "no": False, 0: False}


def options(hint: Any) -> tuple[Any, ...]:
    """Return the members of a union; any other hint alone."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def shown(value: object) -> str:
    """Return a value as a finding shows it, with what it is."""
    if value is None or isinstance(value, bool):
        return f"{value}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, int) and value.bit_length() > _SHOWN:
        return "a whole number of many digits"
    kind = next((said for known, said in _KINDS.items() if isinstance(value, known)), "")
    if not kind or isinstance(value, Enum) or is_dataclass(value):
        return f"an object of the type {type(value).__name__}"
    try:
        text = ascii(value)
    except Exception:
        return kind
    return f"{text if len(text) <= _SHOWN else text[: _SHOWN - 3] + '...'}, {kind}"


def words(hint: Any) -> str:
    """Return what a hint allows, such as `a whole number, or None`."""
    said = [_words(one) for one in options(hint) if one is not NoneType]
    allowed = in_words(said).replace(" and ", " or ") if len(said) > 1 else "".join(said)
    return f"{allowed}, or None" if NoneType in options(hint) else allowed


def _words(hint: Any) -> str:
    origin, arguments = get_origin(hint) or hint, get_args(hint)
    if origin is Literal:
        return ", ".join(map(repr, arguments))
    if origin is Mapping:
        return f"a mapping of {_many(arguments[0])} to {_many(arguments[1])}"
    if origin is Sequence:
        return f"a sequence of {_many(arguments[0])}, in parentheses or brackets"
    if isinstance(origin, type) and issubclass(origin, Enum):
        return " or ".join(map(str, map(_member, origin)))
    return _WORDS.get(origin) or _call(origin)


def _call(kind: Any) -> str:
    needed = ", ".join(f"{name}=..." for name in _needed(kind))
    return f"{kind.__name__}({needed if 0 < len(needed) <= _SHOWN else '...'})"


def _many(hint: Any) -> str:
    said = _WORDS.get(hint, "")
    return f"{said.removeprefix('a ')}s" if said.startswith("a ") else words(hint)


def _member(member: Enum) -> str:
    return f"{type(member).__name__}.{member.name}"


def meant(value: object, hint: Any) -> str:
    """Return the right value that somebody may have meant; empty where nothing is likely."""
    return next((said for one in options(hint) if (said := _meant(value, one))), "")


def _meant(value: object, hint: Any) -> str:
    origin, arguments = get_origin(hint) or hint, get_args(hint)
    said = ""
    if origin is int or origin is float:
        said = _number(value, whole=origin is int)
    elif origin is str and isinstance(value, int | float):
        said = "" if isinstance(value, int) and value.bit_length() > _SHOWN else repr(str(value))
    elif origin is bool and not isinstance(value, float):
        truth = value.lower() if isinstance(value, str) else value
        said = f"{_TRUTHS[truth]}" if isinstance(truth, str | int) and truth in _TRUTHS else ""
    elif origin is Sequence and isinstance(value, str) and arguments[0] is str:
        said = f"({value!r},)" if len(value) <= _SHOWN else ""
    elif isinstance(origin, type) and issubclass(origin, Enum) and isinstance(value, str):
        by_text = {text: _member(one) for one in origin for text in (str(one.value).lower(), one.name.lower())}
        said = " or ".join(dict.fromkeys(by_text[near] for near in similar(value.lower(), by_text, most=1)))
    elif origin is str and isinstance(value, dict):
        said = "json.dumps of it"
    elif is_dataclass(origin) and (value is True or value is origin) and not _needed(origin):
        said = f"{getattr(origin, '__name__', '')}()"
    return said


def _number(value: object, *, whole: bool) -> str:
    if isinstance(value, str) and len(value) < _SHOWN:
        try:
            value = float(value)
        except ValueError:
            return ""
    if not isinstance(value, float) or not math.isfinite(value):
        return ""
    if value == int(value):
        return f"{int(value)}"
    return "" if whole else f"{value}"


def _needed(kind: Any) -> list[str]:
    """Return the names of the fields without a default."""
    return [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
