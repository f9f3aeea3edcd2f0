"""The messages and tools of Converse: what the service refuses, and the prompt that the rest makes.

Source: botocore's model for the forms; for the refusals, which no reference lists, the words that public issues quote.
Where those leave a doubt, the stand-in refuses: a message in the role `system`, blank stop sequences, tools without a
schema of an object, images beyond the first twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from localaws.bedrock import images
from localaws.bedrock.errors import invalid
from localaws.bedrock.tools import Tools
from localaws.containers.chats import Tool, ToolCall, Turn, digest_of
from localaws.containers.messages import compact_json

MAX_IMAGES: Final = 20
"""API reference, Message: the most images of one."""

_NO_TOOLS: Final = "The toolConfig field must be defined when using toolUse and toolResult content blocks."
_BLOCKS: Final = {
    "user": ("text", "image", "toolResult"),
    "assistant": ("text", "toolUse", "reasoningContent"),
}
"""The blocks of each role that the stand-in knows."""


def turns_of(messages: Any, *, has_tools: bool) -> list[Turn]:
    """Read messages as turns, of which each tool's result is one.

    Args:
        messages: The messages.
        has_tools: Whether the request has tools.

    Raises:
        ServiceError: ValidationException, if they are no conversation.
    """
    if not messages or messages[0]["role"] != "user":
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    turns: list[Turn] = []
    asked: list[str] = []
    for position, message in enumerate(messages):
        where = f"messages.{position}"
        _check_role(message, messages[position - 1] if position else None, where)
        reader = _Message(where, message["role"], has_tools=has_tools)
        turns += reader.turns(message["content"])
        _check_ids(reader.results, reader.calls, asked, where)
        asked = reader.calls
    if sum(len(turn.images) for turn in turns) > MAX_IMAGES:
        raise invalid(f"A request may have at most {MAX_IMAGES} images.")
    return turns


class _Message:
    """One message.

    Args:
        where: Its place.
        role: Its role.
        has_tools: Whether the request has tools.

    Attributes:
        results: The ids of the calls whose results it has.
        calls: The ids of its calls.
    """

    def __init__(self, where: str, role: str, *, has_tools: bool) -> None:
        self._where = where
        self._role = role
        self._has_tools = has_tools
        self.results: list[str] = []
        self.calls: list[str] = []

    def turns(self, blocks: Sequence[Mapping[str, Any]]) -> list[Turn]:
        """Read the blocks.

        Raises:
            ServiceError: ValidationException, if one is not taken.
        """
        results: list[Turn] = []
        parts: list[str | bytes] = []
        calls: list[ToolCall] = []
        for place, block in enumerate(blocks):
            where = f"{self._where}.content.{place}"
            [kind] = block if len(block) == 1 else [""]
            if kind not in _BLOCKS[self._role]:
                raise invalid(f"The content block at {where} is not supported in a message of the role {self._role}.")
            if kind in ("toolUse", "toolResult") and not self._has_tools:
                raise invalid(_NO_TOOLS)
            if kind == "toolUse":
                calls.append(self._call(block["toolUse"], where))
            elif kind == "toolResult":
                results.append(self._result(block["toolResult"], where))
            elif kind != "reasoningContent":
                parts.append(_image(block["image"], where) if kind == "image" else _text(block["text"], where))
        rest = _turn(self._role, parts, tuple(calls))
        return results if results and not parts else [*results, rest]

    def _call(self, use: Mapping[str, Any], where: str) -> ToolCall:
        if not isinstance(use["input"], dict):
            raise invalid(f"The value at {where}.toolUse.input must be a JSON object.")
        self.calls.append(use["toolUseId"])
        return ToolCall(use["name"], use["input"])

    def _result(self, result: Mapping[str, Any], where: str) -> Turn:
        self.results.append(result["toolUseId"])
        parts: list[str | bytes] = []
        for place, part in enumerate(result["content"]):
            at = f"{where}.toolResult.content.{place}"
            [kind] = part if len(part) == 1 else [""]
            if kind == "json":
                parts.append(compact_json(part["json"]))
            elif kind in ("image", "text"):
                parts.append(_image(part["image"], at) if kind == "image" else _text(part["text"], at))
            else:
                raise invalid(f"The content block at {at} is not supported in a tool's result.")
        return _turn("tool", parts)


def _turn(role: str, parts: Sequence[str | bytes], calls: tuple[ToolCall, ...] = ()) -> Turn:
    text = "\n".join(part for part in parts if isinstance(part, str))
    return Turn(role, text, tuple(digest_of(part) for part in parts if isinstance(part, bytes)), calls)


def _check_role(message: Mapping[str, Any], before: Mapping[str, Any] | None, where: str) -> None:
    role = message["role"]
    if role not in _BLOCKS:
        raise invalid(f"This model doesn't support the {where}.role field with the value {role}.")
    if before is not None and before["role"] == role:
        raise invalid(
            "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
            "between user and assistant roles and try again."
        )
    if not message["content"]:
        raise invalid(
            f"The content field in the Message object at {where} is empty. Add a ContentBlock object to the "
            "content field and try again."
        )


def _image(image: Mapping[str, Any], where: str) -> bytes:
    data = images.decode(image["source"].get("bytes") or "")
    if data is None or images.format_of(data) != image["format"]:
        raise invalid(f"The image at {where} could not be read as {image['format']}.")
    return data


def tools_of(config: Any) -> Tools:
    """Read `toolConfig`.

    Raises:
        ServiceError: ValidationException, if it is not taken.
    """
    if config is None:
        return Tools()
    found = []
    for place, tool in enumerate(config["tools"]):
        where = f"toolConfig.tools.{place}"
        if "toolSpec" not in tool:
            raise invalid(f"This model doesn't support the {where}.{next(iter(tool), '')} field.")
        schema = (tool["toolSpec"].get("inputSchema") or {}).get("json")
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise invalid(f"The value at {where}.toolSpec.inputSchema.json.type must be one of the following: object.")
        found.append(Tool(tool["toolSpec"]["name"], tool["toolSpec"].get("description") or "", schema))
    names = [tool.name for tool in found]
    if not found or len(set(names)) < len(names):
        raise invalid("The toolConfig field must have at least one tool, each with a name of its own.")
    choice = config.get("toolChoice") or {"auto": {}}
    if len(choice) != 1 or not {*choice} <= {"auto", "any", "tool"}:
        raise invalid("The toolConfig.toolChoice field must have one of auto, any and tool.")
    if "tool" in choice and choice["tool"]["name"] not in names:
        raise invalid(f"The tool {choice['tool']['name']} at toolConfig.toolChoice.tool is not among the tools.")
    if "tool" in choice:
        return Tools(all=tuple(found), choice="named", name=choice["tool"]["name"])
    return Tools(all=tuple(found), choice="required" if "any" in choice else "auto")


def _text(text: str, where: str) -> str:
    if not text.strip():
        raise invalid(
            f"The text field in the ContentBlock object at {where} is blank. Add text to the text field, and try again."
        )
    return text


def _check_ids(results: Sequence[str], calls: Sequence[str], asked: Sequence[str], where: str) -> None:
    """Check that each call has one result in the next message, and each result a call in the message before."""
    if len(results) > len(asked):
        raise invalid(
            f"The number of toolResult blocks at {where}.content exceeds the number of toolUse blocks of previous turn."
        )
    for ids in (results, calls):
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise invalid(f"The toolUse or toolResult blocks at {where}.content contain duplicate Ids: {twice[0]}")
    missing = [one for one in asked if one not in results]
    if missing:
        raise invalid(f"Expected toolResult blocks at {where}.content for the following Ids: {', '.join(missing)}")
