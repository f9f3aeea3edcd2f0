"""The rules of Choice states.

Source: Step Functions Developer Guide, "Choice workflow state"; Amazon States Language specification.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from localaws.stepfunctions import paths
from localaws.stepfunctions.failures import RUNTIME, StateFailure
from localaws.stepfunctions.payloads import select

_COMBINERS: Final = ("And", "Or", "Not")
_RULE_FIELDS: Final = {"Variable", "Next", "Comment", "Assign"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_timestamp(value: Any) -> bool:
    return isinstance(value, str) and _timestamp(value) is not None


def _timestamp(value: Any) -> datetime | None:
    # RFC 3339 with a capital T and Z, as the specification demands.
    if not isinstance(value, str) or not re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value
    ):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


_TYPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    # What makes a value comparable; None is not of the type.
    "String": lambda value: value if isinstance(value, str) else None,
    "Numeric": lambda value: value if _is_number(value) else None,
    "Boolean": lambda value: value if isinstance(value, bool) else None,
    "Timestamp": _timestamp,
}
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Equals": lambda actual, wanted: actual == wanted,
    "LessThan": lambda actual, wanted: actual < wanted,
    "GreaterThan": lambda actual, wanted: actual > wanted,
    "LessThanEquals": lambda actual, wanted: actual <= wanted,
    "GreaterThanEquals": lambda actual, wanted: actual >= wanted,
}
_TESTS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": _is_number,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": _is_timestamp,
}
_OPERATORS: Final[Mapping[str, tuple[str, str]]] = {
    f"{kind}{comparison}": (kind, comparison)
    for kind in _TYPES
    for comparison in (("Equals",) if kind == "Boolean" else _COMPARISONS)
}


def holds(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
    """Return whether a rule holds.

    Raises:
        StateFailure: If its variable is not there (but for `IsPresent`).
    """
    if "And" in rule:
        return all(holds(inner, data, context) for inner in rule["And"])
    if "Or" in rule:
        return any(holds(inner, data, context) for inner in rule["Or"])
    if "Not" in rule:
        return not holds(rule["Not"], data, context)
    return _compare(rule, data, context)


def _compare(rule: Mapping[str, Any], data: Any, context: Mapping[str, Any]) -> bool:
    operator = _operator(rule)
    try:
        actual = select(rule["Variable"], data, context)
    except paths.PathError as error:
        if operator == "IsPresent":
            return not rule[operator]
        raise _failure(error) from error
    if operator == "IsPresent":
        return bool(rule[operator])
    if operator in _TESTS:
        return bool(_TESTS[operator](actual) == rule[operator])
    if operator == "StringMatches":
        return isinstance(actual, str) and _matches(rule[operator], actual)
    try:
        wanted = select(rule[operator], data, context) if operator.endswith("Path") else rule[operator]
    except paths.PathError as error:
        raise _failure(error) from error
    kind, comparison = _OPERATORS[operator.removesuffix("Path")]
    left, right = _TYPES[kind](actual), _TYPES[kind](wanted)
    return left is not None and right is not None and _COMPARISONS[comparison](left, right)


def _failure(error: Exception) -> StateFailure:
    return StateFailure(RUNTIME, f"Invalid path in a choice rule: {error}")


def _operator(rule: Mapping[str, Any]) -> str:
    return next(name for name in rule if name not in _RULE_FIELDS)


def _matches(pattern: str, text: str) -> bool:
    # "*" stands for any text; a backslash takes that away.
    parts = re.findall(r"\\.|\*|[^\\*]+", pattern)
    expression = "".join(".*" if part == "*" else re.escape(part[1:] if part[0] == "\\" else part) for part in parts)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def problems(rule: Mapping[str, Any], place: str) -> list[str]:
    """Return what is wrong with a rule, each with its place."""
    combiner = next((name for name in _COMBINERS if name in rule), None)
    if combiner is not None:
        inner = [rule[combiner]] if combiner == "Not" else rule[combiner]
        return [problem for index, one in enumerate(inner) for problem in problems(one, f"{place}/{combiner}[{index}]")]
    operators = [name for name in rule if name not in _RULE_FIELDS]
    known = {*_OPERATORS, *(f"{name}Path" for name in _OPERATORS), *_TESTS, "IsPresent", "StringMatches"}
    if len(operators) != 1 or operators[0] not in known:
        return [f"A choice rule needs exactly one comparison operator, not {operators} at {place}"]
    if "Variable" not in rule:
        return [f"These fields are required: [Variable] at {place}"]
    found = []
    for text in (rule["Variable"], *([rule[operators[0]]] if operators[0].endswith("Path") else [])):
        try:
            paths.parse(text[1:] if str(text).startswith("$$") else str(text))
        except paths.PathError as error:
            found.append(f"Value is not a reference path ({error}) at {place}")
    return found
