"""The interface of an operation on imported models: its parameters, its calls and what they answer."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Protocol

from invoke_shim.contract import BodyName
from invoke_shim.generation.types import Answer, GenerationRequest, Piece

Events = Iterable[Mapping[str, Any]]
"""The events of a stream, as botocore gives them."""

Lines = Generator[bytes, None, None]


class Exchange(Protocol):
    """One of Bedrock's operations, whole and streamed."""

    @property
    def takes_messages(self) -> bool:
        """True if the model's side writes a chat's prompt."""

    def parameters(self, request: GenerationRequest) -> dict[str, Any]:
        """Return the operation's parameters, without the model.

        Raises:
            ApiError: 400, the operation does not take the request.
        """

    def native_parameters(self, body: bytes) -> dict[str, Any]:
        """Return the operation's parameters, without the model, for a payload of its own form."""

    def call(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        """Call the operation; return its whole answer."""

    def call_stream(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        """Call the streaming operation; return the stream of its events."""

    def read(self, reply: Any, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """

    def read_stream(self, events: Events, request: GenerationRequest) -> Iterator[Piece]:
        """Read a stream's events; the counts come once, after all else.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """

    def native_reply(self, reply: Any) -> bytes:
        """Return an answer that came at once as its JSON."""

    def native_lines(self, events: Events) -> Lines:
        """Yield a stream's documents, one a line."""


def create_exchange(name: BodyName) -> Exchange:
    """Create the operation for a body by its name in BODY. Only its own modules are imported, as a function has one."""
    if name == "converse":
        from invoke_shim.backends.bedrock.converse import Converse  # noqa: PLC0415 - see above

        return Converse()
    from invoke_shim.backends.bedrock.invoke import Invoke  # noqa: PLC0415 - see above

    return Invoke(name)
