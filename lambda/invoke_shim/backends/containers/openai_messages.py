"""Write a chat's messages in OpenAI's form, as each container takes them."""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from invoke_shim.generation.messages import Image, Message, ToolCall


def write(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Write messages with calls of tools and their results."""
    return [_write(message) for message in messages]


def write_without_tools(messages: Sequence[Message], *, fetches_links: bool = False) -> list[dict[str, Any]]:
    """Write messages for a container that gives its template roles and texts alone.

    An assistant's calls stand in its text as JSON. Their results become a user's message, which every template knows;
    a user's message that follows is joined to it, as many templates refuse two of them in a row.

    Args:
        messages: The chat.
        fetches_links: Whether the container takes images out of the texts, by Markdown's notation, and would fetch
            what a link names (TGI with a model that sees): such notation is broken by a blank.
    """
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    plain: list[Message] = []
    after_result = False
    for message in messages:
        found = _without_tools(message, names)
        if after_result and found.role == "user":
            plain[-1] = _joined(plain[-1], found)
        else:
            plain.append(found)
        after_result = message.role == "tool" or (after_result and found.role == "user")
    if fetches_links:
        plain = [_without_links(message) for message in plain]
    return [_write(message) for message in plain]


def _write(message: Message) -> dict[str, Any]:
    # Chat templates know OpenAI's newer name of the system role no more than the models do.
    role = "system" if message.role == "developer" else message.role
    content: Any = [_part(part) for part in message.parts] if message.parts else message.content
    written: dict[str, Any] = {"role": role, "content": content}
    if message.tool_calls:
        written["content"] = content or None
        written["tool_calls"] = [_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


def _part(part: str | Image) -> dict[str, Any]:
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{part.data}"}}
    return {"type": "text", "text": part}


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(arguments_of(call), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def arguments_of(call: ToolCall) -> dict[str, Any]:
    """Return a call's arguments as an object, which containers make of them before a template sees them.

    A model's text that is no object of JSON stands in one as it is: the chat goes on with what the model wrote.
    """
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    return arguments if isinstance(arguments, dict) else {"arguments": call.arguments}


def _without_tools(message: Message, names: dict[str, str]) -> Message:
    if message.role == "tool":
        title = f"Result of {names.get(message.tool_call_id or '', 'the tool')}:\n"
        parts = (title, *message.parts) if message.parts else ()
        return Message("user", f"{title}{message.content}", parts)
    if not message.tool_calls:
        return message
    calls = "\n".join(
        json.dumps({"name": call.name, "arguments": arguments_of(call)}, ensure_ascii=False)
        for call in message.tool_calls
    )
    parts = (*message.parts, calls) if message.parts else ()
    return Message(message.role, f"{message.content}\n{calls}" if message.content else calls, parts)


def _without_links(message: Message) -> Message:
    # The container joins the texts of a message without anything between: together they can make what neither has.
    parts: list[str | Image] = []
    for is_text, group in groupby(message.parts, key=lambda part: isinstance(part, str)):
        run = list(group)
        parts += [without_link("".join(map(str, run)))] if is_text else run
    return message._replace(content=without_link(message.content), parts=tuple(parts))


def without_link(text: str) -> str:
    """Return a text in which no image is named by Markdown's notation."""
    return text.replace("![](", "![ ](")


def without_links_within(value: Any) -> Any:
    """Return JSON whose texts, names among them, name no images."""
    text = json.dumps(value)
    found = without_link(text)
    return value if found == text else json.loads(found)


def _joined(first: Message, second: Message) -> Message:
    parts: tuple[str | Image, ...] = ()
    if first.parts or second.parts:
        parts = (*(first.parts or (first.content,)), *(second.parts or (second.content,)))
    return Message(first.role, f"{first.content}\n\n{second.content}", parts)
