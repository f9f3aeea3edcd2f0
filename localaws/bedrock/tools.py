"""The calls of tools that a stand-in model makes: decided by rule, with arguments that keep to the tool's schema.

A fake's decision, so that tests and demos know it:

* With a choice of `none` there is no call, with a named tool one call of it.
* Otherwise, when the last message is the user's, the answer calls as many tools as `tool_calls` of the behaviour says
  (1), or at least one where the request requires it: first those that the message names, then the others as declared.
* When the last message is a tool's result, the answer is text, which repeats the beginning of the result.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localaws.containers.schemas import example_of
from localaws.containers.tokens import Token, encode

Choice = Literal["auto", "none", "required", "named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool of a request.

    Attributes:
        name: Its name.
        parameters: The schema of its arguments.
    """

    name: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of a request.

    Attributes:
        all: The tools.
        choice: Whether one must be called.
        name: The tool that must be called, with the choice `named`.
        parallel: Whether an answer may make several calls.
    """

    all: tuple[Tool, ...] = ()
    choice: Choice = "none"
    name: str | None = None
    parallel: bool = True

    def chosen(self, last: str, *, answers_result: bool, calls: int) -> tuple[Tool, ...]:
        """Return the tools that the answer calls.

        Args:
            last: The text of the last message.
            answers_result: Whether that is a tool's result.
            calls: The number of calls that the behaviour asks for.
        """
        if self.choice == "named":
            return tuple(tool for tool in self.all if tool.name == self.name)[:1]
        if not self.all or self.choice == "none" or (answers_result and self.choice == "auto"):
            return ()
        number = max(1, calls) if self.choice == "required" else calls
        ordered = sorted(self.all, key=lambda tool: tool.name not in last)
        return tuple(ordered[place % len(ordered)] for place in range(number if self.parallel else min(number, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call in an answer.

    Attributes:
        digest: Ten digits that no other call of the chat has, of which its id is made.
        name: The tool's name.
        pieces: The tokens of its arguments, with the text of each.
    """

    digest: str
    name: str
    pieces: tuple[tuple[str, Token], ...]

    @property
    def arguments(self) -> str:
        """The arguments as JSON, cut where the limit of tokens was."""
        return "".join(text for text, _ in self.pieces)


def calls_of(tools: Sequence[Tool], prompt: str, *, room: int) -> tuple[tuple[Call, ...], bool]:
    """Return the calls of these tools, and whether the limit of tokens cut them.

    Args:
        tools: The tools to call.
        prompt: The text that is answered.
        room: The most tokens that they may have together.
    """
    made = []
    for number, tool in enumerate(tools):
        tokens = encode(json.dumps(example_of(tool.parameters), ensure_ascii=False))
        digest = hashlib.sha256(f"{prompt}\0{number}".encode()).hexdigest()[:10]
        made.append(Call(digest=digest, name=tool.name, pieces=tuple((token.text, token) for token in tokens[:room])))
        room -= len(tokens)
        if room < 0:
            return tuple(made), True
    return tuple(made), False


def turn_of(name: str, arguments: str) -> str:
    """Write an earlier call as it stands in the stand-in's prompts."""
    return f"<tool_call>{name} {arguments}</tool_call>"


def declaration_of(tools: Sequence[Tool]) -> str:
    """Write the tools as they stand in the stand-in's prompts."""
    return json.dumps([{"name": tool.name, "parameters": tool.parameters} for tool in tools], ensure_ascii=False)
