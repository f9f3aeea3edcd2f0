"""A chat as Converse takes it: user and assistant in turn, tools and images as blocks.

Converse refuses two messages of one role in a row, text without a character, a first message of the assistant's, and
blocks of tools in a request without tools. OpenAI's clients send all but the last of them. So here

* messages of one role in a row become one with several blocks; the results of tools are the user's, and come first;
* blank text is left out, and with it a message that has nothing else;
* system messages at the beginning become `system`; a later one stays in its place, as a text before the user's next;
* ids of calls that Converse does not take, or that were there before, are numbered;
* in a request that may not call a tool, earlier calls and their results are written as text, as chats in OpenAI's form
  have them for containers without tools (`containers.openai_messages`).

Source: botocore's model of Converse for the forms. The refusals are in no reference: public issues quote them.
"""

import json
import re
from binascii import a2b_base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from invoke_shim.errors import JSON_DECODER, ApiError, Problem, refuse
from invoke_shim.generation.messages import SYSTEM_ROLES, Image, Message, ToolCall

IMAGE_FORMATS: Mapping[str, str] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
"""Converse's formats of images (`ImageFormat`) by their media types."""

NO_OUTPUT = "(no output)"
"""The result of a tool that answered nothing: Converse refuses a blank one."""

_ID = r"[a-zA-Z0-9_.:-]{1,64}"
"""Converse's ids of calls (`ToolUseId`)."""

Block = dict[str, Any]


class Conversation(NamedTuple):
    """A chat in Converse's form.

    Attributes:
        system: The blocks of `system`.
        messages: The messages, roles in turn.
    """

    system: list[Block]
    messages: list[Block]


def of(messages: Sequence[Message], *, calls: bool) -> Conversation:
    """Write a chat in Converse's form.

    Args:
        messages: The chat.
        calls: Whether the request has tools that the model may call.

    Raises:
        ApiError: 400, an image is none that Converse takes, or the last message is blank.
    """
    system, rest = _split(messages)
    turns: list[tuple[str, list[Block]]] = []
    for role, blocks in _Writer(calls=calls).turns(rest):
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        elif blocks:
            turns.append((role, blocks))
    if not turns or (turns[-1][0] == "assistant" and rest[-1].role != "assistant"):
        # Without its last message, the chat would ask the model to go on with its own text.
        raise refuse([Problem("messages", "the last message is blank, and Bedrock's Converse takes text or images")])
    return Conversation(
        system=[{"text": text} for text in system if text.strip()],
        messages=[{"role": role, "content": sorted(blocks, key=_comes_later)} for role, blocks in turns],
    )


def _split(messages: Sequence[Message]) -> tuple[list[str], Sequence[Message]]:
    """Return the system messages at the beginning, and the rest; of nothing but them the last is the user's."""
    last = len(messages) - 1
    start = next((place for place, message in enumerate(messages) if message.role not in SYSTEM_ROLES), last)
    return [message.content for message in messages[:start]], messages[start:]


def _comes_later(block: Block) -> bool:
    """Order the blocks of a message: models take the results of their calls at its beginning."""
    return "toolResult" not in block


class _Writer:
    """Writes messages as blocks, and knows the calls that were made.

    Args:
        calls: Whether blocks of tools may be written.
    """

    def __init__(self, *, calls: bool) -> None:
        self._calls = calls
        self._ids: dict[str, str] = {}
        self._taken: set[str] = set()
        self._number = 0
        self._names: dict[str, str] = {}

    def turns(self, messages: Iterable[Message]) -> Iterator[tuple[str, list[Block]]]:
        """Yield the role and the blocks of each message; there may be none."""
        for message in messages:
            if message.role == "assistant":
                yield "assistant", [*_content(message), *map(self._call, message.tool_calls)]
            elif message.role == "tool":
                yield "user", [self._result(message)]
            else:
                yield "user", list(_content(message))

    def _call(self, call: ToolCall) -> Block:
        self._names[call.id] = call.name
        if not self._calls:
            return {"text": json.dumps({"name": call.name, "arguments": _input(call.arguments)}, ensure_ascii=False)}
        self._ids[call.id] = self._new_id(call.id)
        return {"toolUse": {"toolUseId": self._ids[call.id], "name": call.name, "input": _input(call.arguments)}}

    def _result(self, message: Message) -> Block:
        given = message.tool_call_id or ""
        if not self._calls:
            return {"text": f"Result of {self._names.get(given, 'the tool')}:\n{message.content.strip() or NO_OUTPUT}"}
        content = list(_content(message)) or [{"text": NO_OUTPUT}]
        # Converse names the result of a call that was never made.
        return {"toolResult": {"toolUseId": self._ids.get(given) or self._new_id(given), "content": content}}

    def _new_id(self, wanted: str) -> str:
        """Return an id that Converse takes and that no other call has; some clients begin at `call_0` in each turn."""
        found, self._number = wanted, max(self._number, len(self._taken))
        while found in self._taken or re.fullmatch(_ID, found) is None:
            # Never from the beginning again: a client can have taken all of them.
            found, self._number = f"call.{self._number}", self._number + 1
        self._taken.add(found)
        return found


def _content(message: Message) -> Iterator[Block]:
    """Yield the blocks of a message's text and images."""
    for part in message.parts or (message.content,):
        if isinstance(part, Image):
            yield {"image": _image(part)}
        elif part.strip():
            yield {"text": part}


def _image(image: Image) -> Block:
    found = IMAGE_FORMATS.get(image.media_type.lower())
    if found is None:
        allowed = ", ".join(IMAGE_FORMATS)
        raise _refused(f"an image is of the type {image.media_type[:40]!r}, but Bedrock's Converse takes {allowed}")
    try:
        data = a2b_base64(image.data)
    except ValueError:
        data = b""
    if not data:
        raise _refused("an image holds no bytes in base64")
    return {"format": found, "source": {"bytes": data}}


def _input(arguments: str) -> Mapping[str, Any]:
    """Return the arguments as the object that Converse takes; others, which a model may write, as a text in one."""
    if not arguments.strip():
        return {}
    try:
        read = JSON_DECODER.decode(arguments)
        json.dumps(read)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"arguments": arguments}


def _refused(message: str) -> ApiError:
    return refuse([Problem("messages", message)])
