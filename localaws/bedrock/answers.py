"""Answers of the stand-in models: reasoning, text or calls of tools, token by token."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from localaws.bedrock import tools
from localaws.bedrock.bodies import GenerationRequest
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel
from localaws.bedrock.tools import Call
from localaws.containers import detokenizer
from localaws.containers.chats import ToolCall
from localaws.containers.engine import Job, Sampling, current
from localaws.containers.faults import GenerationError
from localaws.containers.tokens import Token
from localaws.service import ServiceError

Pieces = tuple[tuple[str, Token], ...]
"""Tokens with the text that each of them shows, which may come with a later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        pieces: The tokens of its text.
        finish_reason: The reason for its end.
        stop: The stop string that ended it, or None.
        reasoning: The tokens of the reasoning before it.
        calls: The calls that it makes in place of a text.
    """

    pieces: Pieces
    finish_reason: Literal["stop", "length", "tool_calls"]
    stop: str | None
    reasoning: Pieces = ()
    calls: tuple[Call, ...] = ()

    @property
    def text(self) -> str:
        """All of the text."""
        return text_of(self.pieces)

    @property
    def tokens(self) -> int:
        """The number of tokens, those of reasoning and calls among them."""
        return len(self.pieces) + len(self.reasoning) + sum(len(call.pieces) for call in self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that answers a request.

    Attributes:
        answers: The answers, in the order of their index.
        prompt_tokens: Number of tokens of the prompt.
        started: Time of the request, on the monotonic clock.
    """

    answers: tuple[Answer, ...]
    prompt_tokens: int
    started: float

    @property
    def completion_tokens(self) -> int:
        """The number of generated tokens."""
        return sum(answer.tokens for answer in self.answers)

    @property
    def latency_ms(self) -> int:
        """Milliseconds since the request came."""
        return round((time.monotonic() - self.started) * 1000)

    def metrics(self) -> dict[str, int]:
        """Return the metrics that Bedrock adds to the last chunk of a stream."""
        latency = self.latency_ms
        return {
            "inputTokenCount": self.prompt_tokens,
            "outputTokenCount": self.completion_tokens,
            "invocationLatency": latency,
            "firstByteLatency": latency,
        }

    def usage(self) -> dict[str, int]:
        """Return the tokens in OpenAI's terms."""
        total = self.prompt_tokens + self.completion_tokens
        tokens = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**tokens, "total_tokens": total}


def answer(request: GenerationRequest, model: ImportedModel) -> Outcome:
    """Generate what is asked for.

    Raises:
        ServiceError: ValidationException, if prompt and answer do not fit into the model's context, and
            ModelErrorException, if the generation fails.
    """
    try:
        return _answer(request, model)
    except GenerationError as error:
        raise ServiceError("ModelErrorException", str(error)) from error


def _answer(request: GenerationRequest, model: ImportedModel) -> Outcome:
    started = time.monotonic()
    prompt_tokens = len(current().encode(request.prompt))
    room = model.context_tokens - prompt_tokens
    asked = request.max_tokens or 1
    if room < asked:
        raise invalid(
            f"This model's maximum context length is {model.context_tokens} tokens. However, you requested "
            f"{prompt_tokens + asked} tokens ({prompt_tokens} in the messages, {asked} in the completion). Please "
            "reduce the length of the messages or completion."
        )
    seeds = [request.seed if index == 0 else (request.seed or 0) + index for index in range(request.answers)]
    answers = tuple(_one(request, request.max_tokens or room, seed, model.weights_digest) for seed in seeds)
    return Outcome(answers=answers, prompt_tokens=prompt_tokens, started=started)


def text_of(pieces: Pieces) -> str:
    """Return the text of tokens."""
    return "".join(text for text, _ in pieces)


def groups(pieces: Pieces, size: int) -> Iterator[tuple[Pieces, bool]]:
    """Cut tokens into groups of `size`; with each comes whether it is the last."""
    for start in range(0, len(pieces), size):
        yield pieces[start : start + size], start + size >= len(pieces)


def _one(request: GenerationRequest, max_tokens: int, seed: int | None, weights: str) -> Answer:
    sampling = Sampling(seed=seed, temperature=request.temperature)
    thought = current().thought(request.chat, sampling) if request.reasons and request.chat is not None else ""
    reasoning = tuple((token.text, token) for token in current().encode(thought)[:max_tokens])
    room = max_tokens - len(reasoning)
    if room == 0:
        return Answer(pieces=(), finish_reason="length", stop=None, reasoning=reasoning)
    if wanted := _calls(request, sampling):
        calls, cut = tools.write(wanted, request.prompt, room=room)
        return Answer(
            pieces=(), finish_reason="length" if cut else "tool_calls", stop=None, reasoning=reasoning, calls=calls
        )
    job = Job(
        prompt=request.prompt,
        chat=request.chat,
        sampling=sampling,
        grammar=request.grammar,
        text=request.text,
        # Other weights answer otherwise, so that whoever asks sees which version answered.
        weights=weights,
    )
    outputs = list(detokenizer.outputs(current().generate(job), max_tokens=room, stop=request.stop))
    last = outputs[-1]
    if last.finish_reason is None:
        raise AssertionError("outputs() ends with an output that carries a finish reason")
    pieces = tuple((output.text, output.token) for output in outputs)
    return Answer(pieces=pieces, finish_reason=last.finish_reason, stop=last.stop_reason, reasoning=reasoning)


def _calls(request: GenerationRequest, sampling: Sampling) -> tuple[ToolCall, ...]:
    found = request.tools
    if request.chat is None or not found.allowed:
        return ()
    return current().calls(
        request.chat, found.allowed, is_required=found.is_required, parallel=found.parallel, sampling=sampling
    )
