"""Parameters and answers of Bedrock's Converse API.

Source: the API reference of Converse and ConverseStream, and botocore's model of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from invoke_shim.backends.containers.base import count, failed
from invoke_shim.backends.streams import broken_off, not_understood
from invoke_shim.generation.types import Answer, Completion, FinishReason, Generation, GenerationRequest, Piece, Usage

_REASONS: Mapping[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
_SYSTEM_ROLES = ("system", "developer")


def parameters(request: GenerationRequest) -> dict[str, Any]:
    """Return the operation's parameters, without the model."""
    system = [{"text": message.content} for message in request.messages if message.role in _SYSTEM_ROLES]
    chat = [
        {"role": message.role, "content": [{"text": message.content}]}
        for message in request.messages
        if message.role not in _SYSTEM_ROLES
    ]
    asked: dict[str, Any] = {"messages": chat, "inferenceConfig": _inference_config(request.generation)}
    if system:
        asked["system"] = system
    return asked


def _inference_config(generation: Generation) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if generation.max_tokens is not None:
        config["maxTokens"] = generation.max_tokens
    if generation.greedy:
        config["temperature"] = 0
    else:
        sampling = {"temperature": generation.temperature, "topP": generation.top_p}
        config |= {name: value for name, value in sampling.items() if value is not None}
    if generation.stop:
        config["stopSequences"] = list(generation.stop)
    return config


def read(reply: Mapping[str, Any]) -> Answer:
    """Read an answer that came at once.

    Raises:
        ApiError: The generation failed, or the answer is not understood.
    """
    message = (reply.get("output") or {}).get("message")
    if not isinstance(message, dict):
        raise not_understood()
    text = "".join(block.get("text") or "" for block in message.get("content") or [])
    return Answer(
        completions=(Completion(text=text, finish_reason=_reason(reply.get("stopReason"))),),
        usage=_usage(reply.get("usage")) or Usage(),
    )


def read_stream(events: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    """Read a stream's events; the counts come after all else.

    Raises:
        ApiError: The generation failed, or the stream broke off.
    """
    ended = False
    for event in events:
        if "contentBlockDelta" in event:
            text = event["contentBlockDelta"].get("delta", {}).get("text")
            if text:
                yield Piece(text=text)
        elif "messageStop" in event:
            ended = True
            yield Piece(finish_reason=_reason(event["messageStop"].get("stopReason")))
        elif "metadata" in event:
            usage = _usage(event["metadata"].get("usage"))
            if usage is not None:
                yield Piece(usage=usage)
    if not ended:
        raise broken_off()


def _reason(reason: Any) -> FinishReason:
    if reason in ("malformed_model_output", "malformed_tool_use"):
        raise failed(f"stopReason {reason}")
    return _REASONS.get(str(reason), "stop")


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(count(usage.get("inputTokens")), count(usage.get("outputTokens")))
