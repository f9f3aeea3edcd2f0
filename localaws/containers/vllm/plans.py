"""The text that a model writes for vLLM, and its parts: thoughts, text and calls of tools.

The model's text is that of Hermes models, which the parser `hermes` reads: `<tool_call>` around each call. With
`required` it is a JSON list of calls, with a named tool the arguments alone. With a reasoning parser it begins with a
thought between `<think>` and `</think>` (`deepseek_r1`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from localaws.containers.chats import ToolCall

Kind = Literal["reasoning", "content", "arguments"]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the model's text that a client gets to see.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        kind: What it is.
        call: Of arguments, the number of their call.
    """

    start: int
    end: int
    kind: Kind
    call: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The part of one step that a client gets to see.

    Attributes:
        kind: What it is.
        text: The text.
        call: Of arguments, the number of their call.
        begins: Whether it is the first part of its kind, or of its call.
    """

    kind: Kind
    text: str
    call: int
    begins: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A text that the model writes, and its parts.

    Attributes:
        text: The text.
        spans: Its parts, in their order; what lies between is markup.
        calls: The calls in it.
    """

    text: str
    spans: tuple[Span, ...]
    calls: tuple[ToolCall, ...] = ()

    def parts(self, start: int, end: int) -> Iterator[Part]:
        """Yield the parts of the text between two places; a call begins where its arguments do, even empty."""
        for span in self.spans:
            begins = start <= span.start < end
            if begins or (span.start < end and start < span.end):
                text = self.text[max(start, span.start) : min(end, span.end)]
                yield Part(span.kind, text, span.call, begins)

    def has_ended(self, end: int) -> bool:
        """Return whether all of the text is there, up to a place."""
        return end >= len(self.text)


class _Writer:
    """Writes a plan, part by part."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: list[Span] = []

    def markup(self, text: str) -> None:
        self.text += text

    def part(self, kind: Kind, text: str, call: int = 0) -> None:
        self.spans.append(Span(len(self.text), len(self.text) + len(text), kind, call))
        self.text += text


def planned(
    *,
    thought: str | None,
    answer: str | None = None,
    calls: Sequence[ToolCall] = (),
    choice: str = "none",
) -> Plan:
    """Return the plan of an answer.

    Args:
        thought: What the model thinks first; None: it does not.
        answer: Its text, where it calls no tool.
        calls: Its calls.
        choice: The choice of tools of the request.
    """
    writer = _Writer()
    if thought is not None:
        writer.markup("<think>\n")
        writer.part("reasoning", f"{thought}\n")
        writer.markup("</think>\n\n")
    if answer is not None:
        writer.part("content", answer)
    elif choice == "named":
        writer.part("arguments", _json(calls[0].arguments))
    elif choice == "required":
        for number, call in enumerate(calls):
            writer.markup(f'{", " if number else "["}{{"name": {_json(call.name)}, "parameters": ')
            writer.part("arguments", _json(call.arguments), number)
            writer.markup("}")
        writer.markup("]")
    else:
        for number, call in enumerate(calls):
            writer.markup(f'{chr(10) if number else ""}<tool_call>\n{{"name": {_json(call.name)}, "arguments": ')
            writer.part("arguments", _json(call.arguments), number)
            writer.markup("}\n</tool_call>")
    return Plan(text=writer.text, spans=tuple(writer.spans), calls=tuple(calls))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False)
