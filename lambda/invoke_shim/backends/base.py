"""The interface of a backend."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from invoke_shim.deadline import Deadline
from invoke_shim.errors import Problem
from invoke_shim.generation.types import Answer, GenerationRequest, Piece
from invoke_shim.rules.base import Rules

JSON = "application/json"


class Payload(NamedTuple):
    """A request to a container, byte for byte, with the types of its body and of the answer."""

    body: bytes
    content_type: str = JSON
    accept: str = JSON


class NativeReply(NamedTuple):
    """The complete answer of a container, byte for byte."""

    body: bytes
    content_type: str


class NativeStream(NamedTuple):
    """The streamed answer of a container: its bytes, split anywhere."""

    chunks: Iterator[bytes]
    content_type: str


class Backend(Protocol):
    """A model that answers prompts.

    Every call may raise `ApiError`. Not-ready models are waited for, with jitter, until the deadline; nothing is
    sent twice once a request may have been answered.
    """

    @property
    def takes_messages(self) -> bool:
        """True if chats go to the model's side as messages, without a prompt format of the shim's."""

    @property
    def rules(self) -> Rules:
        """The parameters that it takes beside a prompt."""

    @property
    def chat_rules(self) -> Rules:
        """The parameters that it takes beside a chat."""

    def complete(self, request: GenerationRequest, deadline: Deadline) -> Answer:
        """Answer at once."""

    def stream(self, request: GenerationRequest, deadline: Deadline) -> Iterator[Piece]:
        """Answer piece by piece; an error raised by the first `next` has sent nothing yet."""

    def native_problems(self, body: Mapping[str, Any]) -> list[Problem]:
        """List the problems of a payload of the container's own form, by the container's rules."""

    def invoke(self, body: bytes, deadline: Deadline) -> NativeReply:
        """Send a payload of the container's own form unchanged."""

    def invoke_stream(self, body: bytes, deadline: Deadline) -> NativeStream:
        """Send a payload of the container's own form unchanged, and stream the answer's bytes."""


class TaskBackend(Protocol):
    """A model that does another task than generating text: requests go to its container as they are."""

    def send(self, payload: Payload, deadline: Deadline) -> NativeReply:
        """Send a request, and wait for its whole answer. Raises `ApiError` as `Backend` does."""
