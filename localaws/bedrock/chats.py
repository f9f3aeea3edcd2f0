"""The messages, tools and answer's form of OpenAI's chat body, as imported models take them.

Sources: Bedrock User Guide, "Advanced API features for imported models" (images in base64 only and at most three, tools
with GPT-OSS). For the rest, `chat_utils.py` and `protocol.py` of vLLM, whose members AWS's examples have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from localaws.bedrock import images, tools
from localaws.bedrock.tools import Tool, Tools
from localaws.containers.schemas import schema_problem

_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_CHOICES: Final = ("none", "auto", "required")


class ChatReader:
    """Reads a chat and keeps what is wrong with it.

    Args:
        document: The body.
        problems: Gets the problems.

    Attributes:
        images: Number of images in the chat.
        last: The text of the last message.
        answers_result: Whether the last message is a tool's result.
    """

    def __init__(self, document: Mapping[str, Any], problems: list[str]) -> None:
        self._document = document
        self._problems = problems
        self.images = 0
        self.last = ""
        self.answers_result = False

    def turns(self) -> list[tuple[str, str]]:
        """Read the messages as roles and texts."""
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
            text = self._text(message, where)
            self.last, self.answers_result = text, role == "tool"
            if role == "tool":
                if not isinstance(message.get("tool_call_id"), str):
                    self._problems.append(f"{where}: required key [tool_call_id] not found")
                turns.append(("user", f"<tool_response>{text}</tool_response>"))
            else:
                turns.append((role, text))
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

    def reasoning_effort(self) -> str | None:
        """Read the effort of reasoning."""
        effort = self._document.get("reasoning_effort")
        if effort is not None and (not isinstance(effort, str) or not effort):
            self._problems.append("#/reasoning_effort: expected type: String")
            return None
        return effort

    def _text(self, message: Mapping[str, Any], where: str) -> str:
        content, calls = message.get("content"), message.get("tool_calls")
        text = ""
        if isinstance(content, str):
            text = content
        elif isinstance(content, list):
            text = "\n".join(self._part(part, f"{where}/content/{place}") for place, part in enumerate(content))
        elif content is not None or not (message["role"] == "assistant" and calls):
            self._problems.append(f"{where}: expected a role and a content of text")
        if calls:
            text += "".join(self._call(call, f"{where}/tool_calls/{place}") for place, call in enumerate(calls))
        return text

    def _part(self, part: Any, where: str) -> str:
        kind = part.get("type", "text") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            return str(part["text"])
        if kind == "image_url" and isinstance(part.get("image_url"), dict):
            image = images.of_uri(part["image_url"].get("url"))
            if image is not None:
                self.images += 1
                return image
            self._problems.append(f"{where}: expected an image as a data URI in base64; no URL is fetched")
            return ""
        self._problems.append(f"{where}: expected a role and a content of text")
        return ""

    def _call(self, call: Any, where: str) -> str:
        function = call.get("function") if isinstance(call, dict) else None
        if (
            not isinstance(function, dict)
            or not isinstance(call.get("id"), str)
            or not isinstance(function.get("name"), str)
            or not _is_json_object(function.get("arguments"))
        ):
            self._problems.append(f"{where}: expected a call with id, name and arguments, an object as JSON")
            return ""
        return tools.turn_of(function["name"], function["arguments"])

    def _tool(self, item: Any, place: int) -> Tool | None:
        function = item.get("function") if isinstance(item, dict) and item.get("type") == "function" else None
        parameters = function.get("parameters") or {} if isinstance(function, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(parameters, dict) or not isinstance(name, str) or not name:
            self._problems.append(f"#/tools/{place}: expected a function with a name and parameters, an object")
            return None
        problem = schema_problem(parameters)
        if problem is not None:
            self._problems.append(f"#/tools/{place}/function/parameters: {problem}")
            return None
        return Tool(name=name, parameters={"type": "object", **parameters})


def _is_json_object(text: Any) -> bool:
    try:
        return isinstance(text, str) and isinstance(json.loads(text or "{}"), dict)
    except (ValueError, RecursionError):
        return False
