"""Bring a chat as people have it into the turns that a format has: system text, turns in a row, tools."""

import json
from collections.abc import Sequence
from typing import Literal

from invoke_shim.generation.messages import SYSTEM_ROLES, Message, ToolCall

ROLES = (*SYSTEM_ROLES, "user", "assistant", "tool")
"""The roles of a chat; formats without tools write a tool's message as text."""

SystemPlace = Literal["anywhere", "first", "none"]
"""The place that a format has for system messages: any, the beginning, or none."""

JOINT = "\n\n"
"""The text between two messages that become one turn: an empty line, as between paragraphs."""


def arrange(messages: Sequence[Message], *, system: SystemPlace, alternates: bool, tools: bool) -> list[Message]:
    """Return a chat's turns, with the roles `system`, `user`, `assistant` and `tool`.

    Args:
        messages: The chat.
        system: The place of system messages. What has none is put before the user's next text; where no user's text
            follows before an answer, after the user's last text.
        alternates: Whether user and assistant take turns, the user first and last. Messages of one role in a row are
            joined; where a turn of the user's is missing, an empty one stands.
        tools: Whether the format has forms for calls and results; without, they are written as text, a result as the
            user's.
    """
    turns = [_plain(message) for message in messages]
    turns = [_with_json(turn) for turn in turns] if tools else _tools_as_text(turns)
    if system != "anywhere":
        turns = _place_system(turns, first=system == "first")
    return _alternate(turns) if alternates else turns


def _plain(message: Message) -> Message:
    return message._replace(role="system") if message.role in SYSTEM_ROLES else message


def _with_json(turn: Message) -> Message:
    calls = tuple(call._replace(arguments=_as_json(call.arguments)) for call in turn.tool_calls)
    return turn._replace(tool_calls=calls)


def _as_json(arguments: str) -> str:
    """Return a call's arguments in the spelling of the published templates, which parse and write them again."""
    try:
        value = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        # The model's own mistake is shown to it as it was: a string.
        value = arguments
    text = json.dumps(value, ensure_ascii=False)
    # Half a character, which JSON can escape, is no text that could be sent.
    return text if text.isascii() or _is_unicode(text) else json.dumps(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tools_as_text(turns: Sequence[Message]) -> list[Message]:
    names = {call.id: call.name for turn in turns for call in turn.tool_calls}
    return [_tool_as_text(turn, names.get(turn.tool_call_id or "")) for turn in turns]


def _tool_as_text(turn: Message, name: str | None) -> Message:
    if turn.role == "tool":
        return Message("user", f"Result of {name}:\n{turn.content}" if name else f"Result:\n{turn.content}")
    if not turn.tool_calls:
        return turn
    return Message(turn.role, _join(turn.content, *(_call_as_text(call) for call in turn.tool_calls)))


def _call_as_text(call: ToolCall) -> str:
    return f"Call of {call.name}:\n{call.arguments or '{}'}"


def _place_system(turns: Sequence[Message], *, first: bool) -> list[Message]:
    head = next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns)) if first else 0
    placed = [Message("system", _join(*(turn.content for turn in turns[:head])))] if head else []
    waiting: list[str] = []
    for turn in turns[head:]:
        if turn.role == "system":
            waiting.append(turn.content)
        elif turn.role == "user":
            placed.append(turn._replace(content=_join(*waiting, turn.content)))
            waiting = []
        else:
            _add_to_user(placed, waiting)
            placed.append(turn)
            waiting = []
    _add_to_user(placed, waiting)
    return placed


def _add_to_user(placed: list[Message], texts: Sequence[str]) -> None:
    """Append system texts, which no user's text follows, to the last turn if it is the user's, else as one."""
    if not texts:
        return
    before = placed.pop().content if placed and placed[-1].role == "user" else ""
    placed.append(Message("user", _join(before, *texts)))


def _alternate(turns: Sequence[Message]) -> list[Message]:
    joined: list[Message] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if last is not None and last.role == turn.role and turn.role != "tool" and not last.tool_calls:
            joined[-1] = turn._replace(content=_join(last.content, turn.content))
            continue
        if turn.role == "assistant" and (last is None or last.role == "system"):
            joined.append(Message("user", ""))
        joined.append(turn)
    if joined[-1].role not in {"user", "tool"}:
        joined.append(Message("user", ""))
    return joined


def _join(*texts: str) -> str:
    return JOINT.join(text for text in texts if text)
