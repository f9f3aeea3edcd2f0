"""Checks of a definition that CreateStateMachine makes.

All problems are found at once, in the way of Step Functions' own messages. What AWS takes but is not built here, such
as JSONata, distributed maps and task tokens, is refused as well, and said to be.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from localaws.stepfunctions import casing, choices, paths, payloads, resources

_COMMON: Final = {"Type", "Comment", "InputPath", "OutputPath"}
_FLOW: Final = {"Next", "End"}
_RESULT: Final = {"ResultPath", "ResultSelector", "Parameters"}
_ERRORS: Final = {"Retry", "Catch"}
_FIELDS: Final[Mapping[str, set[str]]] = {
    "Task": {*_COMMON, *_FLOW, *_RESULT, *_ERRORS, "Resource", "TimeoutSeconds", "TimeoutSecondsPath"},
    "Pass": {*_COMMON, *_FLOW, "ResultPath", "Parameters", "Result"},
    "Wait": {*_COMMON, *_FLOW, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Choice": {*_COMMON, "Choices", "Default"},
    "Succeed": {*_COMMON},
    "Fail": {"Type", "Comment", "Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": {*_COMMON, *_FLOW, *_RESULT, *_ERRORS, "Branches"},
    "Map": {
        *{*_COMMON, *_FLOW, *_RESULT, *_ERRORS, "ItemsPath", "ItemSelector", "MaxConcurrency"},
        *{"ItemProcessor", "Iterator"},
    },
}
_MACHINE: Final = {"Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage", "ProcessorConfig"}
_REQUIRED: Final = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}
_PATHS: Final = ("InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath")
_MAX_STATE_NAME: Final = 80


class DefinitionError(ValueError):
    """A definition that is not taken; the text says everything that is wrong."""


def parse(text: str) -> dict[str, Any]:
    """Return a definition once it is sound.

    Args:
        text: The definition as JSON text.

    Raises:
        DefinitionError: If it is not.
    """
    try:
        machine = json.loads(text)
    except ValueError as error:
        raise DefinitionError(f"Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: {error}'") from error
    if not isinstance(machine, dict):
        raise DefinitionError("Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: not an object'")
    problems = _machine_problems(machine, "")
    if problems:
        listed = ", ".join(f"SCHEMA_VALIDATION_FAILED: {problem}" for problem in problems)
        raise DefinitionError(f"Invalid State Machine Definition: '{listed}'")
    return machine


def task_resources(machine: Mapping[str, Any]) -> set[str]:
    """Return the resources of all Task states of a sound definition, those within others too."""
    found = set()
    for state in machine["States"].values():
        if state["Type"] == "Task":
            found.add(state["Resource"])
        for inner in _inner(state):
            found |= task_resources(inner)
    return found


def _inner(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if state["Type"] == "Parallel":
        return list(state["Branches"])
    if state["Type"] == "Map":
        return [state.get("ItemProcessor") or state["Iterator"]]
    return []


def _machine_problems(machine: Mapping[str, Any], place: str) -> list[str]:
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        return [f"These fields are required: [States] at {place or '/'}"]
    problems = _unknown(machine, _MACHINE, place or "/")
    if machine.get("QueryLanguage", "JSONPath") != "JSONPath":
        problems.append(f"QueryLanguage {machine['QueryLanguage']} is not built here: JSONPath at {place or '/'}")
    mode = machine.get("ProcessorConfig", {}).get("Mode", "INLINE")
    if mode != "INLINE":
        problems.append(f"Mode {mode} is not built here: INLINE at {place}/ProcessorConfig")
    if machine.get("StartAt") not in states:
        problems.append(
            f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {machine.get('StartAt')} at {place}/StartAt"
        )
    reached = {machine.get("StartAt")}
    for name, state in states.items():
        here = f"{place}/States/{name}"
        if len(name) > _MAX_STATE_NAME:
            problems.append(f"The name of a state has at most {_MAX_STATE_NAME} characters at {here}")
        problems += _state_problems(state, here)
        for target, where in _targets(state):
            reached.add(target)
            if target not in states:
                problems.append(f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {here}/{where}")
    unreached = sorted(set(states) - reached)
    problems += [f"MISSING_TRANSITION_TARGET: State '{name}' is not reachable. at {place}/States" for name in unreached]
    return problems


def _targets(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    targets = [(state[field], field) for field in ("Next", "Default") if field in state]
    for field in ("Choices", "Catch"):
        targets += [(item.get("Next"), f"{field}[{index}]/Next") for index, item in enumerate(state.get(field, ()))]
    return targets


def _unknown(value: Mapping[str, Any], known: set[str], place: str) -> list[str]:
    return [f"Field '{name}' is not supported at {place}" for name in sorted(set(value) - known)]


def _state_problems(state: Mapping[str, Any], place: str) -> list[str]:
    kind = str(state.get("Type"))
    if kind not in _FIELDS:
        return [f"Value must be one of {', '.join(_FIELDS)} but is {kind} at {place}/Type"]
    problems = _unknown(state, _FIELDS[kind], place)
    missing = [name for name in _REQUIRED.get(kind, ()) if name not in state]
    if missing:
        return [*problems, f"These fields are required: {missing} at {place}"]
    if {"Next", "End"} <= _FIELDS[kind] and ("Next" in state) == (state.get("End") is True):
        problems.append(f"These fields are required: exactly one of [Next, End] at {place}")
    problems += _path_problems(state, place)
    for field in ("Parameters", "ResultSelector", "ItemSelector"):
        problems += payloads.problems(state.get(field), f"{place}/{field}")
    problems += _error_problems(state, place)
    match kind:
        case "Task":
            problems += _task_problems(state, place)
        case "Choice":
            for index, rule in enumerate(state["Choices"]):
                problems += choices.problems(rule, f"{place}/Choices[{index}]")
        case "Wait" if sum(name in state for name in ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")) != 1:
            problems.append(f"Exactly one of [Seconds, SecondsPath, Timestamp, TimestampPath] is required at {place}")
        case "Map" if ("ItemProcessor" in state) == ("Iterator" in state):
            return [*problems, f"These fields are required: [ItemProcessor] at {place}"]
    for index, machine in enumerate(_inner(state)):
        problems += _machine_problems(machine, f"{place}/{index}")
    return problems


def _path_problems(state: Mapping[str, Any], place: str) -> list[str]:
    problems = []
    for field in _PATHS:
        if state.get(field) is not None:
            problems += payloads.dynamic_problems(state[field], f"{place}/{field}")
    for index, holder in enumerate((state, *state.get("Catch", ()))):
        path = holder.get("ResultPath")
        try:
            if path is not None and not paths.is_reference(path):
                problems.append(f"Value is not a Reference Path: {path} at {place}/ResultPath ({index})")
        except paths.PathError as error:
            problems.append(f"Value is not a Reference Path: {error} at {place}/ResultPath ({index})")
    return problems


def _error_problems(state: Mapping[str, Any], place: str) -> list[str]:
    problems = []
    for field, known in (
        (
            "Retry",
            {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"},
        ),
        ("Catch", {"ErrorEquals", "ResultPath", "Next"}),
    ):
        entries = state.get(field, [])
        for index, entry in enumerate(entries):
            here = f"{place}/{field}[{index}]"
            problems += _unknown(entry, known | {"Comment"}, here)
            names = entry.get("ErrorEquals")
            if not isinstance(names, list) or not names:
                problems.append(f"These fields are required: [ErrorEquals] at {here}")
            elif "States.ALL" in names and (len(names) > 1 or index < len(entries) - 1):
                problems.append(f"States.ALL must be alone and in the last {field} at {here}/ErrorEquals")
    return problems


def _task_problems(state: Mapping[str, Any], place: str) -> list[str]:
    try:
        resource = resources.parse(state["Resource"])
    except resources.ResourceError as error:
        return [f"{error} at {place}/Resource"]
    if resource.function:
        return []
    # Of optimized integrations some fields are wider than the API's: a Payload, a Message or a Detail may be JSON.
    return casing.problems(resource.operation.input_shape, state.get("Parameters", {}), f"{place}/Parameters")
