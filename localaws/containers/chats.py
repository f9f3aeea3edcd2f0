"""Chats: what every dialect reads out of its messages, and the prompt that the stand-in's chat template makes of it.

The template is ChatML with tools as Hermes models have them. No model's own template is here, so that counts of tokens
differ from theirs:

    <|im_start|>system
    {text}

    # Tools
    <tools>
    {the tools as JSON, one a line}
    </tools><|im_end|>
    <|im_start|>user
    {text}<|im_end|>
    <|im_start|>assistant
    {text}<tool_call>
    {"name": ..., "arguments": ...}
    </tool_call><|im_end|>
    <|im_start|>tool
    {text}<|im_end|>
    <|im_start|>assistant

A picture stands before its message's text, as `<image {the first 8 hex digits of the SHA-256 of its data}>` and 20
times `<image>`: some 64 tokens, as many as Idefics 2 spends on one (its `config.json`, `resampler_n_latents`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.messages import compact_json

_IMAGE_PADDING: Final = "<image>" * 20


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, asked for by the model.

    Attributes:
        name: The tool's name.
        arguments: The arguments, a JSON document.
    """

    name: str
    arguments: Any


@dataclass(frozen=True, slots=True)
class Turn:
    """A message of a chat.

    Attributes:
        role: `system`, `user`, `assistant`, `tool` or whatever the dialect allows.
        text: The message's text.
        images: The digests of its pictures.
        calls: The calls that an assistant's message asked for.
    """

    role: str
    text: str
    images: tuple[str, ...] = ()
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call.

    Attributes:
        name: Its name.
        description: What it does.
        schema: The JSON schema of its arguments.
    """

    name: str
    description: str = ""
    schema: Any = None


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that waits for the assistant's next message.

    Attributes:
        turns: The messages, the oldest first.
        tools: The tools that the model is shown.
    """

    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()

    @property
    def images(self) -> tuple[str, ...]:
        """The digests of all pictures."""
        return tuple(image for turn in self.turns for image in turn.images)


def digest_of(data: bytes) -> str:
    """Return the digest by which the stand-in names a picture."""
    return hashlib.sha256(data).hexdigest()[:8]


def picture(digest: str) -> str:
    """Return what stands in a prompt for the picture with a digest."""
    return f"<image {digest}>{_IMAGE_PADDING}"


def render(chat: Chat) -> str:
    """Return the prompt of a chat."""
    return "".join(_parts(chat))


def _parts(chat: Chat) -> Iterator[str]:
    turns = chat.turns
    if chat.tools:
        system = turns[0].text if turns and turns[0].role == "system" else ""
        turns = turns[1:] if system else turns
        yield f"<|im_start|>system\n{system}{_tools(chat)}<|im_end|>\n"
    for turn in turns:
        images = "".join(f"{picture(image)}\n" for image in turn.images)
        calls = "".join(f"<tool_call>\n{call_json(call)}\n</tool_call>" for call in turn.calls)
        yield f"<|im_start|>{turn.role}\n{images}{turn.text}{calls}<|im_end|>\n"
    yield "<|im_start|>assistant\n"


def _tools(chat: Chat) -> str:
    lines = (
        compact_json({"name": tool.name, "description": tool.description, "parameters": tool.schema})
        for tool in chat.tools
    )
    return "\n\n# Tools\n<tools>\n" + "\n".join(lines) + "\n</tools>"


def call_json(call: ToolCall) -> str:
    """Return a call as the model writes it."""
    document: Mapping[str, Any] = {"name": call.name, "arguments": call.arguments}
    return compact_json(document)
