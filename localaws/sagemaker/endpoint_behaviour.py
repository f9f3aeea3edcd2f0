"""The behaviour of an endpoint that tests may change while it runs: faults, time limits and the container's pace.

Nothing of it exists in AWS; `endpoint_steering` is the path on which it is changed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal, get_args

from localaws import steering
from localaws.containers import Pace

Kind = Literal[
    "throttled",
    "no_capacity",
    "not_ready",
    "not_in_service",
    "unavailable",
    "internal_failure",
    "dependency_failure",
    "container_down",
    "model_error",
    "stream_broken",
    "stream_timeout",
    "stream_failure",
]
"""Faults. Those that begin with `stream_` happen in a stream, after its first part; other invocations
do not count for them."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)


def _read_status(value: Any) -> Any:
    if value not in range(400, 600):
        raise ValueError("an HTTP status of 400 to 599")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: The kind of fault, one of `KINDS`.
        times: The number of the next invocations that it happens to; None: all.
        status: Of a `model_error`, the container's status.
        message: Of a `model_error`, the container's answer.
    """

    kind: str = field(metadata=steering.read_by(steering.one_of(KINDS)))
    times: int | None = field(
        default=None, metadata=steering.read_by(steering.number(whole=True, above=0, null="all invocations"))
    )
    status: int = field(default=500, metadata=steering.read_by(_read_status))
    message: str = field(default="as asked for", metadata=steering.read_by(steering.text))

    @property
    def is_in_stream(self) -> bool:
        """True if it happens in a stream only."""
        return self.kind.startswith("stream_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The times that SageMaker gives a container, in seconds.

    Attributes:
        container_seconds: Until its answer is there, or a stream has begun: 60 (API reference of InvokeEndpoint).
        stream_seconds: Until a stream has ended: 480 (secondary source; AWS's pages do not say).
    """

    container_seconds: float = field(default=60, metadata=steering.read_by(steering.number(above=0)))
    stream_seconds: float = field(default=480, metadata=steering.read_by(steering.number(above=0)))


def _read_pace(value: Any) -> Any:
    """Read knobs of the pace, by their names in `Pace`, or null for the container's own pace."""
    return None if value is None else steering.read(Pace, value)


@dataclass(slots=True, kw_only=True)
class EndpointBehaviour:
    """The behaviour of one endpoint; safe to use from several threads.

    Attributes:
        faults: The faults that are still to come, in their order.
        limits: The time limits.
        pace: The knobs of all its containers that are set otherwise than by their environments; None: none.
        invocations: The number of invocations, with those that failed.
    """

    faults: list[Fault] = field(
        default_factory=list, metadata=steering.read_by(steering.list_of(steering.object_of(Fault)))
    )
    limits: Limits = field(default_factory=Limits, metadata=steering.read_by(steering.object_of(Limits)))
    pace: Mapping[str, Any] | None = field(default=None, metadata=steering.read_by(_read_pace))
    invocations: int = field(default=0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def next_fault(self, *, streamed: bool) -> Fault | None:
        """Count an invocation, and return what has to go wrong with it.

        Args:
            streamed: Whether it is answered with a stream.
        """
        with self._lock:
            self.invocations += 1
            for place, fault in enumerate(self.faults):
                if fault.is_in_stream and not streamed:
                    continue
                if fault.times is not None:
                    left = replace(fault, times=fault.times - 1)
                    self.faults = [*self.faults[:place], *([left] if left.times else []), *self.faults[place + 1 :]]
                return fault
            return None

    def document(self) -> Mapping[str, Any]:
        """Return the behaviour as JSON."""
        return {
            "faults": [asdict(fault) for fault in self.faults],
            "limits": asdict(self.limits),
            "pace": self.pace,
            "invocations": self.invocations,
        }
