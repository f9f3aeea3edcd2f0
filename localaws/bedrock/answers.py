"""Answers of the stand-in models in the forms of InvokeModel, whole and as the chunks of a stream.

Both of OpenAI's forms are as vLLM writes them, BedrockCompletion as the Bedrock User Guide shows it; its log
probabilities are by token id. The last chunk of a stream carries ``amazon-bedrock-invocationMetrics``.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from localaws.bedrock.bodies import Wish
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel
from localaws.containers import detokenizer, generation
from localaws.containers.tokens import Token, alternatives, count

METRICS: Final = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        pieces: its tokens with the text that each of them shows, which may come with a later one.
        finish_reason: why it ended.
        stop: the stop string that ended it, or None.
    """

    pieces: tuple[tuple[str, Token], ...]
    finish_reason: Literal["stop", "length"]
    stop: str | None

    @property
    def text(self) -> str:
        """All of the text."""
        return "".join(text for text, _ in self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All that answers a request.

    Attributes:
        answers: the answers, in the order of their index.
        prompt_tokens: how many tokens the prompt has.
        started: when the request came, on the monotonic clock.
    """

    answers: tuple[Answer, ...]
    prompt_tokens: int
    started: float

    @property
    def completion_tokens(self) -> int:
        """How many tokens were generated."""
        return sum(len(answer.pieces) for answer in self.answers)

    @property
    def latency_ms(self) -> int:
        """Milliseconds since the request came."""
        return round((time.monotonic() - self.started) * 1000)

    def metrics(self) -> dict[str, int]:
        """What Bedrock adds to the last chunk of a stream."""
        latency = self.latency_ms
        return {
            "inputTokenCount": self.prompt_tokens,
            "outputTokenCount": self.completion_tokens,
            "invocationLatency": latency,
            "firstByteLatency": latency,
        }

    def usage(self) -> dict[str, int]:
        """The tokens in OpenAI's terms."""
        total = self.prompt_tokens + self.completion_tokens
        tokens = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        return {**tokens, "total_tokens": total}


def answer(wish: Wish, model: ImportedModel) -> Outcome:
    """Generate what is asked for.

    Raises:
        ServiceError: ValidationException, if prompt and answer do not fit into the model's context.
    """
    started = time.monotonic()
    prompt_tokens = count(wish.prompt)
    room = model.context_tokens - prompt_tokens
    if room < (wish.max_tokens or 1):
        raise invalid(
            f"This model's maximum context length is {model.context_tokens} tokens. However, you requested "
            f"{prompt_tokens + (wish.max_tokens or 1)} tokens ({prompt_tokens} in the messages, {wish.max_tokens or 1} "
            "in the completion). Please reduce the length of the messages or completion."
        )
    seeds = [wish.seed if index == 0 else (wish.seed or 0) + index for index in range(wish.answers)]
    answers = tuple(_one(wish, wish.max_tokens or room, seed, model.weights_digest) for seed in seeds)
    return Outcome(answers=answers, prompt_tokens=prompt_tokens, started=started)


def whole(wish: Wish, outcome: Outcome, model: ImportedModel) -> dict[str, Any]:
    """The body of InvokeModel's answer."""
    if wish.kind == "native":
        [only] = outcome.answers
        document: dict[str, Any] = {
            "generation": only.text,
            "prompt_token_count": outcome.prompt_tokens,
            "generation_token_count": outcome.completion_tokens,
            "stop_reason": only.finish_reason,
        }
        if wish.logprobs is not None:
            document["logprobs"] = _native_logprobs(only.pieces)
        return document
    choices = []
    for index, one in enumerate(outcome.answers):
        content: dict[str, Any] = (
            {"message": {"role": "assistant", "content": one.text, "refusal": None, "tool_calls": []}}
            if wish.kind == "chat"
            else {"text": one.text}
        )
        logprobs = _logprobs(wish, one.pieces, offset=0)
        choices.append({"index": index, **content, "logprobs": logprobs, "finish_reason": one.finish_reason})
    return {**_envelope(wish, model, stream=False), "choices": choices, "usage": outcome.usage()}


def chunks(wish: Wish, outcome: Outcome, model: ImportedModel, *, tokens_per_event: int) -> Iterator[dict[str, Any]]:
    """The chunks of InvokeModelWithResponseStream's answer, each to be sent as JSON in an event of its own."""
    made = _native_chunks if wish.kind == "native" else _openai_chunks
    last: dict[str, Any] | None = None
    for chunk in made(wish, outcome, model, max(1, tokens_per_event)):
        if last is not None:
            yield last
        last = chunk
    if last is not None:
        yield {**last, METRICS: outcome.metrics()}


def groups(one: Answer, size: int) -> Iterator[tuple[tuple[tuple[str, Token], ...], bool]]:
    """Cut an answer into groups of `size` tokens; with each comes whether it is the last."""
    for start in range(0, len(one.pieces), size):
        yield one.pieces[start : start + size], start + size >= len(one.pieces)


def _one(wish: Wish, max_tokens: int, seed: int | None, weights: str) -> Answer:
    # Other weights answer otherwise, so that whoever asks sees which version answered.
    tokens = generation.script(wish.prompt, text=generation.answer(wish.prompt, seed=seed, weights=weights))
    outputs = list(detokenizer.outputs(tokens, max_tokens=max_tokens, stop=wish.stop))
    last = outputs[-1]
    if last.finish_reason is None:
        raise AssertionError("outputs() ends with an output that carries a finish reason")
    pieces = tuple((output.text, output.token) for output in outputs)
    return Answer(pieces=pieces, finish_reason=last.finish_reason, stop=last.stop_reason)


def _native_chunks(wish: Wish, outcome: Outcome, _model: ImportedModel, size: int) -> Iterator[dict[str, Any]]:
    [only] = outcome.answers
    made = 0
    for group, is_last in groups(only, size):
        chunk: dict[str, Any] = {
            "generation": "".join(text for text, _ in group),
            # The prompt is counted once, in the first chunk; generated tokens as they add up.
            "prompt_token_count": outcome.prompt_tokens if made == 0 else None,
            "generation_token_count": made + len(group),
            "stop_reason": only.finish_reason if is_last else None,
        }
        if wish.logprobs is not None:
            chunk["logprobs"] = _native_logprobs(group)
        made += len(group)
        yield chunk


def _openai_chunks(wish: Wish, outcome: Outcome, model: ImportedModel, size: int) -> Iterator[dict[str, Any]]:
    envelope = _envelope(wish, model, stream=True)
    for index, one in enumerate(outcome.answers):
        if wish.kind == "chat":
            delta = {"role": "assistant", "content": ""}
            yield {**envelope, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
        offset = 0
        for group, is_last in groups(one, size):
            text = "".join(shown for shown, _ in group)
            content = {"delta": {"content": text}} if wish.kind == "chat" else {"text": text}
            reason = one.finish_reason if is_last else None
            logprobs = _logprobs(wish, group, offset=offset)
            offset += len(text)
            yield {
                **envelope,
                "choices": [{"index": index, **content, "logprobs": logprobs, "finish_reason": reason}],
            }
    if wish.include_usage:
        yield {**envelope, "choices": [], "usage": outcome.usage()}


def _envelope(wish: Wish, model: ImportedModel, *, stream: bool) -> dict[str, Any]:
    chat = "chat.completion.chunk" if stream else "chat.completion"
    return {
        "id": f"{'chatcmpl' if wish.kind == 'chat' else 'cmpl'}-{uuid.uuid4().hex}",
        "object": chat if wish.kind == "chat" else "text_completion",
        "created": int(time.time()),
        "model": model.arn,
    }


def _native_logprobs(pieces: Sequence[tuple[str, Token]]) -> list[dict[str, float]]:
    return [{str(token.id): token.logprob} for _, token in pieces]


def _logprobs(wish: Wish, pieces: Sequence[tuple[str, Token]], *, offset: int) -> Mapping[str, Any] | None:
    if wish.logprobs is None:
        return None
    if wish.kind == "chat":
        return {
            "content": [
                {
                    "token": token.text,
                    "logprob": token.logprob,
                    "bytes": list(token.text.encode()),
                    "top_logprobs": [
                        {"token": other.text, "logprob": other.logprob, "bytes": list(other.text.encode())}
                        for other in alternatives(token, wish.logprobs)
                    ],
                }
                for _, token in pieces
            ]
        }
    offsets = []
    for text, _ in pieces:
        offsets.append(offset)
        offset += len(text)
    return {
        "text_offset": offsets,
        "tokens": [token.text for _, token in pieces],
        "token_logprobs": [token.logprob for _, token in pieces],
        # vLLM tells the chosen token among the likeliest, even where none was asked for.
        "top_logprobs": [
            {other.text: other.logprob for other in alternatives(token, max(1, wish.logprobs))} for _, token in pieces
        ],
    }
