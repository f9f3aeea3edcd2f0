"""Runs the states of a state machine: what goes in, what comes out, and where it goes on.

Source: Amazon States Language specification (JSONPath); Step Functions Developer Guide, "Processing input and
output", "Handling errors in Step Functions workflows".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from localaws.stepfunctions import behaviour, choices, paths, payloads, tasks
from localaws.stepfunctions.execution import Execution, iso, now
from localaws.stepfunctions.failures import DATA_LIMIT, RUNTIME, StateFailure, catches
from localaws.stepfunctions.intrinsics import is_call, text_of

_MAX_DATA_BYTES: Final = 262_144
"""Service quota: the input or output of a task, state or execution."""

_DEFAULT_RETRY: Final = {"IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2.0}
"""The specification's defaults of a retrier."""

_DEFAULT_MAP_CONCURRENCY: Final = 40
"""Developer Guide: an inline Map runs up to 40 iterations at a time."""


@dataclass(slots=True)
class _Position:
    """The position of a line of states: each branch of a Parallel state has its own.

    Attributes:
        context: The context object.
        last_event: The id of its last event in the history.
    """

    context: dict[str, Any]
    last_event: int


def run(execution: Execution, data: Any) -> Any:
    """Run a whole execution and return its output.

    Args:
        execution: The execution.
        data: Its input.

    Raises:
        StateFailure: If it fails.
        ExecutionStopped: If it is stopped.
        ExecutionTimedOut: If its time is up.
    """
    context = {
        "Execution": {
            "Id": execution.arn,
            "Input": data,
            "Name": execution.name,
            "RoleArn": execution.role_arn,
            "StartTime": iso(execution.started),
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution.state_machine_arn, "Name": execution.state_machine_name},
    }
    return _Line(execution, _Position(context, 1)).run(execution.definition, data)


class _Line:
    """One line of states: that of the execution, of a branch or of an iteration."""

    def __init__(self, execution: Execution, position: _Position) -> None:
        self._execution = execution
        self._position = position

    def run(self, machine: Mapping[str, Any], data: Any) -> Any:
        """Run the states of a state machine, a branch or an iteration; return the output of the last."""
        name: str | None = machine["StartAt"]
        while name is not None:
            self._execution.check(transition=True)
            name, data = self._run_state(name, machine["States"][name], data)
        return data

    def _run_state(self, name: str, state: Mapping[str, Any], data: Any) -> tuple[str | None, Any]:
        kind = state["Type"]
        self._position.context["State"] = {"EnteredTime": iso(now()), "Name": name, "RetryCount": 0}
        if kind in ("Task", "Map", "Parallel", "Pass", "Wait", "Choice", "Succeed", "Fail"):
            self._record(
                f"{kind}StateEntered",
                stateEnteredEventDetails={"name": name, "input": text_of(data), "inputDetails": {"truncated": False}},
            )
        following, output = self._attempts(name, state, data)
        _check_size(output, name)
        details = {"name": name, "output": text_of(output), "outputDetails": {"truncated": False}}
        self._record(f"{kind}StateExited", stateExitedEventDetails=details)
        return following, output

    def _attempts(self, name: str, state: Mapping[str, Any], data: Any) -> tuple[str | None, Any]:
        """Run a state until it succeeds, its retriers give up, or a catcher takes its error."""
        tried = [0] * len(state.get("Retry", ()))
        while True:
            try:
                return self._once(name, state, data)
            except StateFailure as failure:
                delay = self._delay(state, failure.error, tried)
                if delay is None:
                    return self._caught(state, failure, data)
            self._execution.wait(behaviour.scaled(delay))
            self._position.context["State"]["RetryCount"] += 1

    def _delay(self, state: Mapping[str, Any], error: str, tried: list[int]) -> float | None:
        """Return after how many seconds an error is retried, or None if it is not."""
        for index, retrier in enumerate(state.get("Retry", ())):
            if not catches(retrier["ErrorEquals"], error):
                continue
            settings = {**_DEFAULT_RETRY, **retrier}
            if tried[index] >= settings["MaxAttempts"]:
                return None
            delay = float(settings["IntervalSeconds"] * settings["BackoffRate"] ** tried[index])
            delay = min(delay, float(settings.get("MaxDelaySeconds", delay)))
            tried[index] += 1
            # FULL jitter: any delay up to the computed one.
            return random.uniform(0, delay) if settings.get("JitterStrategy") == "FULL" else delay
        return None

    def _caught(self, state: Mapping[str, Any], failure: StateFailure, data: Any) -> tuple[str, Any]:
        for catcher in state.get("Catch", ()):
            if catches(catcher["ErrorEquals"], failure.error):
                caught = {"Error": failure.error, "Cause": failure.cause}
                return catcher["Next"], self._put(catcher.get("ResultPath", "$"), data, caught)
        raise failure

    def _once(self, name: str, state: Mapping[str, Any], raw: Any) -> tuple[str | None, Any]:
        kind = state["Type"]
        data = self._filtered(state.get("InputPath", "$"), raw)
        following = None if state.get("End") else state.get("Next")
        match kind:
            case "Choice":
                chosen = self._choose(name, state, data)
                return chosen, self._filtered(state.get("OutputPath", "$"), data)
            case "Succeed":
                return None, self._filtered(state.get("OutputPath", "$"), data)
            case "Fail":
                raise StateFailure(*(self._text(state, field, data) for field in ("Error", "Cause")))
            case "Wait":
                self._execution.wait(behaviour.scaled(self._seconds(state, data)))
                return following, self._filtered(state.get("OutputPath", "$"), data)
        given = payloads.fill(state["Parameters"], data, self._position.context) if "Parameters" in state else data
        match kind:
            case "Pass":
                result = deepcopy(state["Result"]) if "Result" in state else given
            case "Task":
                result = self._task(state, data, given)
            case "Parallel":
                result = self._parallel(state, given)
            case _:
                result = self._map(state, data)
        if "ResultSelector" in state:
            result = payloads.fill(state["ResultSelector"], result, self._position.context)
        output = self._put(state.get("ResultPath", "$"), raw, result)
        return following, self._filtered(state.get("OutputPath", "$"), output)

    def _task(self, state: Mapping[str, Any], data: Any, given: Any) -> Any:
        seconds = self._value(state, "TimeoutSeconds", data)
        _check_size(given, self._position.context["State"]["Name"])
        return tasks.run(
            tasks.Task(
                execution=self._execution,
                resource=state["Resource"],
                parameters=given,
                timeout_seconds=None if seconds is None else float(seconds),
                record=self._record,
            )
        )

    def _parallel(self, state: Mapping[str, Any], data: Any) -> list[Any]:
        lines = [(branch, data, self._position.context) for branch in state["Branches"]]
        return self._beside("ParallelState", lines, concurrency=len(lines))

    def _map(self, state: Mapping[str, Any], data: Any) -> list[Any]:
        items = self._filtered(state.get("ItemsPath", "$"), data)
        if not isinstance(items, list):
            raise StateFailure(RUNTIME, f'Reference path "{state.get("ItemsPath", "$")}" must point to array.')
        selector = state.get("ItemSelector", state.get("Parameters"))
        processor = state.get("ItemProcessor") or state["Iterator"]
        lines = []
        for index, item in enumerate(items):
            context = {**self._position.context, "Map": {"Item": {"Index": index, "Value": item}}}
            lines.append((processor, payloads.fill(selector, data, context) if selector else item, context))
        concurrency = int(state.get("MaxConcurrency") or _DEFAULT_MAP_CONCURRENCY)
        return self._beside("MapState", lines, concurrency=concurrency)

    def _beside(
        self, kind: str, lines: list[tuple[Mapping[str, Any], Any, dict[str, Any]]], *, concurrency: int
    ) -> list[Any]:
        """Run several lines of states beside each other; the first failure is that of the whole state."""
        details = {"mapStateStartedEventDetails": {"length": len(lines)}} if kind == "MapState" else {}
        self._record(f"{kind}Started", **details)
        if not lines:
            return []
        with ThreadPoolExecutor(max_workers=min(concurrency, len(lines))) as pool:
            running = [
                pool.submit(
                    _Line(self._execution, _Position(deepcopy(context), self._position.last_event)).run,
                    machine,
                    deepcopy(data),
                )
                for machine, data, context in lines
            ]
            try:
                results = [line.result() for line in running]
            except StateFailure:
                pool.shutdown(cancel_futures=True)
                self._record(f"{kind}Failed")
                raise
        self._record(f"{kind}Succeeded")
        return results

    def _choose(self, name: str, state: Mapping[str, Any], data: Any) -> str:
        for rule in state["Choices"]:
            if choices.holds(rule, data, self._position.context):
                return str(rule["Next"])
        if "Default" not in state:
            raise StateFailure(
                "States.NoChoiceMatched", f"No choice rule of the state '{name}' matches, and it has no default."
            )
        return str(state["Default"])

    def _seconds(self, state: Mapping[str, Any], data: Any) -> float:
        seconds = self._value(state, "Seconds", data)
        if seconds is not None:
            if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
                raise StateFailure(RUNTIME, f"The seconds to wait must be a number of 0 or more, not {seconds!r}")
            return float(seconds)
        moment = datetime.fromisoformat(str(self._value(state, "Timestamp", data)))
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())

    def _value(self, state: Mapping[str, Any], field: str, data: Any) -> Any:
        """Return a field's value, or what the path in `<field>Path` leads to."""
        path = state.get(f"{field}Path")
        return state.get(field) if path is None else self._filtered(path, data)

    def _text(self, state: Mapping[str, Any], field: str, data: Any) -> str:
        path = state.get(f"{field}Path")
        if path is None:
            return str(state.get(field, ""))
        template = {"text.$": path}
        value = payloads.fill(template, data, self._position.context)["text"] if is_call(path) else None
        value = self._filtered(path, data) if value is None else value
        return value if isinstance(value, str) else text_of(value)

    def _filtered(self, path: str | None, data: Any) -> Any:
        if path is None:
            return {}
        try:
            return payloads.select(path, data, self._position.context)
        except paths.PathError as error:
            raise StateFailure(RUNTIME, f"Invalid path '{path}': {error} in the input '{text_of(data)}'") from error

    def _put(self, path: str | None, data: Any, result: Any) -> Any:
        if path is None:
            return data
        try:
            return paths.put(path, data, result)
        except paths.PathError as error:
            raise StateFailure("States.ResultPathMatchFailure", str(error)) from error

    def _record(self, kind: str, **details: Any) -> None:
        self._position.last_event = self._execution.record(kind, self._position.last_event, **details)


def _check_size(data: Any, name: str) -> None:
    if len(text_of(data).encode()) > _MAX_DATA_BYTES:
        raise StateFailure(
            DATA_LIMIT,
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of bytes service "
            f"limit ({_MAX_DATA_BYTES}).",
        )
