"""The tools of a request, and the calls of an answer; which are made, the engine decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from localaws.containers.chats import Tool, ToolCall
from localaws.containers.engine import current
from localaws.containers.tokens import Token

Choice = Literal["auto", "none", "required", "named"]


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

    @property
    def allowed(self) -> tuple[Tool, ...]:
        """The tools that an answer may call."""
        if self.choice == "named":
            return tuple(tool for tool in self.all if tool.name == self.name)
        return () if self.choice == "none" else self.all

    @property
    def is_required(self) -> bool:
        """True if an answer has to call one of them."""
        return self.choice in ("required", "named")


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


def write(calls: Sequence[ToolCall], prompt: str, *, room: int) -> tuple[tuple[Call, ...], bool]:
    """Write calls token by token; return them, and whether the limit of tokens cut them.

    Args:
        calls: The calls.
        prompt: The text that is answered.
        room: The most tokens that they may have together.
    """
    made = []
    for number, call in enumerate(calls):
        tokens = current().encode(json.dumps(call.arguments, ensure_ascii=False))
        digest = hashlib.sha256(f"{prompt}\0{number}".encode()).hexdigest()[:10]
        made.append(Call(digest=digest, name=call.name, pieces=tuple((token.text, token) for token in tokens[:room])))
        room -= len(tokens)
        if room < 0:
            return tuple(made), True
    return tuple(made), False
