"""What the routes ask of a backend, whichever it is."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece
from invoke_shim.rules.base import Rules


class NativeReply(NamedTuple):
    """A container's whole answer, as it came."""

    body: bytes
    content_type: str


class NativeStream(NamedTuple):
    """A container's streamed answer: bytes as they came, split anywhere."""

    chunks: Iterator[bytes]
    content_type: str


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

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        """Answer at once."""

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; an error raised from the first `next` has sent nothing yet."""

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """What is wrong with a payload of the container's own form, by the container's parameter rules."""

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        """Send a payload of the container's own form as it is."""

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload of the container's own form and stream the answer's bytes as they come."""
