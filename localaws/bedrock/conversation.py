"""The messages and tools of Converse: what the service refuses, and the prompt that the rest makes.

Source: botocore's model for the forms; for the refusals, which no reference lists, the words that public issues quote.
Where those leave a doubt, the stand-in refuses: a message in the role `system`, blank stop sequences, tools without a
schema of an object, images beyond the first twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from localaws.bedrock import images, tools
from localaws.bedrock.errors import invalid
from localaws.bedrock.tools import Tool, Tools

MAX_IMAGES: Final = 20
"""API reference, Message: the most images of one."""

_NO_TOOLS: Final = "The toolConfig field must be defined when using toolUse and toolResult content blocks."
_BLOCKS: Final = {
    "user": ("text", "image", "toolResult"),
    "assistant": ("text", "toolUse", "reasoningContent"),
}
"""The blocks of each role that the stand-in knows."""


class Conversation:
    """A conversation that was checked.

    Attributes:
        turns: Its messages as roles and texts.
        last: The text of the last message.
        answers_result: Whether that has a tool's result.
        images: Number of images.
    """

    def __init__(self, messages: Any, *, has_tools: bool) -> None:
        """Check messages.

        Raises:
            ServiceError: ValidationException, if they are no conversation.
        """
        self.turns: list[tuple[str, str]] = []
        self.answers_result = False
        self.images = 0
        self._has_tools = has_tools
        self._names: dict[str, str] = {}
        if not messages or messages[0]["role"] != "user":
            raise invalid(
                "A conversation must start with a user message. Try again with a conversation that starts with a user "
                "message."
            )
        asked: list[str] = []
        for position, message in enumerate(messages):
            asked = self._read(message, f"messages.{position}", asked)
        self.last = self.turns[-1][1]

    def _read(self, message: Mapping[str, Any], where: str, asked: list[str]) -> list[str]:
        """Read a message; return the ids of its calls.

        Args:
            message: The message.
            where: Its place.
            asked: The ids of the calls in the message before.
        """
        role, blocks = message["role"], message["content"]
        if role not in _BLOCKS:
            raise invalid(f"This model doesn't support the {where}.role field with the value {role}.")
        if self.turns and self.turns[-1][0] == role:
            raise invalid(
                "A conversation must alternate between user and assistant roles. Make sure the conversation alternates "
                "between user and assistant roles and try again."
            )
        if not blocks:
            raise invalid(
                f"The content field in the Message object at {where} is empty. Add a ContentBlock object to the "
                "content field and try again."
            )
        texts = [self._block(block, f"{where}.content.{place}", role) for place, block in enumerate(blocks)]
        self.turns.append((role, "\n".join(texts)))
        results = [block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block]
        calls = [block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block]
        self.answers_result = bool(results)
        _check_ids(results, calls, asked, where)
        return calls

    def _block(self, block: Mapping[str, Any], where: str, role: str) -> str:
        [kind] = block if len(block) == 1 else [""]
        if kind not in _BLOCKS[role]:
            raise invalid(f"The content block at {where} is not supported in a message of the role {role}.")
        value = block[kind]
        if kind in ("toolUse", "toolResult") and not self._has_tools:
            raise invalid(_NO_TOOLS)
        if kind == "toolUse":
            if not isinstance(value["input"], dict):
                raise invalid(f"The value at {where}.toolUse.input must be a JSON object.")
            self._names[value["toolUseId"]] = value["name"]
            return tools.turn_of(value["name"], str(value["input"]))
        if kind == "toolResult":
            parts = [self._result(part, f"{where}.toolResult.content.{at}") for at, part in enumerate(value["content"])]
            return f"<tool_response>{' '.join(parts)}</tool_response>"
        if kind == "reasoningContent":
            return ""
        return self._image(value, where) if kind == "image" else _text(value, where)

    def _result(self, part: Mapping[str, Any], where: str) -> str:
        [kind] = part if len(part) == 1 else [""]
        if kind == "image":
            return self._image(part["image"], where)
        if kind == "json":
            return str(part["json"])
        if kind != "text":
            raise invalid(f"The content block at {where} is not supported in a tool's result.")
        return _text(part["text"], where)

    def _image(self, image: Mapping[str, Any], where: str) -> str:
        data = images.decode(image["source"].get("bytes") or "")
        if data is None or images.format_of(data) != image["format"]:
            raise invalid(f"The image at {where} could not be read as {image['format']}.")
        self.images += 1
        if self.images > MAX_IMAGES:
            raise invalid(f"A request may have at most {MAX_IMAGES} images.")
        return images.mark(image["format"], data)


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
        found.append(Tool(name=tool["toolSpec"]["name"], parameters=schema))
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
