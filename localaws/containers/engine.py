"""The engine below the dialects: a prompt or a chat in, tokens out.

The dialects (`tgi`, `lmi`, `vllm`) read requests, check them in their stack's words and shape the answers. What a model
does, they ask of an `Engine`: to write a chat into a prompt, to cut a text into tokens, to decide whether to call a
tool, and to generate. `DeterministicEngine` makes all of it up. A real model takes its place by implementing `Engine`
and being given to `use`, for all of this process (`localaws.engine`), or to one `ModelContainer`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from jsonschema import Draft202012Validator, SchemaError

from localaws.containers import chats, decisions, tokens
from localaws.containers.chats import Chat, Tool, ToolCall
from localaws.containers.generation import answer, answer_to_chat, script
from localaws.containers.patterns import text_of
from localaws.containers.schemas import example_of
from localaws.containers.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """The choice of each token.

    Attributes:
        seed: The seed, or None where decoding is greedy.
        temperature: The temperature; None: the stack's default.
        top_p: The nucleus; None: the stack's default.
        top_k: Number of tokens to choose from; None: the stack's default.
    """

    seed: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """A constraint of an answer: one of the two.

    Attributes:
        schema: A JSON schema, which has been checked (`schemas.schema_problem`).
        pattern: A regular expression for the whole answer.
    """

    schema: Any = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One answer to generate.

    Attributes:
        prompt: The whole prompt.
        chat: The chat that the prompt was written from, if it was.
        sampling: How tokens are chosen.
        grammar: What the answer has to keep to.
        text: A text to answer, where the dialect decided on it (a call of a tool).
        endless: Whether to go on where the model would end (`ignore_eos`).
        length: Number of tokens of an answer without a text or a grammar; None: its own length.
        weights: The name of the model's weights, where others would answer otherwise.
    """

    prompt: str
    chat: Chat | None = None
    sampling: Sampling = Sampling()
    grammar: Grammar | None = None
    text: str | None = None
    endless: bool = False
    length: int | None = None
    weights: str = ""


class Engine(Protocol):
    """A model, with its chat template and its tokenizer."""

    @property
    def name(self) -> str:
        """The model's name."""

    def render(self, chat: Chat) -> str:
        """Return the prompt that the model's chat template makes of a chat."""

    def encode(self, text: str) -> list[Token]:
        """Cut a text into the model's tokens; joining their texts gives the text again."""

    def calls(
        self, chat: Chat, tools: Sequence[Tool], *, is_required: bool, parallel: bool, sampling: Sampling
    ) -> tuple[ToolCall, ...]:
        """Return the calls of tools that the model answers a chat with; empty: it answers in text."""

    def thought(self, chat: Chat, sampling: Sampling) -> str:
        """Return what a reasoning model thinks before its answer."""

    def generate(self, job: Job) -> Iterator[Token]:
        """Yield the tokens of an answer, then the end of sequence; the caller ends it earlier by reading no more."""


class DeterministicEngine:
    """An engine without a model: the same text for the same request, made up by a hash."""

    name = "deterministic"

    def render(self, chat: Chat) -> str:
        """Write a chat as `chats` says."""
        return chats.render(chat)

    def encode(self, text: str) -> list[Token]:
        """Cut a text as `tokens` says."""
        return tokens.encode(text)

    def calls(
        self, chat: Chat, tools: Sequence[Tool], *, is_required: bool, parallel: bool, sampling: Sampling
    ) -> tuple[ToolCall, ...]:
        """Decide as `decisions` says, whatever the sampling."""
        del sampling
        return decisions.calls(chat, tools, is_required=is_required, parallel=parallel)

    def thought(self, chat: Chat, sampling: Sampling) -> str:
        """Return what the chat steers, or one sentence."""
        del sampling
        steered = decisions.said(chat, "think")
        last = " ".join((chat.turns[-1].text if chat.turns else "").split()[:6])
        return steered if steered is not None else f"The user said: {last}. I am a stand-in and answer that."

    def generate(self, job: Job) -> Iterator[Token]:
        """Generate the text that the job prescribes, or an answer of the stand-in's own."""
        return script(
            job.prompt,
            seed=job.sampling.seed,
            length=job.length,
            text=self._text(job),
            fixed=job.text is not None or job.grammar is not None,
            endless=job.endless,
        )

    def _text(self, job: Job) -> str:
        if job.text is not None:
            return job.text
        steered = decisions.said(job.prompt if job.chat is None else job.chat, "say")
        if steered is not None and (job.grammar is None or _keeps_to(job.grammar, steered)):
            return steered
        if job.grammar is not None and job.grammar.pattern is not None:
            return text_of(job.grammar.pattern)
        if job.grammar is not None:
            return json.dumps(example_of(job.grammar.schema), ensure_ascii=False)
        if job.chat is None:
            return answer(job.prompt, seed=job.sampling.seed, weights=job.weights)
        return answer_to_chat(job.chat, job.prompt, seed=job.sampling.seed, weights=job.weights)


def _keeps_to(grammar: Grammar, text: str) -> bool:
    """Return whether a grammar allows a text."""
    try:
        if grammar.pattern is not None:
            return re.fullmatch(grammar.pattern, text) is not None
        return bool(Draft202012Validator(grammar.schema).is_valid(json.loads(text)))
    except (ValueError, re.error, SchemaError):
        return False


_USED: Final[list[Engine]] = [DeterministicEngine()]


def use(engine: Engine) -> None:
    """Let an engine answer for all stand-ins of this process that start from now on."""
    _USED[0] = engine


def current() -> Engine:
    """Return the engine that answers in this process: the deterministic one, unless another was chosen."""
    return _USED[0]
