"""Read answers of OpenAI's form, whole and streamed: chats and completions of vLLM, chats of TGI and LMI."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from invoke_shim.backends.containers.base import (
    count,
    decode,
    failed,
    finish_reason,
    logprob,
    raise_error,
)
from invoke_shim.backends.streams import broken_off, documents, not_understood
from invoke_shim.generation.messages import ToolCall
from invoke_shim.generation.types import (
    Answer,
    Completion,
    FinishReason,
    Generation,
    Piece,
    TokenLogprob,
    ToolCallPiece,
    Usage,
)

_FAILED = ("abort", "error")
"""vLLM's and LMI's finish reasons of a failed generation."""

_REASONING = ("reasoning_content", "reasoning")
"""vLLM's names of the reasoning: the first up to 0.15, the second since 0.12; between them both, with one text."""


def read(body: bytes, generation: Generation, *, refuses_with_424: bool) -> Answer:
    """Read an answer that came at once.

    Raises:
        ApiError: It is an error, or not understood.
    """
    reply = decode(body)
    if not isinstance(reply, dict):
        raise not_understood()
    raise_error(reply, refuses_with_424=refuses_with_424)
    completions = {_index(choice): _completion(choice, generation) for choice in _choices(reply)}
    if not completions:
        raise not_understood()
    return Answer(
        completions=tuple(completions[index] for index in sorted(completions)),
        usage=_usage(reply.get("usage")) or Usage(),
    )


def read_stream(
    chunks: Iterable[bytes], generation: Generation, *, refuses_with_424: bool, late_text: bool = False
) -> Iterator[Piece]:
    """Read a streamed answer; the counts come once, after all else.

    Args:
        chunks: The stream's bytes, split anywhere.
        generation: How to generate.
        refuses_with_424: See `Container`.
        late_text: Whether text may follow an answer's finish reason, which is passed on at the stream's end then.

    Raises:
        ApiError: An error came in the stream, it broke off, or it is not understood.
    """
    usage: Usage | None = None
    choices: dict[int, _StreamedChoice] = {}
    ends: list[Piece] = []
    for chunk in documents(chunks):
        if not isinstance(chunk, dict):
            raise not_understood()
        raise_error(chunk, refuses_with_424=refuses_with_424)
        for choice in _choices(chunk):
            index = _index(choice)
            piece = choices.setdefault(index, _StreamedChoice()).take(choice, generation)
            if late_text and piece.finish_reason is not None:
                ends = [Piece(index=index, finish_reason=piece.finish_reason)]
                piece = piece._replace(finish_reason=None)
            if any((piece.text, piece.logprobs, piece.finish_reason, piece.reasoning, piece.tool_calls)):
                yield piece._replace(index=index)
        # Newer versions of the protocol report it with each chunk; the last one counts.
        usage = _usage(chunk.get("usage")) or usage
    if sum(choice.ended for choice in choices.values()) < generation.n:
        raise broken_off()
    yield from ends
    if usage is not None:
        yield Piece(usage=usage)


def _completion(choice: Mapping[str, Any], generation: Generation) -> Completion:
    message = choice.get("message")
    if not isinstance(message, dict):
        message = {"content": choice.get("text")}
    calls = tuple(
        ToolCall(
            id=_text(call.get("id")) or new_id(),
            name=_text(_function(call).get("name")),
            arguments=_arguments(_function(call).get("arguments")) or "{}",
        )
        for call in _calls(message.get("tool_calls"))
    )
    return Completion(
        # A chat's content is null when the model only reasoned, or called tools.
        text=_content(message),
        finish_reason=_finish_reason(choice, called=bool(calls)) or "stop",
        logprobs=_logprobs(choice, generation),
        reasoning=_reasoning(message),
        tool_calls=calls,
    )


class _StreamedChoice:
    """One choice of a stream, as far as it has come."""

    def __init__(self) -> None:
        self.ended = False
        self._begun: set[int] = set()

    def take(self, choice: Mapping[str, Any], generation: Generation) -> Piece:
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        calls = tuple(self._call(place, call) for place, call in enumerate(_calls(delta.get("tool_calls"))))
        reason = _finish_reason(choice, called=bool(self._begun))
        self.ended |= reason is not None
        return Piece(
            text=_content(delta),
            logprobs=_logprobs(choice, generation),
            finish_reason=reason,
            reasoning=_reasoning(delta),
            tool_calls=calls,
        )

    def _call(self, place: int, call: Mapping[str, Any]) -> ToolCallPiece:
        """Read a step of a call; vLLM repeats the name of a named function, with a new id, at every step."""
        found = count(call.get("index"))
        position = place if found is None else found
        arguments = _arguments(_function(call).get("arguments"))
        if position in self._begun:
            return ToolCallPiece(position, arguments=arguments)
        self._begun.add(position)
        name = _text(_function(call).get("name"))
        return ToolCallPiece(position, _text(call.get("id")) or new_id(), name, arguments)


def new_id() -> str:
    """Return an id for a call of a tool that has none."""
    return f"call_{os.urandom(12).hex()}"


def _calls(value: Any) -> list[Mapping[str, Any]]:
    """Return the calls in a message or a delta; TGI before 3.2 streams one without a list."""
    calls = [value] if isinstance(value, dict) else _list(value)
    if not all(isinstance(call, dict) for call in calls):
        raise not_understood()
    return calls


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict | None):
        raise not_understood()
    return function or {}


def _arguments(value: Any) -> str:
    """Return a call's arguments as text; TGI before 3.2 writes an object."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if not isinstance(content, str | None):
        raise not_understood()
    return content or ""


def _reasoning(message: Mapping[str, Any]) -> str:
    return next((text for name in _REASONING if (text := _text(message.get(name)))), "")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _choices(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = reply.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise not_understood()
    return choices


def _index(choice: Mapping[str, Any]) -> int:
    return count(choice.get("index")) or 0


def _finish_reason(choice: Mapping[str, Any], *, called: bool) -> FinishReason | None:
    """Return OpenAI's finish reason; containers write "stop" for the call of a named function, TGI for any."""
    reason = choice.get("finish_reason")
    if reason in _FAILED:
        raise failed(f"finish_reason {reason}")
    if reason is None:
        return None
    translated = finish_reason(reason)
    return "tool_calls" if called and translated == "stop" else translated


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    details, cached = usage.get("completion_tokens_details"), usage.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=count(usage.get("prompt_tokens")),
        completion_tokens=count(usage.get("completion_tokens")),
        reasoning_tokens=count(details.get("reasoning_tokens")) if isinstance(details, dict) else None,
        cached_tokens=count(cached.get("cached_tokens")) if isinstance(cached, dict) else None,
    )


def _logprobs(choice: Mapping[str, Any], generation: Generation) -> tuple[TokenLogprob, ...]:
    """Read log probabilities: a list of tokens for a chat, three lists side by side for a completion."""
    found = choice.get("logprobs")
    if isinstance(found, list) and len(found) == 1:
        # LMI's rolling batch streams a list of one.
        found = found[0]
    if not generation.logprobs or not isinstance(found, dict):
        return ()
    content = found.get("content")
    if isinstance(content, list):
        tokens = [token for token in content if isinstance(token, dict)]
        return tuple(_chat_token(token, generation) for token in tokens)
    names, values, tops = (_list(found.get(name)) for name in ("tokens", "token_logprobs", "top_logprobs"))
    tops += [None] * (len(names) - len(tops))
    return tuple(
        TokenLogprob(str(name), logprob(value), _likeliest(top.items() if isinstance(top, dict) else (), generation))
        for name, value, top in zip(names, values, tops, strict=False)
    )


def _chat_token(token: Mapping[str, Any], generation: Generation) -> TokenLogprob:
    tops = [top for top in _list(token.get("top_logprobs")) if isinstance(top, dict)]
    text = str(token.get("token") or "")
    # LMI's rolling batch names the token that was taken alone, in streams by its log probability.
    names = [name if isinstance(name := top.get("token"), str) else text for top in tops]
    return TokenLogprob(
        text,
        logprob(token.get("logprob")),
        _likeliest(((name, top.get("logprob")) for name, top in zip(names, tops, strict=True)), generation),
    )


def _likeliest(alternatives: Iterable[tuple[Any, Any]], generation: Generation) -> tuple[tuple[str, float], ...]:
    """Return as many alternatives as were requested; vLLM adds the token that was taken."""
    found = sorted(((str(name or ""), logprob(value)) for name, value in alternatives), key=lambda item: -item[1])
    return tuple(found[: generation.top_logprobs])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
