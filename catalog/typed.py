"""Types of the fields of a dataclass, checked however deep: JSON gives whatever somebody has written into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from catalog.deployment import CatalogError

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    NoneType: "null",
    Mapping: "an object",
    Sequence: "a list",
    tuple: "a list",
}
_SHOWN = 60

T = TypeVar("T")


def checked(value: T, *, label: str) -> T:
    """Return a dataclass's object, all of whose fields have the types that the class declares.

    Args:
        value: The object.
        label: Name of the object in messages.

    Raises:
        CatalogError: A field, or something in it, has another type; every one is listed.
    """
    problems = [f"{label} has {problem}" for problem in _of_dataclass(value, "")]
    if problems:
        raise CatalogError(problems)
    return value


def type_problems(value: object, hint: Any, place: str) -> Iterator[str]:
    """Yield what is of another type than a hint says, one problem each.

    Args:
        value: A value, such as one read from JSON.
        hint: Its type: `str`, `int`, `float`, `bool`, `None`, `Any`, a `Literal`, a union, a `Mapping`, a `Sequence`, a
            `tuple` of any length, or a dataclass.
        place: The value's place, with which each problem begins.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if not any(not list(type_problems(value, one, place)) for one in arguments):
            # What is wrong inside of an object is worth more than the list of what else it could be.
            likely = next((one for one in arguments if _is_kind(value, one)), None)
            yield from [_problem(value, hint, place)] if likely is None else type_problems(value, likely, place)
    elif origin is Literal:
        if value not in arguments:
            yield f"{place} {_shown(value)}: allowed are {', '.join(map(str, arguments))}"
    elif hint is Any:
        return
    elif not _is_kind(value, hint):
        yield _problem(value, hint, place)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from type_problems(key, arguments[0], f"a key of {place}")
            yield from type_problems(inner, arguments[1], f"{place}.{key}")
    elif origin is not None and isinstance(value, Sequence):
        for number, inner in enumerate(value):
            yield from type_problems(inner, arguments[0], f"{place}[{number}]")
    elif hasattr(value, "__dataclass_fields__"):
        yield from _of_dataclass(value, f"{place}.")


def _of_dataclass(value: Any, prefix: str) -> Iterator[str]:
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        yield from type_problems(getattr(value, name), hint, f"{prefix}{name}")


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _is_kind(value: object, hint: Any) -> bool:
    """Return whether a value is of the hint's own type, whatever is in it."""
    kind = NoneType if hint is None else get_origin(hint) or hint
    if kind is Sequence:
        return isinstance(value, list | tuple)
    if kind in (int, float):
        # A bool is an int to Python, and no number to JSON.
        return isinstance(value, (int, float) if kind is float else int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _problem(value: object, hint: Any, place: str) -> str:
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    words = [_WORDS.get(get_origin(kind) or kind, "an object") for kind in kinds]
    return f"{place} {_shown(value)}: allowed is {' or '.join(words)}"


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
