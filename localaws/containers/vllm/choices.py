"""One choice of vLLM's answer while it is generated: its outputs, and what a client has seen of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from localaws.containers.detokenizer import Output
from localaws.containers.vllm.plans import Part, Plan
from localaws.containers.vllm.requests import Prompt, VllmRequest


@dataclass(frozen=True, slots=True)
class Chunk:
    """The steps that a stream reports at once.

    Attributes:
        outputs: The steps of the generation; of an echo there are the prompt's tokens, which were not generated.
        echo: Number of outputs at the beginning that are the prompt's.
        parts: What a client gets to see of a chat with a plan.
    """

    outputs: tuple[Output, ...]
    echo: int = 0
    parts: tuple[Part, ...] = ()

    @property
    def last(self) -> Output:
        """The last step."""
        return self.outputs[-1]

    @property
    def text(self) -> str:
        """The text that becomes visible."""
        return "".join(output.text for output in self.outputs)


class Choice:
    """A choice.

    Attributes:
        index: Its index.
        prompt: Its prompt.
        plan: What the model writes, where it thinks or calls tools.
        outputs: All outputs so far, the echo's too.
        generated: Number of tokens that were generated.
        thought: Number of those before the end of a thought.
        call_ids: The ids of the calls that have begun.
        offset: Number of characters of the chunks before the last.
    """

    def __init__(
        self,
        index: int,
        prompt: Prompt,
        steps: Iterator[Output],
        plan: Plan | None,
        request: VllmRequest,
    ) -> None:
        """Begin with nothing."""
        self.index = index
        self.prompt = prompt
        self.plan = plan
        self.outputs: list[Output] = []
        self.chunks_pushed: list[Chunk] = []
        self.generated = 0
        self.thought = 0
        self.call_ids: list[str] = []
        self.offset = 0
        self._steps = steps
        self._request = request
        self._place = 0
        self._length = 0

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks of the choice; an echo comes with the first output."""
        echo: tuple[Output, ...] = ()
        if self._request.echoes:
            echo = tuple(Output(token, token.text) for token in self.prompt.tokens)
        steps = iter(self._steps)
        first = next(steps, None)
        if first is None:
            # Nothing but the echo.
            *others, last = echo
            yield Chunk((*others, Output(last.token, last.text, "length")), echo=len(echo))
            return
        yield Chunk((*echo, first), echo=len(echo), parts=self._parts(first))
        for step in steps:
            yield Chunk((step,), parts=self._parts(step))

    def push(self, chunk: Chunk) -> None:
        """Store a chunk as reported."""
        self.offset = self._length
        self._length += sum(len(output.token.text) for output in chunk.outputs)
        self.outputs += chunk.outputs
        self.chunks_pushed.append(chunk)
        new = len(chunk.outputs) - chunk.echo
        self.generated += new
        if any(part.kind == "reasoning" for part in chunk.parts):
            self.thought = self.generated
        for part in chunk.parts:
            while part.kind == "arguments" and part.call >= len(self.call_ids):
                self.call_ids.append(f"chatcmpl-tool-{uuid.uuid4().hex}")

    def of(self, kind: str, call: int = 0) -> str:
        """Return all text of a kind that was reported."""
        parts = (part for chunk in self.chunks_pushed for part in chunk.parts)
        return "".join(part.text for part in parts if part.kind == kind and part.call == call)

    @property
    def text(self) -> str:
        """All text that was generated, with the echo."""
        return "".join(output.text for output in self.outputs)

    @property
    def is_whole(self) -> bool:
        """True if all of the plan was written."""
        return self.plan is not None and self.plan.has_ended(self._place)

    def _parts(self, output: Output) -> tuple[Part, ...]:
        if self.plan is None:
            return ()
        start, self._place = self._place, self._place + len(output.text)
        return tuple(self.plan.parts(start, self._place))
