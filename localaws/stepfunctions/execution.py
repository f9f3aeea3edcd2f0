"""One execution of a state machine: its status, its history, and how it is stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localaws.stepfunctions.failures import ExecutionStopped, ExecutionTimedOut


def now() -> datetime:
    """Return the time to the millisecond, as Step Functions keeps it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """Return a time as the context object writes it, e.g. `2019-03-26T20:14:13.192Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(eq=False, slots=True, kw_only=True)
class Execution:
    """One execution.

    Attributes:
        arn: Its ARN.
        name: Its name.
        state_machine_arn: The ARN of its state machine.
        state_machine_name: The name of its state machine.
        definition: The state machine's definition when it was started.
        role_arn: The role that its tasks are run with.
        input: Its input as JSON text, as it was given.
        trace_header: The trace header of StartExecution.
        started: Time of its start.
        deadline: Until when it may run, by `time.monotonic`.
        status: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
        output: Its output as JSON text, once it succeeded.
        error: The error's name of one that did not succeed.
        cause: Description of that error.
        ended: Time of its end.
        events: Its history, in the form of GetExecutionHistory.
    """

    arn: str
    name: str
    state_machine_arn: str
    state_machine_name: str
    definition: Mapping[str, Any]
    role_arn: str
    input: str
    trace_header: str | None = None
    started: datetime = field(default_factory=now)
    deadline: float | None = None
    status: str = "RUNNING"
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    ended: datetime | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _terminated: threading.Event = field(default_factory=threading.Event)

    @property
    def region(self) -> str:
        """The region of the execution."""
        return self.arn.split(":")[3]

    def record(self, kind: str, previous: int, **details: Any) -> int:
        """Add an event to the history.

        Args:
            kind: The event's type, e.g. `TaskScheduled`.
            previous: The id of the event that it follows; 0 at the beginning.
            details: The one member with the event's details, e.g. `taskScheduledEventDetails`.

        Returns:
            The event's id.
        """
        with self._lock:
            event = {
                "timestamp": now(),
                "type": kind,
                "id": len(self.events) + 1,
                "previousEventId": previous,
                **details,
            }
            if self.status == "RUNNING":
                self.events.append(event)
            return len(self.events)

    def end(self, status: str, kind: str, details: Mapping[str, Any], **outcome: str | None) -> bool:
        """End the execution, unless it has ended.

        Args:
            status: The last status.
            kind: The type of the history's last event.
            details: That event's details, as one member.
            outcome: The attributes to set: `output`, or `error` and `cause`.

        Returns:
            Whether it was this call that ended it.
        """
        with self._lock:
            if self.status != "RUNNING":
                return False
            identifier = len(self.events) + 1
            self.events.append(
                {"timestamp": now(), "type": kind, "id": identifier, "previousEventId": identifier - 1, **details}
            )
            self.status, self.ended = status, now()
            for name, value in outcome.items():
                setattr(self, name, value)
        self._stopped.set()
        return True

    def terminate(self) -> None:
        """End the execution at its next transition: its state machine is deleted."""
        self._terminated.set()

    def check(self, *, transition: bool = False) -> None:
        """Check that a running execution may go on.

        Args:
            transition: Whether it is about to enter a state.

        Raises:
            ExecutionStopped: If it was stopped.
            ExecutionTimedOut: If its time is up.
        """
        if self._stopped.is_set() or (transition and self._terminated.is_set()):
            raise ExecutionStopped
        if self.deadline is not None and time.monotonic() >= self.deadline:
            raise ExecutionTimedOut

    def wait(self, seconds: float) -> None:
        """Wait, but not beyond the execution's end.

        Raises:
            ExecutionStopped: If it was stopped meanwhile.
            ExecutionTimedOut: If its time is up.
        """
        remaining = seconds
        if self.deadline is not None:
            remaining = min(seconds, max(0.0, self.deadline - time.monotonic()))
        self._stopped.wait(remaining)
        self.check()
