"""The messages, tools and answer's form of OpenAI's chat body, as imported models take them.

Sources: Bedrock User Guide, "Advanced API features for imported models" (images in base64 only and at most three, tools
with GPT-OSS). For the rest, `chat_utils.py` and `protocol.py` of vLLM, whose members AWS's examples have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from localaws.bedrock import images
from localaws.bedrock.tools import Tools
from localaws.containers.chats import Tool, ToolCall, Turn, digest_of
from localaws.containers.schemas import schema_problem

_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_CHOICES: Final = ("none", "auto", "required")


class ChatReader:
    """Reads a chat and keeps what is wrong with it.

    Args:
        document: The body.
        problems: Gets the problems.
    """

    def __init__(self, document: Mapping[str, Any], problems: list[str]) -> None:
        self._document = document
        self._problems = problems

    def turns(self) -> list[Turn]:
        """Read the messages."""
        messages = self._document["messages"]
        if not isinstance(messages, list) or not messages:
            self._problems.append("#/messages: expected type: Array of at least 1 item")
            return []
        turns = []
        for position, message in enumerate(messages):
            where = f"#/messages/{position}"
            role = message.get("role") if isinstance(message, dict) else None
            if role not in _ROLES:
                self._problems.append(f"{where}: expected a role and a content of text")
                continue
            if role == "tool" and not isinstance(message.get("tool_call_id"), str):
                self._problems.append(f"{where}: required key [tool_call_id] not found")
            turns.append(self._turn(message, where))
        return turns

    def tools(self) -> Tools:
        """Read the tools and the choice among them."""
        given, choice = self._document.get("tools"), self._document.get("tool_choice")
        if given is None:
            if choice not in (None, "none"):
                self._problems.append("#/tool_choice: When using `tool_choice`, `tools` must be set.")
            return Tools()
        if not isinstance(given, list) or not given:
            self._problems.append("#/tools: expected type: Array of at least 1 item")
            return Tools()
        read = tuple(tool for place, item in enumerate(given) if (tool := self._tool(item, place)) is not None)
        parallel = self._document.get("parallel_tool_calls") is not False
        if choice is None or choice in _CHOICES:
            return Tools(all=read, choice=choice or "auto", parallel=parallel)
        function = choice.get("function") if isinstance(choice, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if name not in {tool.name for tool in read}:
            self._problems.append("#/tool_choice: expected none, auto, required, or a function of the tools")
        return Tools(all=read, choice="named", name=name)

    def check_effort(self) -> None:
        """Check the effort of reasoning, which changes nothing here."""
        effort = self._document.get("reasoning_effort")
        if effort is not None and (not isinstance(effort, str) or not effort):
            self._problems.append("#/reasoning_effort: expected type: String")

    def _turn(self, message: Mapping[str, Any], where: str) -> Turn:
        content, calls = message.get("content"), message.get("tool_calls") or []
        parts: list[str | bytes] = []
        if isinstance(content, list):
            parts = [self._part(part, f"{where}/content/{place}") for place, part in enumerate(content)]
        elif isinstance(content, str):
            parts = [content]
        elif content is not None or not (message["role"] == "assistant" and calls):
            self._problems.append(f"{where}: expected a role and a content of text")
        found = [self._call(call, f"{where}/tool_calls/{place}") for place, call in enumerate(calls)]
        return Turn(
            message["role"],
            "\n".join(part for part in parts if isinstance(part, str)),
            images=tuple(digest_of(part) for part in parts if isinstance(part, bytes)),
            calls=tuple(call for call in found if call is not None),
        )

    def _part(self, part: Any, where: str) -> str | bytes:
        kind = part.get("type", "text") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            return str(part["text"])
        if kind == "image_url" and isinstance(part.get("image_url"), dict):
            image = images.of_uri(part["image_url"].get("url"))
            if image is not None:
                return image
            self._problems.append(f"{where}: expected an image as a data URI in base64; no URL is fetched")
            return ""
        self._problems.append(f"{where}: expected a role and a content of text")
        return ""

    def _call(self, call: Any, where: str) -> ToolCall | None:
        function = call.get("function") if isinstance(call, dict) else None
        arguments = _object_of(function.get("arguments")) if isinstance(function, dict) else None
        if (
            not isinstance(function, dict)
            or not isinstance(call.get("id"), str)
            or not isinstance(function.get("name"), str)
            or arguments is None
        ):
            self._problems.append(f"{where}: expected a call with id, name and arguments, an object as JSON")
            return None
        return ToolCall(function["name"], arguments)

    def _tool(self, item: Any, place: int) -> Tool | None:
        function = item.get("function") if isinstance(item, dict) and item.get("type") == "function" else None
        parameters = function.get("parameters") or {} if isinstance(function, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if function is None or not isinstance(parameters, dict) or not isinstance(name, str) or not name:
            self._problems.append(f"#/tools/{place}: expected a function with a name and parameters, an object")
            return None
        problem = schema_problem(parameters)
        if problem is not None:
            self._problems.append(f"#/tools/{place}/function/parameters: {problem}")
            return None
        return Tool(name, str(function.get("description") or ""), {"type": "object", **parameters})


def _object_of(text: Any) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "{}") if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
