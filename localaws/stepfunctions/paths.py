"""JSONPath as state machines use it: fields, indexes, slices and wildcards.

Source: Step Functions Developer Guide, "Using JSONPath paths". Filters (`[?(…)]`) and deep scans (`..`) are
refused where the state machine is created, rather than read wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

_STEP: Final = re.compile(
    r"""\.(?P<field>[^.\[\]()*,?@:'"\s]+)
    |\['(?P<quoted>(?:[^'\\]|\\.)*)'\]
    |\["(?P<double>(?:[^"\\]|\\.)*)"\]
    |\[(?P<index>-?\d+)\]
    |\[(?P<start>-?\d*):(?P<stop>-?\d*)\]
    |(?P<every>\.\*|\[\*\])""",
    re.VERBOSE,
)


class PathError(ValueError):
    """A path that is malformed, not supported here, or leads nowhere."""


@dataclass(frozen=True, slots=True)
class _Every:
    """All elements of a list or all values of an object."""


Step = str | int | slice | _Every


@lru_cache(maxsize=4096)
def parse(path: str) -> tuple[Step, ...]:
    """Return the steps of a path that begins with `$`.

    Raises:
        PathError: If it is malformed or uses what is not supported here.
    """
    if not path.startswith("$"):
        raise PathError(f"path {path!r} must start with '$'")
    steps: list[Step] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise PathError(f"path {path!r} is malformed, or not supported here, from {path[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["index"] is not None:
        return int(match["index"])
    if match["every"] is not None:
        return _Every()
    if match["start"] is not None:
        return slice(*(int(text) if text else None for text in (match["start"], match["stop"])))
    name = match["field"]
    if name is None:
        quoted = match["quoted"] if match["quoted"] is not None else match["double"]
        name = re.sub(r"\\(.)", r"\1", quoted)
    return name


def is_reference(path: str) -> bool:
    """Return whether a path names a single place, as `ResultPath` must."""
    return all(isinstance(step, str | int) for step in parse(path))


def select(path: str, document: Any) -> Any:
    """Return what a path leads to in `document`: of a path with wildcards or slices a list.

    Raises:
        PathError: If it leads nowhere.
    """
    found = [document]
    for step in parse(path):
        found = [value for item in found for value in _follow(step, item)]
    if is_reference(path):
        if not found:
            raise PathError(f"path {path!r} could not be found")
        return found[0]
    return found


def _follow(step: Step, item: Any) -> list[Any]:
    match step:
        case str():
            return [item[step]] if isinstance(item, Mapping) and step in item else []
        case int():
            return [item[step]] if isinstance(item, list) and -len(item) <= step < len(item) else []
        case slice():
            return item[step] if isinstance(item, list) else []
        case _:
            return list(item.values()) if isinstance(item, Mapping) else item if isinstance(item, list) else []


def put(path: str, document: Any, value: Any) -> Any:
    """Return a copy of `document` with `value` where a reference path leads, made where it does not exist.

    Raises:
        PathError: If something other than an object is on the way, or an index is beyond a list's end.
    """
    steps = parse(path)
    if not steps:
        return value
    copy = deepcopy(document)
    place = copy
    for step, following in zip(steps, (*steps[1:], None), strict=True):
        if isinstance(step, str) and isinstance(place, dict):
            if following is None:
                place[step] = value
                return copy
            place = place.setdefault(step, {})
        elif isinstance(step, int) and isinstance(place, list) and -len(place) <= step < len(place):
            if following is None:
                place[step] = value
                return copy
            place = place[step]
        else:
            raise PathError(f"path {path!r} cannot be set in the state's input")
    return copy
