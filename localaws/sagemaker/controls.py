"""What may be changed about an endpoint while it runs, for tests: faults, time limits and the container's pace.

Nothing of it exists in AWS; see `control` for how it is set.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, get_args

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
"""What can go wrong. Those that begin with ``stream_`` happen in a stream, after its first part; other invocations
do not count for them."""

KINDS: Final[tuple[str, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Attributes:
        kind: what goes wrong.
        times: for how many of the next invocations; None: for all.
        status: of a ``model_error``, the container's status.
        message: of a ``model_error``, the container's answer.
    """

    kind: str
    times: int | None = None
    status: int = 500
    message: str = "as asked for"

    @property
    def is_in_stream(self) -> bool:
        """Whether it happens in a stream only."""
        return self.kind.startswith("stream_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The times that SageMaker gives a container, in seconds.

    Attributes:
        container_seconds: until its answer is there, or a stream has begun: 60 (API reference of InvokeEndpoint).
        stream_seconds: until a stream has ended: 480 (secondary source; AWS's pages do not say).
    """

    container_seconds: float = 60
    stream_seconds: float = 480


@dataclass(slots=True)
class Controls:
    """The controls of one endpoint; safe to use from several threads.

    Attributes:
        limits: the time limits.
        pace: the knobs of all its containers that are set otherwise than by their environments; None: none.
        invocations: how many invocations there were, with those that failed.
    """

    limits: Limits = field(default_factory=Limits)
    pace: Mapping[str, Any] | None = None
    invocations: int = 0
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def faults(self) -> list[Fault]:
        """The faults that are still to come, in the order in which they come."""
        with self._lock:
            return list(self._faults)

    @faults.setter
    def faults(self, faults: list[Fault]) -> None:
        with self._lock:
            self._faults = list(faults)

    def next_fault(self, *, streamed: bool) -> Fault | None:
        """Count an invocation, and return what has to go wrong with it.

        Args:
            streamed: whether it is answered with a stream.
        """
        with self._lock:
            self.invocations += 1
            for place, fault in enumerate(self._faults):
                if fault.is_in_stream and not streamed:
                    continue
                if fault.times is not None:
                    left = replace(fault, times=fault.times - 1)
                    self._faults[place : place + 1] = [left] if left.times else []
                return fault
            return None


def faults_of(documents: Any) -> list[Fault]:
    """Read faults from JSON: a list of objects with ``kind``, and perhaps ``times``, ``status`` and ``message``.

    Raises:
        ValueError: if something is not allowed; the text says everything that is wrong, one problem a line.
    """
    if not isinstance(documents, list):
        raise ValueError(f"faults is {documents!r}: a list of objects")
    problems = [problem for place, document in enumerate(documents) for problem in _fault_problems(place, document)]
    if problems:
        raise ValueError("\n".join(problems))
    return [Fault(**document) for document in documents]


def limits_of(document: Any) -> Limits:
    """Read the limits from JSON: an object with ``container_seconds`` and ``stream_seconds``, or one of them.

    Raises:
        ValueError: if something is not allowed; the text says everything that is wrong, one problem a line.
    """
    names = tuple(Limits.__dataclass_fields__)
    if not isinstance(document, dict):
        raise ValueError(f"limits is {document!r}: an object with {' and '.join(names)}")
    problems = [f"limits.{name} is not allowed: {', '.join(names)}" for name in document if name not in names]
    problems += [
        f"limits.{name} is {value!r}: a number of seconds above 0"
        for name, value in document.items()
        if name in names and not (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)
    ]
    if problems:
        raise ValueError("\n".join(problems))
    return Limits(**document)


def pace_of(document: Any) -> Mapping[str, Any] | None:
    """Read knobs of the pace from JSON: an object, by their names in `localaws.containers.pace.Pace`, or null.

    Raises:
        ValueError: if something is not allowed; the text says everything that is wrong, one problem a line.
    """
    if document is None:
        return None
    if not isinstance(document, dict):
        raise ValueError(f"pace is {document!r}: an object with knobs, or null for the container's own pace")
    try:
        Pace().changed(document)
    except ValueError as error:
        raise ValueError("\n".join(f"pace.{problem}" for problem in str(error).splitlines())) from error
    return document


def _fault_problems(place: int, document: Any) -> list[str]:
    where = f"faults[{place}]"
    if not isinstance(document, dict):
        return [f"{where} is {document!r}: an object with kind"]
    times = document.get("times")
    allowed: Mapping[str, tuple[bool, str]] = {
        "kind": (document.get("kind") in KINDS, f"one of {', '.join(KINDS)}"),
        "times": (times is None or _is_positive(times), "a positive integer, or null for always"),
        "status": (document.get("status", 500) in range(400, 600), "an HTTP status of 400 to 599"),
        "message": (isinstance(document.get("message", ""), str), "a string"),
    }
    problems = [f"{where}.{name} is not allowed: {', '.join(allowed)}" for name in document if name not in allowed]
    return problems + [
        f"{where}.{name} is {document.get(name)!r}: {expected}"
        for name, (is_right, expected) in allowed.items()
        if not is_right
    ]


def _is_positive(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
