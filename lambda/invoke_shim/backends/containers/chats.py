"""A container that takes chats as messages, and prompts in a form of its own."""

from collections.abc import Iterable, Iterator

from invoke_shim.backends.containers.base import Container
from invoke_shim.generation.types import Answer, GenerationRequest, Piece


class ChatsAndPrompts:
    """Two ways to one container: which of them takes a request is decided by what it holds.

    Args:
        chats: Takes messages.
        prompts: Takes prompts.
    """

    takes_messages = True

    def __init__(self, *, chats: Container, prompts: Container) -> None:
        self.name = prompts.name
        self.refuses_with_424 = prompts.refuses_with_424
        self._chats = chats
        self._prompts = prompts

    def _of(self, request: GenerationRequest) -> Container:
        return self._chats if request.prompt is None else self._prompts

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body."""
        return self._of(request).payload(request, stream=stream)

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        return self._of(request).read(body, request)

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        return self._of(request).read_stream(chunks, request)

    def streams(self, request: GenerationRequest) -> bool:
        """Check whether a streamed answer to this request loses nothing."""
        return self._of(request).streams(request)
