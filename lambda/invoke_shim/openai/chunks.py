"""OpenAI's chunks: the objects of a streamed answer."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from invoke_shim.generation.types import FinishReason, Piece, Usage
from invoke_shim.openai.bodies import envelope, usage_numbers
from invoke_shim.openai.chat import call_delta, finish_reason, reasoning_members
from invoke_shim.openai.logprobs import chat_logprobs, text_logprobs
from invoke_shim.telemetry.request_log import RequestLog


class Stream(NamedTuple):
    """A streamed answer to come.

    Attributes:
        pieces: The answer.
        model: The model's name to clients.
        choices: The number of choices.
        include_usage: Whether the client wants the usage.
        log: Gets to know the text.
        legacy_functions: Whether the calls of a chat go as OpenAI's older `function_call`.
    """

    pieces: Iterator[Piece]
    model: str
    choices: int
    include_usage: bool
    log: RequestLog
    legacy_functions: bool = False


def chat_chunks(stream: Stream) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a chat: each choice's role, text, calls and end; then the usage, if requested and known."""
    writer = _Writer(stream, "chatcmpl", "chat.completion.chunk")
    for index in range(stream.choices):
        yield writer.chunk(_chat_choice(index, {"role": "assistant", "content": "", "refusal": None}))
    for piece in writer.pieces():
        if piece.reasoning:
            yield writer.chunk(_chat_choice(piece.index, reasoning_members(piece.reasoning)))
        if piece.text or piece.logprobs:
            logprobs = chat_logprobs(piece.logprobs)
            yield writer.chunk(_chat_choice(piece.index, {"content": piece.text}, logprobs=logprobs))
        for call in piece.tool_calls:
            if (delta := call_delta(call, legacy=stream.legacy_functions)) is not None:
                yield writer.chunk(_chat_choice(piece.index, delta))
        if piece.finish_reason is not None:
            reason = finish_reason(piece.finish_reason, legacy=stream.legacy_functions)
            yield writer.chunk(_chat_choice(piece.index, {}, finish_reason=reason))
    yield from writer.last_chunks()


def text_chunks(stream: Stream, *, echoes: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Yield the chunks of a completion: each choice's text and end; then the usage, if requested and known.

    Args:
        stream: The answer.
        echoes: The prompt that each choice begins with; empty without an echo.
    """
    writer = _Writer(stream, "cmpl", "text_completion")
    offsets = [0] * stream.choices
    for index, echo in enumerate(echoes):
        yield writer.chunk(_text_choice(index, echo))
    for piece in writer.pieces():
        if not piece.text and not piece.logprobs and piece.finish_reason is None:
            continue
        logprobs = text_logprobs(piece.logprobs, offset=offsets[piece.index])
        offsets[piece.index] += len(piece.text)
        yield writer.chunk(_text_choice(piece.index, piece.text, logprobs, piece.finish_reason))
    yield from writer.last_chunks()


class _Writer:
    """The common parts of both kinds of chunks."""

    def __init__(self, stream: Stream, prefix: str, kind: str) -> None:
        self._stream = stream
        self._envelope = envelope(prefix, kind, stream.model)
        # With `include_usage` every chunk has the member, without it none.
        self._no_usage: dict[str, Any] = {"usage": None} if stream.include_usage else {}
        self._usage = Usage()

    def chunk(self, choice: dict[str, Any]) -> dict[str, Any]:
        return {**self._envelope, "choices": [choice], **self._no_usage}

    def pieces(self) -> Iterator[Piece]:
        """Yield the answer's pieces; record its text, and store the usage."""
        log = self._stream.log
        for piece in self._stream.pieces:
            log.record_answer(piece.reasoning)
            log.record_answer(piece.text)
            for call in piece.tool_calls:
                log.record_answer(f"{call.name or ''}{call.arguments}")
            if piece.usage is not None:
                self._usage = piece.usage
            yield piece

    def last_chunks(self) -> Iterator[dict[str, Any]]:
        numbers = usage_numbers(self._usage)
        if self._stream.include_usage and numbers is not None:
            yield {**self._envelope, "choices": [], "usage": numbers}


def _chat_choice(
    index: int,
    delta: dict[str, Any],
    *,
    logprobs: dict[str, Any] | None = None,
    finish_reason: str | None = None,
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


def _text_choice(
    index: int, text: str, logprobs: dict[str, Any] | None = None, finish_reason: FinishReason | None = None
) -> dict[str, Any]:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
