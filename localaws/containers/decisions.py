r"""The stand-in's decisions in a chat with tools: which of them it calls, and with what arguments.

It calls tools only where the last message is a user's: after a tool's answer it answers in text. Which, is the first
of these that says something:

1. The user's text steers: `[[stand-in call=NAME]]`, or `[[stand-in call=NAME {"city": "Rome"}]]` with the arguments,
   each a call; `[[stand-in call=none]]` is none, and so is `[[stand-in say=TEXT]]`.
2. The text names tools (`get_weather`, or its words: `get weather`): each is called once, in their order.
3. The text needs a tool: it has a word of at least four letters of the tool's name, or two such words of its
   description. Of several the one with the most words is called.
4. A call is required, or a named tool has to be called: the first of those allowed.

Arguments without steering are a small instance of the tool's schema (`schemas.example_of`).

`[[stand-in say=TEXT]]` makes TEXT the answer, and `[[stand-in think=TEXT]]` makes a model with a reasoning parser think
that. Both may stand in any message, or in a prompt; the last one counts. Where the answer is held to a grammar, TEXT
counts if it keeps to that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from localaws.containers.chats import Chat, Tool, ToolCall
from localaws.containers.schemas import example_of

_CALL: Final = re.compile(r"\[\[stand-in call=([^\s\]{]+)\s*")
_SAID: Final = re.compile(r"\[\[stand-in (say|think)=(.*?)\]\]", re.DOTALL)
_WORD: Final = re.compile(r"[^\W_]{4,}")
# In descriptions of tools and in questions alike, and so no sign of anything.
_COMMON: Final = frozenset(
    {
        *("about", "call", "from", "function", "given", "have", "into", "return"),
        *("returns", "that", "this", "tool", "what", "when", "with"),
    }
)


def calls(
    chat: Chat, tools: Sequence[Tool], *, is_required: bool = False, parallel: bool = True
) -> tuple[ToolCall, ...]:
    """Return the calls of tools with which the stand-in answers a chat; empty: it answers in text.

    Args:
        chat: The chat.
        tools: The tools that it may call.
        is_required: Whether it has to call one.
        parallel: Whether it may call several at once.
    """
    made = _wanted(chat, tools)
    if is_required and not made and tools:
        made = (_call(tools[0]),)
    return made if parallel else made[:1]


def said(asked: Chat | str, what: str) -> str | None:
    """Return the text of the last `say` or `think` in a chat or in a prompt, or None."""
    texts = [asked] if isinstance(asked, str) else [turn.text for turn in asked.turns]
    found = [said for text in texts for kind, said in _SAID.findall(text) if kind == what]
    return found[-1] if found else None


def _wanted(chat: Chat, tools: Sequence[Tool]) -> tuple[ToolCall, ...]:
    if not chat.turns or chat.turns[-1].role != "user":
        return ()
    text = chat.turns[-1].text
    steered = _steered(text, tools)
    if steered is not None:
        return steered
    named = [tool for tool in tools if _names(text, tool)]
    if named:
        return tuple(map(_call, named))
    needed = max(tools, key=lambda tool: _need(text, tool), default=None)
    return (_call(needed),) if needed is not None and _need(text, needed) else ()


def _steered(text: str, tools: Sequence[Tool]) -> tuple[ToolCall, ...] | None:
    known = {tool.name: tool for tool in tools}
    found: list[ToolCall] = []
    matches = list(_CALL.finditer(text))
    for match in matches:
        tool = known.get(match[1])
        if tool is None:
            continue
        try:
            arguments, _ = json.JSONDecoder().raw_decode(text, match.end())
        except ValueError:
            found.append(_call(tool))
        else:
            found.append(ToolCall(tool.name, arguments))
    return tuple(found) if matches or _SAID.search(text) else None


def schema_of(tool: Tool) -> Mapping[str, Any]:
    """Return the schema of a tool's arguments: of an object, where the tool has none."""
    return tool.schema if isinstance(tool.schema, dict) and tool.schema else {"type": "object"}


def _call(tool: Tool) -> ToolCall:
    return ToolCall(tool.name, example_of(schema_of(tool)))


def _names(text: str, tool: Tool) -> bool:
    words = re.sub(r"[_\W]+", " ", tool.name).strip()
    spelled = "|".join(re.escape(name) for name in (tool.name, words) if name)
    return re.search(rf"(?<!\w)(?:{spelled})(?!\w)", text, re.IGNORECASE) is not None


def _need(text: str, tool: Tool) -> int:
    """Return how many words of a tool a text has; 0 where they are too few."""
    words = _words(text)
    of_name = len(words & _words(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " ")))
    of_description = len(words & _words(tool.description))
    return 2 * of_name + of_description if of_name or of_description > 1 else 0


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)} - _COMMON
