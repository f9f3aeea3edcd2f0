"""Answers of the stand-in models in the forms of InvokeModel, whole and as the chunks of a stream.

Both of OpenAI's forms are as vLLM writes them, BedrockCompletion as the Bedrock User Guide shows it; its log
probabilities are by token id. The last chunk of a stream carries `amazon-bedrock-invocationMetrics`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from localaws.bedrock.bodies import GenerationRequest
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel
from localaws.containers import detokenizer, generation
from localaws.containers.tokens import Token, alternatives, count

METRICS: Final = "amazon-bedrock-invocationMetrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer.

    Attributes:
        pieces: Its tokens with the text that each of them shows, which may come with a later one.
        finish_reason: The reason for its end.
        stop: The stop string that ended it, or None.
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
        return sum(len(answer.pieces) for answer in self.answers)

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
        ServiceError: ValidationException, if prompt and answer do not fit into the model's context.
    """
    started = time.monotonic()
    prompt_tokens = count(request.prompt)
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


def whole(request: GenerationRequest, outcome: Outcome, model: ImportedModel) -> dict[str, Any]:
    """Return the body of InvokeModel's answer."""
    if request.kind == "native":
        [only] = outcome.answers
        document: dict[str, Any] = {
            "generation": only.text,
            "prompt_token_count": outcome.prompt_tokens,
            "generation_token_count": outcome.completion_tokens,
            "stop_reason": only.finish_reason,
        }
        if request.logprobs is not None:
            document["logprobs"] = _native_logprobs(only.pieces)
        return document
    choices = []
    for index, one in enumerate(outcome.answers):
        content: dict[str, Any] = (
            {"message": {"role": "assistant", "content": one.text, "refusal": None, "tool_calls": []}}
            if request.kind == "chat"
            else {"text": one.text}
        )
        logprobs = _logprobs(request, one.pieces, offset=0)
        choices.append({"index": index, **content, "logprobs": logprobs, "finish_reason": one.finish_reason})
    return {**_envelope(request, model, stream=False), "choices": choices, "usage": outcome.usage()}


def chunks(
    request: GenerationRequest, outcome: Outcome, model: ImportedModel, *, tokens_per_event: int
) -> Iterator[dict[str, Any]]:
    """Yield the chunks of InvokeModelWithResponseStream's answer, each to be sent as JSON in an event of its own."""
    made = _native_chunks if request.kind == "native" else _openai_chunks
    last: dict[str, Any] | None = None
    for chunk in made(request, outcome, model, max(1, tokens_per_event)):
        if last is not None:
            yield last
        last = chunk
    if last is not None:
        yield {**last, METRICS: outcome.metrics()}


def groups(one: Answer, size: int) -> Iterator[tuple[tuple[tuple[str, Token], ...], bool]]:
    """Cut an answer into groups of `size` tokens; with each comes whether it is the last."""
    for start in range(0, len(one.pieces), size):
        yield one.pieces[start : start + size], start + size >= len(one.pieces)


def _one(request: GenerationRequest, max_tokens: int, seed: int | None, weights: str) -> Answer:
    # Other weights answer otherwise, so that whoever asks sees which version answered.
    tokens = generation.script(request.prompt, text=generation.answer(request.prompt, seed=seed, weights=weights))
    outputs = list(detokenizer.outputs(tokens, max_tokens=max_tokens, stop=request.stop))
    last = outputs[-1]
    if last.finish_reason is None:
        raise AssertionError("outputs() ends with an output that carries a finish reason")
    pieces = tuple((output.text, output.token) for output in outputs)
    return Answer(pieces=pieces, finish_reason=last.finish_reason, stop=last.stop_reason)


def _native_chunks(
    request: GenerationRequest, outcome: Outcome, _model: ImportedModel, size: int
) -> Iterator[dict[str, Any]]:
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
        if request.logprobs is not None:
            chunk["logprobs"] = _native_logprobs(group)
        made += len(group)
        yield chunk


def _openai_chunks(
    request: GenerationRequest, outcome: Outcome, model: ImportedModel, size: int
) -> Iterator[dict[str, Any]]:
    envelope = _envelope(request, model, stream=True)
    for index, one in enumerate(outcome.answers):
        if request.kind == "chat":
            delta = {"role": "assistant", "content": ""}
            yield {**envelope, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
        offset = 0
        for group, is_last in groups(one, size):
            text = "".join(shown for shown, _ in group)
            content = {"delta": {"content": text}} if request.kind == "chat" else {"text": text}
            reason = one.finish_reason if is_last else None
            logprobs = _logprobs(request, group, offset=offset)
            offset += len(text)
            yield {
                **envelope,
                "choices": [{"index": index, **content, "logprobs": logprobs, "finish_reason": reason}],
            }
    if request.include_usage:
        yield {**envelope, "choices": [], "usage": outcome.usage()}


def _envelope(request: GenerationRequest, model: ImportedModel, *, stream: bool) -> dict[str, Any]:
    chat = "chat.completion.chunk" if stream else "chat.completion"
    return {
        "id": f"{'chatcmpl' if request.kind == 'chat' else 'cmpl'}-{uuid.uuid4().hex}",
        "object": chat if request.kind == "chat" else "text_completion",
        "created": int(time.time()),
        "model": model.arn,
    }


def _native_logprobs(pieces: Sequence[tuple[str, Token]]) -> list[dict[str, float]]:
    return [{str(token.id): token.logprob} for _, token in pieces]


def _logprobs(
    request: GenerationRequest, pieces: Sequence[tuple[str, Token]], *, offset: int
) -> Mapping[str, Any] | None:
    if request.logprobs is None:
        return None
    if request.kind == "chat":
        return {
            "content": [
                {
                    "token": token.text,
                    "logprob": token.logprob,
                    "bytes": list(token.text.encode()),
                    "top_logprobs": [
                        {"token": other.text, "logprob": other.logprob, "bytes": list(other.text.encode())}
                        for other in alternatives(token, request.logprobs)
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
        # vLLM reports the chosen token among the likeliest, even where none was asked for.
        "top_logprobs": [
            {other.text: other.logprob for other in alternatives(token, max(1, request.logprobs))}
            for _, token in pieces
        ],
    }
