"""The intrinsic functions of state machines: their syntax, and what each gives.

Source: Step Functions Developer Guide, "Intrinsic functions for JSONPath states".
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(r"States\.[A-Za-z0-9]+")
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_LITERALS: Final = {"true": True, "false": False, "null": None}

# Limits of the guide: States.ArrayRange makes, and States.Hash, Base64* read, at most so much.
_MAX_RANGE: Final = 1000
_MAX_TEXT: Final = 10_000
_HASHES: Final = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


class IntrinsicError(ValueError):
    """A malformed call of an intrinsic function, or arguments that it does not take."""


@dataclass(frozen=True, slots=True)
class Path:
    """A path as an argument."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an intrinsic function."""

    name: str
    arguments: tuple[Any, ...]


def is_call(text: str) -> bool:
    """Return whether a payload template's value is a call of an intrinsic function and no path."""
    return text.startswith("States.")


def parse(text: str) -> Call:
    """Return the call that `text` writes.

    Raises:
        IntrinsicError: If it is malformed or names a function that does not exist.
    """
    call, end = _call(text, 0)
    if text[end:].strip():
        raise IntrinsicError(f"{text!r}: nothing may follow the call")
    return call


def evaluate(call: Call, resolve: Callable[[str], Any]) -> Any:
    """Return what a call gives; `resolve` returns what a path leads to.

    Raises:
        IntrinsicError: If the function does not take its arguments.
    """
    arguments = []
    for argument in call.arguments:
        match argument:
            case Call():
                arguments.append(evaluate(argument, resolve))
            case Path():
                arguments.append(resolve(argument.text))
            case _:
                arguments.append(argument)
    try:
        return _FUNCTIONS[call.name](*arguments)
    except IntrinsicError as error:
        raise IntrinsicError(f"{call.name}: {error}") from error
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise IntrinsicError(f"{call.name} does not take its arguments: {error}") from error


def paths_of(call: Call) -> list[str]:
    """Return all paths among the arguments of a call and those within it."""
    found = []
    for argument in call.arguments:
        if isinstance(argument, Path):
            found.append(argument.text)
        elif isinstance(argument, Call):
            found += paths_of(argument)
    return found


def _call(text: str, start: int) -> tuple[Call, int]:
    match = _NAME.match(text, start)
    if match is None or text[match.end() : match.end() + 1] != "(":
        raise IntrinsicError(f"{text!r}: expected a call such as States.Format('…')")
    name = match.group()
    if name not in _FUNCTIONS:
        raise IntrinsicError(f"unknown intrinsic function {name}: {', '.join(_FUNCTIONS)}")
    position = _space(text, match.end() + 1)
    arguments: list[Any] = []
    while text[position : position + 1] != ")":
        if arguments:
            if text[position : position + 1] != ",":
                raise IntrinsicError(f"{text!r}: expected ',' or ')' at position {position}")
            position = _space(text, position + 1)
        argument, position = _argument(text, position)
        arguments.append(argument)
        position = _space(text, position)
    return Call(name, tuple(arguments)), position + 1


def _space(text: str, position: int) -> int:
    while text[position : position + 1].isspace():
        position += 1
    return position


def _argument(text: str, start: int) -> tuple[Any, int]:
    if text.startswith("'", start):
        return _string(text, start + 1)
    if text.startswith("$", start):
        end = _path_end(text, start)
        return Path(text[start:end].rstrip()), end
    if _NAME.match(text, start):
        return _call(text, start)
    for literal, value in _LITERALS.items():
        if text.startswith(literal, start):
            return value, start + len(literal)
    match = _NUMBER.match(text, start)
    if match is None:
        raise IntrinsicError(f"{text!r}: expected an argument at position {start}")
    return json.loads(match.group()), match.end()


def _string(text: str, position: int) -> tuple[str, int]:
    characters = []
    while position < len(text) and text[position] != "'":
        # Braces keep their backslash: States.Format reads it.
        if text[position] == "\\" and text[position + 1 : position + 2] in ("'", "\\"):
            position += 1
        characters.append(text[position])
        position += 1
    if position >= len(text):
        raise IntrinsicError(f"{text!r}: a string is not closed")
    return "".join(characters), position + 1


def _path_end(text: str, position: int) -> int:
    depth, quote = 0, ""
    while position < len(text):
        character = text[position]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "[(":
            depth += 1
        elif depth and character in "])":
            depth -= 1
        elif character in ",)":
            return position
        position += 1
    raise IntrinsicError(f"{text!r}: the call is not closed")


def text_of(value: Any) -> str:
    """Return a value as JSON text without spaces, as Step Functions writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _format(template: str, *values: Any) -> str:
    remaining = list(values)

    def fill(match: re.Match[str]) -> str:
        if match.group() != "{}":
            return match.group()[1:]
        if not remaining:
            raise IntrinsicError("more {} than arguments")
        value = remaining.pop(0)
        return value if isinstance(value, str) else text_of(value)

    filled = re.sub(r"\\[{}]|\{\}", fill, template)
    if remaining:
        raise IntrinsicError("more arguments than {}")
    return filled


def _partition(array: list[Any], size: int) -> list[list[Any]]:
    if size < 1:
        raise IntrinsicError(f"the chunk size must be positive, not {size}")
    return [array[start : start + size] for start in range(0, len(array), size)]


def _range(first: int, last: int, step: int) -> list[int]:
    if step == 0:
        raise IntrinsicError("the increment must not be 0")
    values = range(first, last + (1 if step > 0 else -1), step)
    if len(values) > _MAX_RANGE:
        raise IntrinsicError(f"the range has {len(values)} elements: at most {_MAX_RANGE}")
    return list(values)


def _unique(array: list[Any]) -> list[Any]:
    return [item for position, item in enumerate(array) if item not in array[:position]]


def _short(text: str) -> bytes:
    if len(text) > _MAX_TEXT:
        raise IntrinsicError(f"the text has {len(text)} characters: at most {_MAX_TEXT}")
    return text.encode()


def _hash(value: Any, algorithm: str) -> str:
    if algorithm not in _HASHES:
        raise IntrinsicError(f"unknown algorithm {algorithm!r}: {', '.join(_HASHES)}")
    data = _short(value if isinstance(value, str) else text_of(value))
    return hashlib.new(_HASHES[algorithm], data, usedforsecurity=False).hexdigest()


def _merge(first: Mapping[str, Any], second: Mapping[str, Any], deep: bool) -> dict[str, Any]:
    if deep:
        raise IntrinsicError("the deep merge is not supported: the third argument must be false")
    return {**first, **second}


def _random(first: int, last: int, seed: int | None = None) -> int:
    # The end is exclusive (the guide's own example).
    return random.Random(seed).randrange(first, last)


def _split(text: str, separators: str) -> list[str]:
    return [part for part in re.split(f"[{re.escape(separators)}]", text) if part]


def _item(array: list[Any], position: int) -> Any:
    if position < 0:
        raise IntrinsicError(f"the index must not be negative, but is {position}")
    return array[position]


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "States.Array": lambda *items: list(items),
    "States.ArrayContains": lambda array, item: item in array,
    "States.ArrayGetItem": _item,
    "States.ArrayLength": len,
    "States.ArrayPartition": _partition,
    "States.ArrayRange": _range,
    "States.ArrayUnique": _unique,
    "States.Base64Decode": lambda text: base64.b64decode(_short(text), validate=True).decode(),
    "States.Base64Encode": lambda text: base64.b64encode(_short(text)).decode(),
    "States.Format": _format,
    "States.Hash": _hash,
    "States.JsonMerge": _merge,
    "States.JsonToString": text_of,
    "States.MathAdd": lambda first, second: first + second,
    "States.MathRandom": _random,
    "States.StringSplit": _split,
    "States.StringToJson": json.loads,
    "States.UUID": lambda: str(uuid.uuid4()),
}
