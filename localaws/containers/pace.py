"""How fast and how long a stand-in answers: knobs of the fake's own, which no real container has.

They are read from the container's environment, and may be changed while an endpoint runs
(`localaws.sagemaker.control`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

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
    """How fast and how long a container answers.

    Attributes:
        token_seconds: the time that a token takes; 0: all of them at once.
        first_token_seconds: the time before the first token, on top of its own.
        answer_tokens: how many tokens an answer has before the end of sequence, unless the request ends it
            earlier; None: what the stand-in has to say.
        keep_alive_seconds: of TGI, how long its stream is silent before a comment keeps it alive (15 s in axum, the
            web framework of TGI).
    """

    token_seconds: float = 0
    first_token_seconds: float = 0
    answer_tokens: int | None = None
    keep_alive_seconds: float = 15

    @property
    def is_immediate(self) -> bool:
        """Whether all tokens are there at once."""
        return self.token_seconds == 0 and self.first_token_seconds == 0

    def changed(self, changes: Mapping[str, Any]) -> Pace:
        """Return the pace with other values of some knobs, by their names here.

        Raises:
            ValueError: if a name or a value is not allowed; the text says everything that is wrong, one problem
                a line.
        """
        problems = [_problem(name, value) for name, value in changes.items()]
        if any(problems):
            raise ValueError("\n".join(problem for problem in problems if problem))
        return replace(self, **changes)


def from_environment(environment: Mapping[str, str]) -> Pace:
    """Read the pace from a container's environment.

    Raises:
        ValueError: if a value is not allowed; the text says everything that is wrong, one problem a line.
    """
    problems, changes = [], {}
    for variable, knob in VARIABLES.items():
        if variable not in environment:
            continue
        value = _number(environment[variable], whole=knob == "answer_tokens")
        problem = _problem(knob, value)
        if problem:
            problems.append(f"{variable}={environment[variable]!r} is not allowed: {problem.partition(': ')[2]}")
        changes[knob] = value
    if problems:
        raise ValueError("\n".join(problems))
    return Pace(**changes)  # type: ignore[arg-type] # _problem has checked the types


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


def _problem(name: str, value: Any) -> str | None:
    """Return what is wrong with the value of a knob, or None."""
    if name not in Pace.__dataclass_fields__:
        return f"{name!r} is no knob: {', '.join(Pace.__dataclass_fields__)}"
    if name == "answer_tokens":
        is_right = value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
        return None if is_right else f"{name} is {value!r}: a positive integer, or null for the stand-in's own answer"
    least = "above 0" if name == "keep_alive_seconds" else "of at least 0"
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if is_number and value >= 0 and (value > 0 or name != "keep_alive_seconds"):
        return None
    return f"{name} is {value!r}: a number of seconds {least}"
