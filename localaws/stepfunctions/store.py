"""The state machines of this process and their executions, and how an execution runs from start to end."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from localaws import clients
from localaws.stepfunctions import interpreter
from localaws.stepfunctions.execution import Execution, now
from localaws.stepfunctions.failures import ExecutionStopped, ExecutionTimedOut, StateFailure
from localaws.stepfunctions.intrinsics import text_of

LOCK: Final = threading.RLock()
"""Held while state machines or executions are added or removed."""


@dataclass(eq=False, slots=True, kw_only=True)
class StateMachine:
    """One state machine.

    Attributes:
        arn: Its ARN.
        name: Its name.
        definition: Its definition as it was given.
        parsed: The definition, read.
        role_arn: The role of its tasks.
        settings: The other members of CreateStateMachine's request that DescribeStateMachine shows.
        tags: Its tags.
        created: Time of its creation.
        revision: Changes with definition or role.
        deleting: Whether it goes as soon as its executions have ended.
        executions: Its executions by name.
    """

    arn: str
    name: str
    definition: str
    parsed: Mapping[str, Any]
    role_arn: str
    settings: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)
    revision: str = "INITIAL"
    deleting: bool = False
    executions: dict[str, Execution] = field(default_factory=dict)


MACHINES: Final[dict[str, StateMachine]] = {}
"""All state machines by ARN."""


def find_execution(arn: str) -> Execution | None:
    """Return an execution by its ARN, or None."""
    machine_arn, _, name = arn.replace(":execution:", ":stateMachine:", 1).rpartition(":")
    with LOCK:
        machine = MACHINES.get(machine_arn)
        return None if machine is None else machine.executions.get(name)


def start(machine: StateMachine, name: str, given: str, trace_header: str | None = None) -> Execution:
    """Start an execution; the name is free."""
    limit = machine.parsed.get("TimeoutSeconds")
    execution = Execution(
        arn=f"{machine.arn.replace(':stateMachine:', ':execution:', 1)}:{name}",
        name=name,
        state_machine_arn=machine.arn,
        state_machine_name=machine.name,
        definition=machine.parsed,
        role_arn=machine.role_arn,
        input=given,
        trace_header=trace_header,
        deadline=None if limit is None else time.monotonic() + limit,
    )
    machine.executions[name] = execution
    execution.record(
        "ExecutionStarted",
        0,
        executionStartedEventDetails={
            "input": given,
            "inputDetails": {"truncated": False},
            "roleArn": machine.role_arn,
        },
    )
    threading.Thread(target=_run, args=(machine, execution), name=f"execution-{name}", daemon=True).start()
    return execution


def stop(execution: Execution, error: str | None, cause: str | None) -> None:
    """Abort an execution, as StopExecution does."""
    details = {key: value for key, value in (("error", error), ("cause", cause)) if value is not None}
    execution.end("ABORTED", "ExecutionAborted", {"executionAbortedEventDetails": details}, error=error, cause=cause)


def delete(machine: StateMachine) -> None:
    """Delete a state machine: at once where nothing runs, else when its executions reach their next transition."""
    machine.deleting = True
    for execution in list(machine.executions.values()):
        execution.terminate()
    _remove_if_done(machine)


def _remove_if_done(machine: StateMachine) -> None:
    with LOCK:
        running = any(execution.status == "RUNNING" for execution in machine.executions.values())
        if machine.deleting and not running and MACHINES.get(machine.arn) is machine:
            del MACHINES[machine.arn]


def _run(machine: StateMachine, execution: Execution) -> None:
    _announce(execution)
    try:
        _outcome(execution)
    finally:
        _announce(execution)
        _remove_if_done(machine)


def _outcome(execution: Execution) -> None:
    try:
        output = text_of(interpreter.run(execution, json.loads(execution.input)))
    except StateFailure as failure:
        _fail(execution, "FAILED", "ExecutionFailed", failure.error, failure.cause)
    except ExecutionTimedOut:
        _fail(execution, "TIMED_OUT", "ExecutionTimedOut", "States.Timeout", "")
    except ExecutionStopped:
        stop(execution, None, None)
    except Exception as error:
        # A fault of this interpreter must end the execution, or whoever waits for it would wait for ever.
        _fail(execution, "FAILED", "ExecutionFailed", "States.Runtime", f"fault of the local AWS: {error!r}")
        raise
    else:
        details = {"output": output, "outputDetails": {"truncated": False}}
        execution.end("SUCCEEDED", "ExecutionSucceeded", {"executionSucceededEventDetails": details}, output=output)


def _fail(execution: Execution, status: str, kind: str, error: str, cause: str) -> None:
    details = {key: value for key, value in (("error", error), ("cause", cause)) if value}
    member = f"{kind[0].lower()}{kind[1:]}EventDetails"
    execution.end(status, kind, {member: details}, error=error or None, cause=cause or None)


def _announce(execution: Execution) -> None:
    """Send the execution's status to the default event bus, as Step Functions does."""
    detail = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": int(execution.started.timestamp() * 1000),
        "stopDate": None if execution.ended is None else int(execution.ended.timestamp() * 1000),
        "input": execution.input,
        "output": execution.output,
        "error": execution.error,
        "cause": execution.cause,
    }
    # Events are delivered on a best-effort basis.
    with contextlib.suppress(Exception):
        clients.client("events", execution.region).put_events(
            Entries=[
                {
                    "Source": "aws.states",
                    "DetailType": "Step Functions Execution Status Change",
                    "Detail": text_of(detail),
                    "Resources": [execution.arn],
                }
            ]
        )
