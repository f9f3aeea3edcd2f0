"""A call of Step Functions: who calls, with what, about what; and how it is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from localaws import iam
from localaws.iam import Identity
from localaws.stepfunctions import store
from localaws.stepfunctions.execution import Execution
from localaws.stepfunctions.store import MACHINES, StateMachine

# API reference: a name must not hold whitespace, brackets, wildcards, special or control characters.
_BAD_NAME: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME: Final = 80


class ApiError(Exception):
    """An operation is refused.

    Args:
        code: the error's code.
        message: its message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Call:
    """One call of an operation.

    Attributes:
        region: the region.
        identity: who calls; None: nobody known here.
        parameters: the operation's parameters.
    """

    def __init__(self, region: str, identity: Identity | None, parameters: Mapping[str, Any]) -> None:
        self.region = region
        self.identity = identity
        self.parameters = parameters

    def allow(self, action: str, resource: str | None, **context: str) -> None:
        """Refuse the call unless the caller may do it.

        Raises:
            ApiError: if not.
        """
        try:
            iam.authorize(self.identity, action=action, resource=resource, context=context)
        except iam.AccessDeniedError as error:
            raise ApiError("AccessDeniedException", str(error)) from error

    def machine(self) -> StateMachine:
        """Return the state machine that the call is about."""
        arn = self.parameters["stateMachineArn"]
        machine = MACHINES.get(arn)
        if machine is None:
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def execution(self) -> Execution:
        """Return the execution that the call is about."""
        arn = self.parameters["executionArn"]
        execution = store.find_execution(arn)
        if execution is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution


def check_name(name: str) -> None:
    """Refuse a name that state machines and executions must not have.

    Raises:
        ApiError: if it is one.
    """
    if not name or len(name) > _LONGEST_NAME or _BAD_NAME.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")


def page(call: Call, member: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the part of `entries` that a List operation asks for, as its `member`, and the token of the next.

    Raises:
        ApiError: if the token is none of this operation's.
    """
    # API reference of the List operations: 100 entries a page unless fewer are asked for; 0 stands for 100.
    size = call.parameters.get("maxResults") or 100
    try:
        first = int(call.parameters.get("nextToken", "0"))
    except ValueError as error:
        raise ApiError("InvalidToken", f"Invalid Token: '{call.parameters['nextToken']}'") from error
    more = {"nextToken": str(first + size)} if first + size < len(entries) else {}
    return {member: entries[first : first + size], **more}
