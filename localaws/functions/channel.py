"""What a worker and the process of a function say to each other, whatever the protocol."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event for a function.

    Attributes:
        request_id: a UUID.
        trace_id: the value of the ``X-Amzn-Trace-Id`` header.
        event: the event as JSON text.
    """

    request_id: str
    trace_id: str
    event: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The process waits for an invocation; after one, this is its end."""


@dataclass(frozen=True, slots=True)
class InitializationFailed:
    """The function's code could not be loaded; `error` is Lambda's description."""

    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer begins; `content_type` is its type."""

    content_type: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of the answer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is over; `error` is Lambda's description where it is none, or broke off."""

    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The process is gone."""


Message = Ready | InitializationFailed | Begun | Chunk | Finished | Ended


class Channel(Protocol):
    """One end of the connection with a process."""

    @property
    def messages(self) -> queue.SimpleQueue[Message]:
        """What the process says."""

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables by which the process finds the other end."""

    @property
    def stdin(self) -> int:
        """The process's standard input."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The further file descriptors that the process inherits."""

    def attach(self) -> None:
        """Let go of what belongs to the process, which runs by now."""

    def offer(self, invocation: Invocation, *, function_arn: str, deadline_ms: int, limit: int) -> None:
        """Hand out an invocation.

        Args:
            invocation: the invocation.
            function_arn: whose it is.
            deadline_ms: when its time is over, in milliseconds since 1970.
            limit: the most bytes that its answer may have.
        """

    def close(self) -> None:
        """Hang up; the process has been killed."""


def too_large(limit: int) -> dict[str, Any]:
    """Return Lambda's description of an answer with more than `limit` bytes."""
    return {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    }
