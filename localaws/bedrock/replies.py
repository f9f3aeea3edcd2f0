"""Answers in the forms of InvokeModel, whole and as the chunks of a stream.

Both of OpenAI's forms are as vLLM writes them, BedrockCompletion as the Bedrock User Guide shows it; its log
probabilities are by token id. The last chunk of a stream carries `amazon-bedrock-invocationMetrics`.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from localaws.bedrock.answers import Answer, Outcome, groups, text_of
from localaws.bedrock.bodies import GenerationRequest
from localaws.bedrock.store import ImportedModel
from localaws.bedrock.tools import Call
from localaws.containers.tokens import Token, alternatives

METRICS: Final = "amazon-bedrock-invocationMetrics"


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
        content: dict[str, Any] = {"message": _message(one)} if request.kind == "chat" else {"text": one.text}
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


def _native_chunks(
    request: GenerationRequest, outcome: Outcome, _model: ImportedModel, size: int
) -> Iterator[dict[str, Any]]:
    [only] = outcome.answers
    made = 0
    for group, is_last in groups(only.pieces, size):
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
        for delta in _deltas_before_text(one, size):
            yield {**envelope, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}]}
        offset = 0
        for group, is_last in groups(one.pieces, size):
            text = text_of(group)
            content = {"delta": {"content": text}} if request.kind == "chat" else {"text": text}
            reason = one.finish_reason if is_last else None
            logprobs = _logprobs(request, group, offset=offset)
            offset += len(text)
            yield {
                **envelope,
                "choices": [{"index": index, **content, "logprobs": logprobs, "finish_reason": reason}],
            }
        if not one.pieces:
            ending = {"index": index, "delta": {"content": ""}, "logprobs": None, "finish_reason": one.finish_reason}
            yield {**envelope, "choices": [ending]}
    if request.include_usage:
        yield {**envelope, "choices": [], "usage": outcome.usage()}


def _message(one: Answer) -> dict[str, Any]:
    """Return a chat's message, with the members that AWS's examples have: vLLM's."""
    return {
        "role": "assistant",
        "content": one.text if one.pieces else None,
        "refusal": None,
        "annotations": None,
        "audio": None,
        "function_call": None,
        "tool_calls": [
            {"id": _id(call), "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in one.calls
        ],
        "reasoning_content": text_of(one.reasoning) or None,
    }


def _deltas_before_text(one: Answer, size: int) -> Iterator[dict[str, Any]]:
    """Yield reasoning and calls; id and name come with a call's first delta, its arguments as they are generated."""
    for group, _ in groups(one.reasoning, size):
        yield {"reasoning_content": text_of(group)}
    for index, call in enumerate(one.calls):
        named = {"id": _id(call), "type": "function", "index": index}
        yield {"tool_calls": [{**named, "function": {"name": call.name, "arguments": ""}}]}
        for group, _ in groups(call.pieces, size):
            yield {"tool_calls": [{"index": index, "function": {"arguments": text_of(group)}}]}


def _id(call: Call) -> str:
    return f"chatcmpl-tool-{call.digest}"


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
