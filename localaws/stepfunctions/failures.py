"""Failures that end a state, a task or an execution."""

from __future__ import annotations

from typing import Final

RUNTIME: Final = "States.Runtime"
TIMEOUT: Final = "States.Timeout"
TASK_FAILED: Final = "States.TaskFailed"
DATA_LIMIT: Final = "States.DataLimitExceeded"
PERMISSIONS: Final = "States.Permissions"

# Step Functions Developer Guide, "Handling errors in Step Functions workflows": what States.ALL does not catch.
UNCAUGHT_BY_ALL: Final = frozenset({DATA_LIMIT, RUNTIME})


class StateFailure(Exception):  # noqa: N818 - it is an outcome of a state, not a fault of the program
    """A state failed.

    Args:
        error: The error's name, e.g. `States.TaskFailed`.
        cause: Description for a person, or for the next state.
    """

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class ExecutionStopped(Exception):  # noqa: N818 - see above
    """The execution was stopped by StopExecution, or its state machine is deleted."""


class ExecutionTimedOut(Exception):  # noqa: N818 - see above
    """The execution lasted longer than the state machine's `TimeoutSeconds`."""


def catches(error_equals: list[str], error: str) -> bool:
    """Return whether a retrier's or a catcher's `ErrorEquals` takes an error of that name."""
    if error in error_equals:
        return True
    if "States.ALL" in error_equals:
        return error not in UNCAUGHT_BY_ALL
    return TASK_FAILED in error_equals and error not in {TIMEOUT, *UNCAUGHT_BY_ALL}
