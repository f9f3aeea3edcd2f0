"""Answers of Bedrock's Converse API, whole and streamed.

Source: the API reference of Converse and ConverseStream, and botocore's model of them.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from invoke_shim.backends.containers.base import count, failed
from invoke_shim.backends.streams import broken_off, not_understood
from invoke_shim.generation.messages import ToolCall
from invoke_shim.generation.types import Answer, Completion, FinishReason, Piece, ToolCallPiece, Usage

_REASONS: Mapping[str, FinishReason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}
"""OpenAI's reasons for Converse's; `tool_use` is told by the calls themselves."""


def read(reply: Mapping[str, Any]) -> Answer:
    """Read an answer that came at once.

    Raises:
        ApiError: The generation failed, or the answer is not understood.
    """
    message = (reply.get("output") or {}).get("message")
    if not isinstance(message, dict):
        raise not_understood()
    blocks = message.get("content") or []
    calls = tuple(_call(block["toolUse"]) for block in blocks if "toolUse" in block)
    completion = Completion(
        text="".join(block.get("text") or "" for block in blocks),
        finish_reason=_reason(reply.get("stopReason"), calls=bool(calls)),
        reasoning="".join(_reasoning(block) for block in blocks),
        tool_calls=calls,
    )
    return Answer(completions=(completion,), usage=_usage(reply.get("usage")) or Usage())


def read_stream(events: Iterable[Mapping[str, Any]]) -> Iterator[Piece]:
    """Read a stream's events; the counts come after all else.

    Raises:
        ApiError: The generation failed, or the stream broke off.
    """
    calls = _Calls()
    ended = False
    for event in events:
        if "contentBlockDelta" in event:
            delta = event["contentBlockDelta"].get("delta") or {}
            piece = Piece(
                text=delta.get("text") or "",
                reasoning=(delta.get("reasoningContent") or {}).get("text") or "",
                tool_calls=calls.go_on(event["contentBlockDelta"]),
            )
            if piece != Piece():
                yield piece
        elif "contentBlockStart" in event:
            if started := calls.start(event["contentBlockStart"]):
                yield Piece(tool_calls=started)
        elif "contentBlockStop" in event:
            if ending := calls.end(event["contentBlockStop"]):
                yield Piece(tool_calls=ending)
        elif "messageStop" in event:
            ended = True
            yield Piece(finish_reason=_reason(event["messageStop"].get("stopReason"), calls=calls.some))
        elif "metadata" in event:
            usage = _usage(event["metadata"].get("usage"))
            if usage is not None:
                yield Piece(usage=usage)
    if not ended:
        raise broken_off()


class _Calls:
    """The calls of a stream: their positions by the positions of their blocks."""

    def __init__(self) -> None:
        self._positions: dict[Any, int] = {}
        self._empty: set[int] = set()

    @property
    def some(self) -> bool:
        """True if there was a call."""
        return bool(self._positions)

    def start(self, event: Mapping[str, Any]) -> tuple[ToolCallPiece, ...]:
        """Return the first piece of a call, if the block is one."""
        use = (event.get("start") or {}).get("toolUse")
        if not isinstance(use, dict):
            return ()
        position = len(self._positions)
        self._positions[event.get("contentBlockIndex")] = position
        self._empty.add(position)
        return (ToolCallPiece(position, id=use.get("toolUseId"), name=use.get("name")),)

    def go_on(self, event: Mapping[str, Any]) -> tuple[ToolCallPiece, ...]:
        """Return the next characters of a call's arguments, if the block is one.

        Raises:
            ApiError: 502, the call has not begun.
        """
        use = (event.get("delta") or {}).get("toolUse")
        text = use.get("input") if isinstance(use, dict) else None
        if not text:
            return ()
        position = self._positions.get(event.get("contentBlockIndex"))
        if position is None:
            raise not_understood()
        self._empty.discard(position)
        return (ToolCallPiece(position, arguments=text),)

    def end(self, event: Mapping[str, Any]) -> tuple[ToolCallPiece, ...]:
        """Return the arguments of a call that has none: an object, so that clients can read them."""
        position = self._positions.get(event.get("contentBlockIndex"))
        if position not in self._empty:
            return ()
        self._empty.discard(position)
        return (ToolCallPiece(position, arguments="{}"),)


def _call(use: Mapping[str, Any]) -> ToolCall:
    arguments = json.dumps(use.get("input") or {}, ensure_ascii=False)
    return ToolCall(str(use.get("toolUseId") or ""), str(use.get("name") or ""), arguments)


def _reasoning(block: Mapping[str, Any]) -> str:
    """Return the text of a block of reasoning; what was redacted is encrypted, and left out."""
    text = ((block.get("reasoningContent") or {}).get("reasoningText") or {}).get("text")
    return text if isinstance(text, str) else ""


def _reason(reason: Any, *, calls: bool) -> FinishReason:
    if reason in ("malformed_model_output", "malformed_tool_use"):
        raise failed(f"stopReason {reason}")
    found = _REASONS.get(str(reason), "stop")
    return "tool_calls" if calls and found == "stop" else found


def _usage(usage: Any) -> Usage | None:
    """Read the counts; the total holds tokens of the prompt that came out of a cache, `inputTokens` does not."""
    if not isinstance(usage, dict):
        return None
    prompt, completion, total = (count(usage.get(name)) for name in ("inputTokens", "outputTokens", "totalTokens"))
    if prompt is not None and completion is not None and total is not None:
        prompt = max(prompt, total - completion)
    return Usage(prompt, completion, cached_tokens=count(usage.get("cacheReadInputTokens")))
