"""The messages of a chat: text, images, calls of tools and their results."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

SYSTEM_ROLES = ("system", "developer")
"""OpenAI's newer name for the system role is "developer"; no model here distinguishes them."""


class Image(NamedTuple):
    """An image within a message.

    Attributes:
        media_type: Such as `image/png`.
        data: Its bytes in base64.
    """

    media_type: str
    data: str


class ToolCall(NamedTuple):
    """A model's call of a tool.

    Attributes:
        id: Identifies the call for its result.
        name: The function's name.
        arguments: The function's arguments as the model wrote them: JSON in a string, by no means always valid.
    """

    id: str
    name: str
    arguments: str


class Message(NamedTuple):
    """One message of a chat.

    Attributes:
        role: The role as the client sent it.
        content: The text; of several parts the texts, joined by line breaks.
        parts: The texts and images in their order, where there is an image; otherwise empty.
        tool_calls: The calls that an assistant's message makes.
        tool_call_id: The call whose result a tool's message is; None in other messages.
    """

    role: str
    content: str
    parts: tuple[str | Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Function(NamedTuple):
    """A function that the model may call.

    Attributes:
        name: Its name.
        description: Its purpose, for the model; None for none.
        parameters: The JSON schema of its arguments; None for no arguments.
        strict: Whether arguments must match the schema; None where the client says nothing.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool | None = None


class Tools(NamedTuple):
    """The functions of a request, and whether the model has to call one.

    Attributes:
        functions: At least one.
        choice: `auto` lets the model choose, `none` forbids a call, `required` asks for one or more, `named` for that
            of `name`.
        name: The function that must be called, with the choice `named`.
        parallel: Whether several calls may come at once; None where the client says nothing.
    """

    functions: tuple[Function, ...]
    choice: Literal["auto", "none", "required", "named"] = "auto"
    name: str | None = None
    parallel: bool | None = None
