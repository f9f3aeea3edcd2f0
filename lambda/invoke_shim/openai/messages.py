"""Check and read OpenAI's `messages`."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.generation.messages import SYSTEM_ROLES, Message, ToolCall
from invoke_shim.openai.parts import PartReader
from invoke_shim.rules.checks import text

ROLES = (*SYSTEM_ROLES, "user", "assistant", "tool")

MAX_CALLS = 128
"""Calls of tools in one message, as many as a request may have tools."""

_MAY_LACK_CONTENT = ("assistant", "tool", "function")
"""Roles of messages that clients send back without a content: calls of tools, results of tools that return nothing."""


def read_messages(value: Any, *, images: bool = False) -> tuple[list[Message], list[Problem]]:
    """Read the `messages` of a chat request.

    Members of a message that no model here has a use for are ignored, whatever they are: `name`, replayed reasoning,
    marks for another service's cache. OpenAI's older `function_call` and the role `function` become calls of tools and
    their results.

    Args:
        value: The request's field, of any JSON type.
        images: Whether the model takes images.

    Returns:
        The messages, whole only if there are no problems; and the problems. Roles are not judged here, but for those
        of calls and results.
    """
    if not isinstance(value, list) or not value:
        return [], [Problem("messages", f"messages is {show(value)}, expected a list of at least one message")]
    reader = _MessageReader(images=images)
    messages = []
    for position, item in enumerate(value):
        if len(reader.problems) >= ENOUGH_PROBLEMS:
            break
        message = reader.read(item, position)
        if message is not None:
            messages.append(message)
    return messages, reader.problems[:ENOUGH_PROBLEMS]


def role_problems(messages: Sequence[Message]) -> list[Problem]:
    """List the roles that no model has; for chats whose prompt the model's side writes, which judges their order."""
    problems = (
        Problem(
            f"messages[{position}].role",
            f"messages[{position}] has role {show(message.role)}, allowed there: {', '.join(ROLES)}",
        )
        for position, message in enumerate(messages)
        if message.role not in ROLES
    )
    return list(islice(problems, ENOUGH_PROBLEMS))


class _MessageReader:
    """Reads the messages of one chat in their order.

    Args:
        images: Whether the model takes images.

    Attributes:
        problems: All problems so far.
    """

    def __init__(self, *, images: bool) -> None:
        self.problems: list[Problem] = []
        self._parts = PartReader(self.problems, images=images)
        # The calls so far by their ids, and the last call of each function in OpenAI's older form.
        self._calls: set[str] = set()
        self._functions: dict[str, str] = {}

    def read(self, item: Any, position: int) -> Message | None:
        """Read one message; None where it is none."""
        where = f"messages[{position}]"
        if not isinstance(item, dict):
            self._add(where, f"is {show(item)}, expected an object with role and content")
            return None
        role = item.get("role")
        if not isinstance(role, str):
            self._add(f"{where}.role", f"is {show(role)}, expected a string")
            return None
        content = item.get("content")
        if content is None and role in _MAY_LACK_CONTENT:
            # A refusal is what OpenAI's own models say in its place.
            content = item["refusal"] if isinstance(item.get("refusal"), str) else ""
        words, parts = self._parts.read(content, f"{where}.content", role)
        message = Message("tool" if role == "function" else role, words, parts)
        if role == "assistant":
            return message._replace(tool_calls=self._read_calls(item, where, position))
        if item.get("tool_calls"):
            self._add(f"{where}.tool_calls", f"is in a message of role {show(role)}: only an assistant calls tools")
        if role in ("tool", "function"):
            return message._replace(tool_call_id=self._read_call_id(item, where, role))
        return message

    def _read_calls(self, item: dict[str, Any], where: str, position: int) -> tuple[ToolCall, ...]:
        calls = item.get("tool_calls")
        if not calls:
            return self._read_function_call(item.get("function_call"), f"{where}.function_call", position)
        where = f"{where}.tool_calls"
        if not isinstance(calls, list) or len(calls) > MAX_CALLS:
            self._add(where, f"is {show(calls)}, expected a list of at most {MAX_CALLS} calls")
            return ()
        found = []
        for number, call in enumerate(calls):
            here = f"{where}[{number}]"
            kind = call.get("type", "function") if isinstance(call, dict) else None
            function = call.get("function") if isinstance(call, dict) else None
            if kind != "function" or not isinstance(function, dict):
                self._add(here, "is no call of a function, expected an object with id, type 'function' and function")
                continue
            if (expected := text(call.get("id"))) is not None:
                self._add(f"{here}.id", f"is {show(call.get('id'))}, expected {expected}")
                continue
            read = self._read_function(function, f"{here}.function", call["id"])
            if read is not None:
                self._calls.add(read.id)
                found.append(read)
        return tuple(found)

    def _read_function_call(self, call: Any, where: str, position: int) -> tuple[ToolCall, ...]:
        """Read OpenAI's older form of a call, which has no id."""
        if call is None:
            return ()
        if not isinstance(call, dict):
            self._add(where, f"is {show(call)}, expected an object with name and arguments")
            return ()
        read = self._read_function(call, where, f"call_{position}")
        if read is None:
            return ()
        self._calls.add(read.id)
        self._functions[read.name] = read.id
        return (read,)

    def _read_function(self, function: dict[str, Any], where: str, call_id: str) -> ToolCall | None:
        name, arguments = function.get("name"), function.get("arguments")
        if (expected := text(name)) is not None:
            self._add(f"{where}.name", f"is {show(name)}, expected {expected}")
            return None
        # What a model wrote need not be JSON; some clients send it parsed, and nothing for no arguments.
        if isinstance(arguments, dict):
            import json  # noqa: PLC0415 - hardly ever

            arguments = json.dumps(arguments)
        if not isinstance(arguments, str | None):
            self._add(f"{where}.arguments", f"is {show(arguments)}, expected a string of JSON")
            return None
        return ToolCall(call_id, str(name), arguments or "")

    def _read_call_id(self, item: dict[str, Any], where: str, role: str) -> str | None:
        if role == "function":
            name = item.get("name")
            if not isinstance(name, str) or name not in self._functions:
                self._add(f"{where}.name", f"is {show(name)}, which no function_call before it has")
                return None
            return self._functions[name]
        call_id = item.get("tool_call_id")
        if not isinstance(call_id, str) or call_id not in self._calls:
            reason = "expected the id of a call" if not isinstance(call_id, str) else "which no call before it has"
            self._add(f"{where}.tool_call_id", f"is {show(call_id)}, {reason}")
            return None
        return call_id

    def _add(self, where: str, text: str) -> None:
        self.problems.append(Problem(where, f"{where} {text}"))
