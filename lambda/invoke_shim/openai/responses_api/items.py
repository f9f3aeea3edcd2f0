"""Make the items of a Responses request a chat's messages."""

from typing import Any

from invoke_shim.errors import ENOUGH_PROBLEMS, Problem, show
from invoke_shim.openai.responses_api.names import Names

ROLES = ("user", "assistant", "system", "developer")

TAKEN = "message, function_call, function_call_output and reasoning"

_TEXTS = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""The member that holds the text of a part, by the part's type."""

_NO_PARTS = {
    "input_audio": "no model here hears: send its text (/v1/audio/transcriptions of a model of speech makes it)",
    "input_file": "no model here reads files: send its text as input_text, or its pages as input_image",
}

NOTHING_STORED = "nothing is stored here"


class ItemReader:
    """Reads the items of one request.

    Args:
        names: Gets to know where each part of the chat comes from.

    Attributes:
        messages: The chat's messages so far; what is in them is left to the reader of chats.
        problems: The problems so far.
    """

    def __init__(self, names: Names) -> None:
        self.messages: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self._names = names
        # Whether the last message is the assistant's turn of the items just before, which a call may join.
        self._turn_is_open = False

    def read_instructions(self, value: Any) -> None:
        """Read the instructions, which come before the input."""
        if value is None or value == "":
            return
        if not isinstance(value, str):
            self._add("instructions", f"is {show(value)}, expected a string")
            return
        self._append({"role": "system", "content": value}, "instructions")

    def read_input(self, value: Any) -> None:
        """Read the input: a text, or a list of items."""
        if isinstance(value, str) and value:
            self._append({"role": "user", "content": value}, "input")
            return
        if not isinstance(value, list) or not value:
            found = "empty" if value in ("", []) else show(value)
            self._add("input", f"is {found}, expected a text or a list of items")
            return
        for position, item in enumerate(value):
            if len(self.problems) >= ENOUGH_PROBLEMS:
                break
            self._read_item(item, f"input[{position}]")

    def _read_item(self, item: Any, where: str) -> None:
        if not isinstance(item, dict):
            self._add(where, f"is {show(item)}, expected an object")
            return
        kind = item.get("type") or ("message" if "role" in item else None)
        if kind == "message":
            self._read_message(item, where)
        elif kind == "function_call":
            self._read_call(item, where)
        elif kind == "function_call_output":
            content = self._read_content(item.get("output"), f"{where}.output")
            message = {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
            self._append(message, where, content=f"{where}.output")
        elif kind == "item_reference" or (kind is None and "id" in item):
            self._add(
                where,
                f"refers to an item of an earlier response, but {NOTHING_STORED}: send the item itself (clients that "
                "refer to items by themselves stop it with store: false, as the AI SDK does)",
            )
        elif kind != "reasoning":
            # No chat template here takes reasoning back.
            self._add(where, f"is of type {show(kind)}, taken are {TAKEN}")

    def _read_message(self, item: dict[str, Any], where: str) -> None:
        role = item.get("role")
        if not isinstance(role, str) or role not in ROLES:
            self._add(f"{where}.role", f"is {show(role)}, expected one of {', '.join(ROLES)}")
            return
        content = self._read_content(item.get("content"), f"{where}.content")
        if role == "assistant" and self._turn_is_open and self.messages[-1].get("tool_calls"):
            # The same turn goes on: a chat has one message of it.
            self._join(content, f"{where}.content")
            return
        self._append({"role": role, "content": content}, where, content=f"{where}.content")
        self._turn_is_open = role == "assistant"

    def _read_call(self, item: dict[str, Any], where: str) -> None:
        call = {
            "id": item.get("call_id"),
            "type": "function",
            "function": {"name": item.get("name"), "arguments": item.get("arguments")},
        }
        if not self._turn_is_open:
            self._append({"role": "assistant", "content": None}, where)
            self._turn_is_open = True
        calls = self.messages[-1].setdefault("tool_calls", [])
        self._names.add(f"messages[{len(self.messages) - 1}].tool_calls[{len(calls)}]", where)
        calls.append(call)

    def _read_content(self, value: Any, where: str) -> Any:
        """Return a chat's content; parts stay as many as they are, so that each has its place."""
        if not isinstance(value, list):
            return value
        return [self._read_part(part, f"{where}[{position}]") for position, part in enumerate(value)]

    def _read_part(self, part: Any, where: str) -> Any:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind in _NO_PARTS:
            self._add(where, f"is of type {show(kind)}, but {_NO_PARTS[kind]}")
        elif kind == "input_image":
            if part.get("image_url") is None and part.get("file_id") is not None:
                self._add(f"{where}.file_id", f"names a file, but {NOTHING_STORED}: send a data URI as image_url")
            return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
        elif isinstance(kind, str) and kind in _TEXTS:
            name = _TEXTS[kind]
            return {"type": name, name: part.get(name)}
        else:
            found = show(part) if kind is None else f"of type {show(kind)}"
            self._add(where, f"is {found}, taken are parts of type {', '.join(_TEXTS)} and input_image")
        return None

    def _append(self, message: dict[str, Any], place: str, *, content: str | None = None) -> None:
        path = f"messages[{len(self.messages)}]"
        self._names.add(path, place)
        self._names.add(f"{path}.content", place if content is None else content)
        self.messages.append(message)
        self._turn_is_open = False

    def _join(self, content: Any, place: str) -> None:
        message, path = self.messages[-1], f"messages[{len(self.messages) - 1}].content"
        before = _parts(message["content"])
        after = _parts(content)
        for position in range(len(after)):
            here = f"{place}[{position}]" if isinstance(content, list) else place
            self._names.add(f"{path}[{len(before) + position}]", here)
        # In place: a copy for each of thousands of items would take seconds. The list is this reader's own.
        before += after
        message["content"] = before

    def _add(self, where: str, text: str) -> None:
        if len(self.problems) < ENOUGH_PROBLEMS:
            self.problems.append(Problem(where, f"{where} {text}"))


def _parts(content: Any) -> list[Any]:
    """Return a content as parts: those of the reader of chats, which judges what is neither."""
    if content is None:
        return []
    return content if isinstance(content, list) else [content]
