"""Calls of tools in TGI's streams, read out of the model's JSON as its router does, with all that it loses.

The model writes `{"function": {"_name": NAME, ...arguments}}`. Sources: `chat_completions` of the tags v2.4.0 to
v3.1.1, `chat.rs` from v3.2.0 on.

* Up to 3.1 the deltas are the whole JSON, the name inside of it and the special token's text after it; an answer
  without a call is the `content` of `no_tool`, and its stream ends without a finish reason.
* From 3.2 on the first delta has the name, and all together are the arguments; the last token is swallowed with its
  finish reason, unless the answer was cut. An answer without a call is generated anew, without tools.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from localaws.containers.generation import Step
from localaws.containers.tgi.chat import NO_TOOL
from localaws.containers.tgi.shapes import Shapes

_NAMED: Final = re.compile(r'\{"function":\{"_name":"([^"]+)"')
_CONTENT: Final = '"content":"'


class NoToolError(Exception):
    """The model called no tool, so that the answer has to be generated anew."""


class EmbeddedCalls:
    """The reading up to 3.1."""

    def __init__(self, shapes: Shapes) -> None:
        """Read calls into the chunks of `shapes`."""
        self._shapes = shapes
        self._buffer: list[Step] = []
        self._text = ""
        self._state = "buffering"
        self.is_over = False

    def push(self, step: Step, usage: Any) -> Iterator[dict[str, Any]]:
        """Yield the chunks that a step leads to."""
        if self._state == "buffering":
            self._text += step.token.text.replace(" ", "")
            self._buffer.append(step)
            named = _NAMED.search(self._text)
            if named is None:
                return
            if named[1] == NO_TOOL:
                self._state, self._text = "before the content", ""
                return
            self._state = "calling"
            for kept in self._buffer:
                yield self._call(kept, None)
        elif self._state == "calling":
            yield self._call(step, usage)
        elif self._state == "before the content":
            self._text += step.token.text.replace(" ", "")
            place = self._text.find(_CONTENT)
            if place < 0:
                return
            rest = self._text[place + len(_CONTENT) :]
            self._state = "content"
            if rest:
                yield self._shapes.delta(Step(step.token, None), {"content": rest})
        elif '"' in step.token.text:
            self.is_over = True
        else:
            yield self._shapes.text(step, usage=usage)

    def _call(self, step: Step, usage: Any) -> dict[str, Any]:
        return self._shapes.call(step, "", step.token.text, name=None, usage=usage)


class NamedCalls:
    """The reading from 3.2 on."""

    def __init__(self, shapes: Shapes, call_id: str) -> None:
        """Read calls into the chunks of `shapes`, with the id `call_id`."""
        self._shapes = shapes
        self._id = call_id
        self._text = ""
        self._is_calling = False
        self.is_over = False

    def push(self, step: Step, usage: Any) -> Iterator[dict[str, Any]]:
        """Yield the chunks that a step leads to.

        Raises:
            NoToolError: If the model calls no tool.
        """
        del usage
        self._text += step.token.text
        if not self._is_calling:
            name = _name(self._text.rstrip(" \t\r\n,}") + "}}")
            if name == NO_TOOL:
                raise NoToolError
            if name is not None:
                self._is_calling = True
                yield self._shapes.call(step, self._id, "{", name=name)
        elif _name(self._text) is None:
            yield self._part(step, "" if step.token.special else step.token.text)
        else:
            self._is_calling = False
            yield self._part(step, step.token.text.rstrip().removesuffix("}"))

    def _part(self, step: Step, arguments: str) -> dict[str, Any]:
        return self._shapes.call(step, self._id, arguments, name=None)


def _name(text: str) -> str | None:
    """Return the name in the JSON of a whole call, or None."""
    try:
        name = json.loads(text)["function"]["_name"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None
