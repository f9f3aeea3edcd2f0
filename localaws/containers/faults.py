"""Faults that a prompt asks for, so that they can be tried through every layer above.

A prompt that contains one of these markers anywhere makes the stand-in

* `[[stand-in status=503]]`: answer with that status;
* `[[stand-in delay=2.5]]`: begin to answer after that many seconds;
* `[[stand-in error=3]]`: fail after three tokens, as its serving stack reports a failure in its stream, or with its
  status where it does not stream;
* `[[stand-in break=3]]`: break the connection after three tokens;
* `[[stand-in stall=3]]`: say nothing any more after three tokens, until it is stopped.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from localaws.containers.messages import BrokenStreamError

T = TypeVar("T")

_MARKER: Final = re.compile(rb"\[\[stand-in (status|delay|error|break|stall)=(\d+(?:\.\d+)?)\]\]")


class GenerationError(Exception):
    """A generation that failed after it had begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """A fault that a request asks for.

    Attributes:
        status: The HTTP status to answer with.
        delay: Seconds to wait before anything else.
        error_after: After how many tokens the generation fails.
        break_after: After how many tokens the connection breaks.
        stall_after: After how many tokens nothing follows.
    """

    status: int | None = None
    delay: float = 0
    error_after: int | None = None
    break_after: int | None = None
    stall_after: int | None = None

    @classmethod
    def of(cls, body: bytes) -> Faults:
        """Read the markers in a request's body."""
        if b"[[stand-in " not in body:
            return NONE
        asked = {kind.decode(): float(value) for kind, value in _MARKER.findall(body)}
        whole = {kind: int(value) for kind, value in asked.items()}
        return cls(
            status=whole.get("status"),
            delay=asked.get("delay", 0),
            error_after=whole.get("error"),
            break_after=whole.get("break"),
            stall_after=whole.get("stall"),
        )

    def inject(self, items: Iterable[T], *, stopped: threading.Event, silence: float) -> Iterator[T | None]:
        """Yield the tokens of a generation until one of the faults.

        Args:
            items: The tokens.
            stopped: Set when the container is stopped, which ends a stall.
            silence: While nothing follows, None is yielded every so many seconds.

        Raises:
            GenerationError: If the generation fails.
            BrokenStreamError: If the connection breaks.
        """
        ends = [end for end in (self.error_after, self.break_after, self.stall_after) if end is not None]
        yield from itertools.islice(items, min(ends)) if ends else items
        if not ends:
            return
        if self.stall_after == min(ends):
            yield None
            while not stopped.wait(silence):
                yield None
        if self.error_after == min(ends):
            raise GenerationError("the prompt asked for it")
        raise BrokenStreamError


NONE: Final = Faults()
