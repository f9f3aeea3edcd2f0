"""Write requests to a container, and read its answers."""

import json
from typing import Any, cast

from hypothesis import strategies as st

from invoke_shim.backends.containers import create_container
from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import ContainerName
from invoke_shim.generation.messages import Message
from invoke_shim.generation.types import Completion, Generation, GenerationRequest, Piece
from tests.invoke_shim.backend_stub import prompt_request
from tests.invoke_shim.container_writers import (
    WRITERS,
    Writer,
)

MESSAGES = (Message("developer", "Be brief."), Message("user", "Hi"))
writers = st.sampled_from(list(WRITERS.values()))
places = st.lists(st.integers(0, 100_000), max_size=20)


def made(container: str) -> Container:
    return create_container(cast("ContainerName", container))


def ask_of(writer: Writer, **generation: Any) -> GenerationRequest:
    return GenerationRequest(
        prompt=None if writer.chat else "Once",
        messages=MESSAGES if writer.chat else (),
        generation=Generation(**{"max_tokens": 256, **generation}),
    )


def payload(container: str, asked: GenerationRequest, *, stream: bool = False) -> Any:
    return json.loads(made(container).payload(asked, stream=stream))


def read(container: str, reply: Any, asked: GenerationRequest | None = None) -> Completion:
    body = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
    return made(container).read(body, asked or prompt_request()).completions[0]


def stream(container: str, events: list[Any], asked: GenerationRequest | None = None) -> list[Piece]:
    data = "".join(f"data:{json.dumps(event)}\n\n" for event in events).encode()
    return list(made(container).read_stream([data], asked or prompt_request()))
