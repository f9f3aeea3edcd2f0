"""Conditions that a request is answered under: the container's engine and settings, its pace, the fault asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from localaws.containers import faults
from localaws.containers.engine import DeterministicEngine, Engine, Job
from localaws.containers.faults import Faults
from localaws.containers.pace import Pace, with_keep_alives
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import Token

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The conditions of one request.

    Attributes:
        settings: The container's settings.
        engine: What answers.
        pace: Pace and length of its answers.
        faults: The fault that is asked for.
        is_overloaded: Whether the container serves as many requests already as it takes.
        stopped: Set when the container is stopped.
        content_type: The type of the request's body.
        accept: The type of the answer that is asked for.
    """

    settings: ContainerSettings
    engine: Engine = field(default_factory=DeterministicEngine)
    pace: Pace = field(default_factory=Pace)
    faults: Faults = faults.NONE
    is_overloaded: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)
    content_type: str = "application/json"
    accept: str = "application/json"

    def generate(self, job: Job) -> Iterator[Token]:
        """Yield what the engine generates, in the pace's length."""
        return self.engine.generate(replace(job, length=self.pace.answer_tokens))

    def produced(self, items: Iterable[T]) -> Iterator[T | None]:
        """Yield the steps of a generation as they are produced, with what goes wrong; None while nothing follows.

        Raises:
            GenerationError: If the generation fails.
            BrokenStreamError: If the connection breaks.
        """
        silence = self.pace.keep_alive_seconds
        return with_keep_alives(self.faults.inject(items, stopped=self.stopped, silence=silence), self.pace)

    def whole(self, items: Iterable[T]) -> list[T]:
        """Return all steps of a generation once it has ended; raises what `produced` raises."""
        return [item for item in self.produced(items) if item is not None]
