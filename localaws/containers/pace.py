"""The pace and length of a stand-in's answers: knobs of the fake's own, which no real container has.

They are read from the container's environment, and may be changed while an endpoint runs
(`localaws.sagemaker.endpoint_steering`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from localaws import steering

T = TypeVar("T")

VARIABLES: Final[Mapping[str, str]] = {
    "LOCALAWS_TOKEN_SECONDS": "token_seconds",
    "LOCALAWS_FIRST_TOKEN_SECONDS": "first_token_seconds",
    "LOCALAWS_ANSWER_TOKENS": "answer_tokens",
    "LOCALAWS_KEEP_ALIVE_SECONDS": "keep_alive_seconds",
}
"""The environment variables of a container and the knobs that they set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The pace and length of a container's answers.

    Attributes:
        token_seconds: The time that a token takes; 0: all of them at once.
        first_token_seconds: The time before the first token, on top of its own.
        answer_tokens: Number of tokens of an answer before the end of sequence, unless the request ends it
            earlier; None: what the stand-in has to say.
        keep_alive_seconds: Of TGI, how long its stream is silent before a comment keeps it alive (15 s in axum, the
            web framework of TGI).
    """

    token_seconds: float = 0.0
    first_token_seconds: float = 0.0
    answer_tokens: int | None = field(
        default=None,
        metadata=steering.read_by(steering.number(whole=True, above=0, null="its own answer")),
    )
    keep_alive_seconds: float = field(default=15.0, metadata=steering.read_by(steering.number(above=0)))

    @property
    def is_immediate(self) -> bool:
        """True if all tokens are there at once."""
        return self.token_seconds == 0 and self.first_token_seconds == 0

    def changed(self, changes: Mapping[str, Any]) -> Pace:
        """Return the pace with other values of some knobs, by their names here.

        Raises:
            ValueError: If a name or a value is not allowed; the text says everything that is wrong, one problem
                a line.
        """
        return replace(self, **steering.read(Pace, changes))


def from_environment(environment: Mapping[str, str]) -> Pace:
    """Read the pace from a container's environment.

    Raises:
        ValueError: If a value is not allowed; the text says everything that is wrong, one problem a line.
    """
    problems: list[str] = []
    changes: dict[str, Any] = {}
    for variable, knob in VARIABLES.items():
        if variable not in environment:
            continue
        value = _number(environment[variable], whole=knob == "answer_tokens")
        try:
            changes |= steering.read(Pace, {knob: value})
        except ValueError as error:
            problems.append(f"{variable}={environment[variable]!r} is not allowed: {str(error).partition(': ')[2]}")
    if problems:
        raise ValueError("\n".join(problems))
    return Pace(**changes)


def with_keep_alives(items: Iterable[T], pace: Pace) -> Iterator[T | None]:
    """Yield each item when its time has come, and None as often as the stream has to be kept alive before."""
    if pace.is_immediate:
        yield from items
        return
    due = time.monotonic() + pace.first_token_seconds
    for item in items:
        # Against the clock and not one after the other, so that the time that tokens take otherwise does not add up.
        due += pace.token_seconds
        while (wait := due - time.monotonic()) > pace.keep_alive_seconds:
            time.sleep(pace.keep_alive_seconds)
            yield None
        if wait > 0:
            time.sleep(wait)
        yield item


def paced(items: Iterable[T], pace: Pace) -> Iterator[T]:
    """Yield each item when its time has come."""
    if pace.is_immediate:
        return iter(items)
    return (item for item in with_keep_alives(items, replace(pace, keep_alive_seconds=math.inf)) if item is not None)


def _number(text: str, *, whole: bool) -> object:
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text
