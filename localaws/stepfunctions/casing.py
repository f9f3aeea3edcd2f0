"""Between the names of state machines, which begin with a capital letter, and those of each API.

Source: Developer Guide, "Learning to use AWS service SDK integrations": parameters and results are in PascalCase
even where the API's own names are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape


def pascal(name: str) -> str:
    """Return an API's name as state machines write it."""
    return name[:1].upper() + name[1:]


def to_api(shape: Shape | None, value: Any) -> Any:
    """Return parameters with the API's names; those that it does not know are left for botocore to refuse."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {pascal(name): name for name in shape.members}
        return {
            names.get(key, key): to_api(shape.members.get(names.get(key, str(key))), item)
            for key, item in value.items()
            # Step Functions leaves out what is null.
            if item is not None
        }
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: to_api(shape.value, item) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [to_api(shape.member, item) for item in value]
    return value


def from_api(shape: Shape | None, value: Any, *, milliseconds: bool = False) -> Any:
    """Return a result with the names of state machines.

    Args:
        shape: Its shape in the API.
        value: As botocore gives it.
        milliseconds: Whether times are numbers of milliseconds, as of optimized integrations, rather than text.
    """
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            pascal(key): from_api(shape.members[key], item, milliseconds=milliseconds)
            for key, item in value.items()
            if key in shape.members
        }
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: from_api(shape.value, item, milliseconds=milliseconds) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [from_api(shape.member, item, milliseconds=milliseconds) for item in value]
    return _scalar(value, milliseconds=milliseconds)


def _scalar(value: Any, *, milliseconds: bool) -> Any:
    if isinstance(value, datetime):
        if milliseconds:
            return int(value.timestamp() * 1000)
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.decode()
    # The body of GetObject and InvokeEndpoint.
    return value.read().decode() if hasattr(value, "read") else value


def problems(shape: Shape | None, value: Any, place: str) -> list[str]:
    """Return which fields of a payload template the API does not know, and which required ones are missing."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        names = {pascal(name): name for name in shape.members}
        given = {key.removesuffix(".$") for key in value}
        found = [
            f"The field '{key}' is not supported by Step Functions at {place}" for key in sorted(given - set(names))
        ]
        missing = sorted(pascal(name) for name in shape.required_members if pascal(name) not in given)
        found += [f"The field '{name}' is required but was missing at {place}" for name in missing]
        for key, item in value.items():
            if not key.endswith(".$") and key in names:
                found += problems(shape.members[names[key]], item, f"{place}/{key}")
        return found
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [
            problem for index, item in enumerate(value) for problem in problems(shape.member, item, f"{place}[{index}]")
        ]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return [
            problem
            for key, item in value.items()
            if not key.endswith(".$")
            for problem in problems(shape.value, item, f"{place}/{key}")
        ]
    return []
