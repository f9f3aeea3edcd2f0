"""What the routes ask of a backend, whichever it is."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from invoke_shim.errors import Problem
from invoke_shim.generation.types import Answer, Ask, Piece


class Waited:
    """What a request had to wait for, added up while it is answered, for the metrics.

    Attributes:
        cold_seconds: seconds between tries while the model was not ready (`retry.when_ready`).
    """

    __slots__ = ("cold_seconds",)

    def __init__(self) -> None:
        self.cold_seconds = 0.0


class Deadline:
    """When an answer must have begun, on the monotonic clock.

    Attributes:
        at: seconds of `time.monotonic`: the earliest of the caller's patience, the API's and the function's.
        waited: what the request that this is the deadline of had to wait for so far.
    """

    __slots__ = ("at", "waited")

    def __init__(self, at: float) -> None:
        self.at = at
        self.waited = Waited()

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """A deadline so many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds that are left; 0 when none are."""
        return max(0.0, self.at - time.monotonic())


class NativeReply(NamedTuple):
    """A container's whole answer, as it came."""

    body: bytes
    content_type: str


class NativeStream(NamedTuple):
    """A container's streamed answer: bytes as they came, split anywhere."""

    chunks: Iterator[bytes]
    content_type: str


class Rules(NamedTuple):
    """What a backend takes beside a prompt.

    Attributes:
        max_stop: the most stop strings that it ends at by itself; None where there is no limit. The shim cuts
            at the others.
        penalties: which of `presence_penalty` and `frequency_penalty` it knows.
        max_n: the most answers to one request.
        max_top_logprobs: the most alternatives at a token; None where it tells no log probabilities at all.
        response_format: whether it takes OpenAI's `response_format`.
        extra: its own parameters that a chat or completion may carry, by name, each with its check: it takes
            the value and says what is expected instead, or None where the value is right.
        dropped: those of `extra` that a chat or completion may carry and that are not passed on, because the
            container has nothing for them or the shim decides them.
        conflicts: which parameters cannot go together, if any.
    """

    extra: Mapping[str, "Check"]
    max_stop: int | None = None
    penalties: frozenset[str] = frozenset()
    max_n: int = 1
    max_top_logprobs: int | None = None
    response_format: bool = False
    dropped: frozenset[str] = frozenset()
    conflicts: "Conflicts | None" = None


class Check(Protocol):
    """Says what is allowed instead of a parameter's value, or None where the value is allowed."""

    def __call__(self, value: Any, /) -> str | None:
        """Judge the value."""


class Conflicts(Protocol):
    """Says which of a request's parameters cannot go together, each of them right by itself."""

    def __call__(self, parameters: Mapping[str, Any], /, *, stream: bool, samples: bool) -> list[Problem]:
        """Judge the parameters, by the container's names; `samples` when tokens are not just the likeliest."""


class Backend(Protocol):
    """Where prompts are answered.

    Every call may raise `ApiError`. Not-ready models are waited for, with jitter, until the deadline; nothing is
    sent twice once a request may have been answered.
    """

    @property
    def takes_messages(self) -> bool:
        """Whether chats go to the model's side as messages, with no prompt format of ours."""

    @property
    def rules(self) -> Rules:
        """What it takes."""

    def complete(self, ask: Ask, deadline: Deadline) -> Answer:
        """Answer at once."""

    def stream(self, ask: Ask, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; an error raised from the first `next` has sent nothing yet."""

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a payload of the container's own form, by the container's parameter rules."""

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        """Send a payload of the container's own form as it is."""

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload of the container's own form and stream the answer's bytes as they come."""
