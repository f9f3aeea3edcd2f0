"""A clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass
class Clock:
    """A clock that moves when it is told."""

    seconds: float = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.seconds
