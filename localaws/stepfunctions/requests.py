"""Parts that the operations of Step Functions share: what a call names, names that are allowed, pages of lists."""

from __future__ import annotations

import re
from typing import Any, Final

from localaws.service import Call, ServiceError
from localaws.stepfunctions import store
from localaws.stepfunctions.execution import Execution
from localaws.stepfunctions.store import MACHINES, StateMachine

# API reference: a name must not hold whitespace, brackets, wildcards, special or control characters.
_BAD_NAME: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME: Final = 80


def machine_of(call: Call) -> StateMachine:
    """Return the state machine that a call names.

    Raises:
        ServiceError: If there is none.
    """
    arn = call.parameters["stateMachineArn"]
    machine = MACHINES.get(arn)
    if machine is None:
        raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    return machine


def execution_of(call: Call) -> Execution:
    """Return the execution that a call names.

    Raises:
        ServiceError: If there is none.
    """
    arn = call.parameters["executionArn"]
    execution = store.find_execution(arn)
    if execution is None:
        raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    return execution


def check_name(name: str) -> None:
    """Refuse a name that state machines and executions must not have.

    Raises:
        ServiceError: If it is one.
    """
    if not name or len(name) > _LONGEST_NAME or _BAD_NAME.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")


def page(call: Call, member: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the page of `entries` that a List operation asks for, as its `member`, and the token of the next.

    Raises:
        ServiceError: If the token is none of this operation's.
    """
    # API reference of the List operations: 100 entries a page unless fewer are asked for; 0 stands for 100.
    size = call.parameters.get("maxResults") or 100
    try:
        first = int(call.parameters.get("nextToken", "0"))
    except ValueError as error:
        raise ServiceError("InvalidToken", f"Invalid Token: '{call.parameters['nextToken']}'") from error
    more = {"nextToken": str(first + size)} if first + size < len(entries) else {}
    return {member: entries[first : first + size], **more}
