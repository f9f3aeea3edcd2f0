"""Messages from the process of a function to its worker, and the invocation that goes the other way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event for a function.

    Attributes:
        request_id: A UUID.
        trace_id: The value of the `X-Amzn-Trace-Id` header.
        event: The event as JSON text.
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


Message = Ready | InitializationFailed | Begun | Chunk | Finished
