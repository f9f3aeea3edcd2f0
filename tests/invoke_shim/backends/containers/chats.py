"""Chats of containers by version: what is sent, and what is read of transcripts."""

import json
from typing import Any, cast

from invoke_shim.backends.containers import create_container
from invoke_shim.backends.containers.base import Container
from invoke_shim.contract import ContainerName
from invoke_shim.generation.messages import Function, Message, Tools
from invoke_shim.generation.types import Generation, GenerationRequest, Piece
from invoke_shim.rules.limits import Limits

VERSIONS: dict[str, tuple[str, tuple[int, ...]]] = {
    "TGI 2.4.0": ("tgi", (2, 4, 0)),
    "TGI 2.4.1": ("tgi", (2, 4, 1)),
    "TGI 3.0": ("tgi", (3, 0, 1)),
    "TGI 3.2": ("tgi", (3, 2, 3)),
    "LMI 11": ("lmi", (11, 0, 0)),
    "LMI 14": ("lmi", (14, 0, 0)),
    "LMI 17": ("lmi", (17, 0, 0)),
    "vLLM": ("vllm", (0, 11, 0)),
}

WEATHER = Function("weather", "Tell the weather", {"type": "object", "properties": {"city": {"type": "string"}}})
TIME = Function("time")


def container(name: str, **limits: Any) -> Container:
    family, version = VERSIONS[name]
    return create_container(
        cast("ContainerName", family), version, prompt_format="container", limits=Limits(None, limits.get("total"))
    )


def chat(*messages: Message, **generation: Any) -> GenerationRequest:
    return GenerationRequest(
        messages=messages or (Message("user", "Hi"),), generation=Generation(**{"max_tokens": 99, **generation})
    )


def tools(choice: str = "auto", *functions: Function, **more: Any) -> Tools:
    return Tools(functions or (WEATHER,), cast("Any", choice), **more)


def sent(name: str, request: GenerationRequest, *, stream: bool = False, **limits: Any) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(container(name, **limits).payload(request, stream=stream))
    return document


def whole(name: str, message: dict[str, Any], reason: str | None = "stop", **more: Any) -> Any:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "logprobs": None, "finish_reason": reason}
    reply = {"object": "chat.completion", "choices": [choice], **more}
    return container(name).read(json.dumps(reply).encode(), chat())


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "choices": [choice], **more}


def streamed(name: str, *chunks: dict[str, Any], **generation: Any) -> list[Piece]:
    data = "".join(f"data: {json.dumps(found)}\n\n" for found in chunks) + "data: [DONE]\n\n"
    # A byte at a time: nothing depends on how it comes.
    parts = [bytes([byte]) for byte in data.encode()]
    return list(container(name).read_stream(parts, chat(**generation)))
