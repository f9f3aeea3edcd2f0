"""Payload templates: objects whose fields end in `.$` where their value is a path or an intrinsic function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.stepfunctions import intrinsics, paths
from localaws.stepfunctions.failures import StateFailure

# Developer Guide, "Handling errors": the two errors of a template.
_PARAMETER_PATH_FAILURE = "States.ParameterPathFailure"
_INTRINSIC_FAILURE = "States.IntrinsicFailure"


def select(path: str, data: Any, context: Mapping[str, Any]) -> Any:
    """Return what a path leads to: in the context object where it begins with `$$`, else in `data`.

    Raises:
        paths.PathError: If it leads nowhere.
    """
    return paths.select(path[1:], context) if path.startswith("$$") else paths.select(path, data)


def fill(template: Any, data: Any, context: Mapping[str, Any]) -> Any:
    """Return a payload template with its dynamic fields filled in.

    Raises:
        StateFailure: If a path leads nowhere or a function does not take its arguments.
    """
    if isinstance(template, list):
        return [fill(item, data, context) for item in template]
    if not isinstance(template, Mapping):
        return template
    filled = {}
    for name, value in template.items():
        if name.endswith(".$"):
            filled[name.removesuffix(".$")] = _dynamic(name, value, data, context)
        else:
            filled[name] = fill(value, data, context)
    return filled


def _dynamic(name: str, value: str, data: Any, context: Mapping[str, Any]) -> Any:
    try:
        if intrinsics.is_call(value):
            return intrinsics.evaluate(intrinsics.parse(value), lambda path: select(path, data, context))
        return select(value, data, context)
    except paths.PathError as error:
        raise StateFailure(
            _PARAMETER_PATH_FAILURE,
            f"The JSONPath '{value}' specified for the field '{name}' could not be found in the input "
            f"'{intrinsics.text_of(data)}': {error}",
        ) from error
    except intrinsics.IntrinsicError as error:
        raise StateFailure(
            _INTRINSIC_FAILURE, f"The function '{value}' of the field '{name}' had an error: {error}"
        ) from error


def problems(template: Any, place: str) -> list[str]:
    """Return what is wrong with a payload template, whatever the input, each with its place."""
    if isinstance(template, list):
        return [problem for index, item in enumerate(template) for problem in problems(item, f"{place}[{index}]")]
    if not isinstance(template, Mapping):
        return []
    found = []
    for name, value in template.items():
        here = f"{place}/{name}"
        if not name.endswith(".$"):
            found += problems(value, here)
        elif not isinstance(value, str):
            found.append(f"The value for the field '{name}' must be a STRING at {here}")
        else:
            found += dynamic_problems(value, here)
    return found


def dynamic_problems(value: str, place: str) -> list[str]:
    """Return what is wrong with a path or a call of an intrinsic function."""
    try:
        texts = intrinsics.paths_of(intrinsics.parse(value)) if intrinsics.is_call(value) else [value]
        for text in texts:
            paths.parse(text[1:] if text.startswith("$$") else text)
    except (paths.PathError, intrinsics.IntrinsicError) as error:
        return [f"The value {value!r} must be a valid JSONPath or a valid intrinsic function call ({error}) at {place}"]
    return []
