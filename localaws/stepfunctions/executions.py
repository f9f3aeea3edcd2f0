"""The operations on executions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from localaws.service import Call, ServiceError
from localaws.stepfunctions import store
from localaws.stepfunctions.execution import Execution, now
from localaws.stepfunctions.requests import check_name, execution_of, machine_of, page


def _start(call: Call) -> dict[str, Any]:
    given = call.parameters
    call.authorize("states:StartExecution", given["stateMachineArn"])
    machine = machine_of(call)
    if machine.deleting:
        raise ServiceError("StateMachineDeleting", f"State Machine is being deleted: '{machine.arn}'")
    name, text = given.get("name") or str(uuid.uuid4()), given.get("input", "{}")
    check_name(name)
    try:
        json.loads(text)
    except ValueError as error:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    existing = machine.executions.get(name)
    if existing is not None and (existing.status != "RUNNING" or existing.input != text):
        raise ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{existing.arn}'")
    execution = existing or store.start(machine, name, text, given.get("traceHeader"))
    return {"executionArn": execution.arn, "startDate": execution.started}


def _stop(call: Call) -> dict[str, Any]:
    call.authorize("states:StopExecution", call.parameters["executionArn"])
    execution = execution_of(call)
    store.stop(execution, call.parameters.get("error"), call.parameters.get("cause"))
    return {"stopDate": execution.ended or now()}


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        **({"stopDate": execution.ended} if execution.ended else {}),
    }


def _describe_execution(call: Call) -> dict[str, Any]:
    call.authorize("states:DescribeExecution", call.parameters["executionArn"])
    execution = execution_of(call)
    details = {name: getattr(execution, name) for name in ("output", "error", "cause")}
    return {
        **_summary(execution),
        "input": execution.input,
        "inputDetails": {"included": True},
        **({"outputDetails": {"included": True}} if execution.output is not None else {}),
        **{name: value for name, value in details.items() if value is not None},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
    }


def _list_executions(call: Call) -> dict[str, Any]:
    if "stateMachineArn" not in call.parameters:
        raise ServiceError("ValidationException", "the local AWS lists the executions of a stateMachineArn only")
    call.authorize("states:ListExecutions", call.parameters["stateMachineArn"])
    wanted = call.parameters.get("statusFilter")
    # The latest first (API reference of ListExecutions); those of the same millisecond in the order of their start.
    executions = sorted(machine_of(call).executions.values(), key=lambda execution: execution.started, reverse=True)
    return page(call, "executions", [_summary(one) for one in executions if wanted in (None, one.status)])


def _history(call: Call) -> dict[str, Any]:
    call.authorize("states:GetExecutionHistory", call.parameters["executionArn"])
    events = list(execution_of(call).events)
    if call.parameters.get("includeExecutionData") is False:
        events = [_without_data(event) for event in events]
    return page(call, "events", events[::-1] if call.parameters.get("reverseOrder") else events)


def _without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    hidden = {"input", "output", "parameters", "inputDetails", "outputDetails"}
    return {
        key: {name: item for name, item in value.items() if name not in hidden} if isinstance(value, dict) else value
        for key, value in event.items()
    }


OPERATIONS: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
    "DescribeExecution": _describe_execution,
    "GetExecutionHistory": _history,
    "ListExecutions": _list_executions,
    "StartExecution": _start,
    "StopExecution": _stop,
}
"""Handler of each operation."""
