"""vLLM's OpenAI-compatible server, whose `/invocations` takes chats by their `messages` and completions by `prompt`.

Source: vLLM's `vllm/entrypoints/openai/` (protocol and serving of chat and completion). The model is not named in the
request: an endpoint has one, and vLLM refuses other names than its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from invoke_shim.backends.containers.base import (
    count,
    decode,
    encode,
    failed,
    finish_reason,
    logprob,
    raise_error,
)
from invoke_shim.backends.streams import broken_off, documents, not_understood
from invoke_shim.generation.types import (
    Answer,
    Completion,
    FinishReason,
    Generation,
    GenerationRequest,
    Piece,
    TokenLogprob,
    Usage,
)

_FAILED = ("abort", "error")
"""vLLM's finish reasons of a failed generation."""


class VllmContainer:
    """vLLM's chats and completions."""

    name = "vllm"
    takes_messages = True
    refuses_with_424 = False

    def payload(self, request: GenerationRequest, *, stream: bool) -> bytes:
        """Encode the request body."""
        generation = request.generation
        payload = _sampling(generation)
        # Without a limit vLLM fills the context; a completion's must be null for that, left out it is 16 tokens.
        if generation.max_tokens is not None or request.prompt is not None:
            payload["max_tokens"] = generation.max_tokens
        if generation.stop:
            payload["stop"] = list(generation.stop)
        if generation.n > 1:
            payload["n"] = generation.n
        payload |= _chat(request) if request.prompt is None else _completion(request)
        for name in ("seed", "presence_penalty", "frequency_penalty", "response_format"):
            if (value := getattr(generation, name)) is not None:
                payload[name] = value
        payload |= generation.extra
        if stream:
            payload |= {"stream": True, "stream_options": {"include_usage": True}}
        return encode(payload)

    def read(self, body: bytes, request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: It is an error, or not understood.
        """
        reply = decode(body)
        if not isinstance(reply, dict):
            raise not_understood()
        raise_error(reply, refuses_with_424=self.refuses_with_424)
        completions = {}
        for choice in _choices(reply):
            message = choice.get("message")
            text = message.get("content") if isinstance(message, dict) else choice.get("text")
            if not isinstance(text, str | None):
                raise not_understood()
            completions[_index(choice)] = Completion(
                # A chat's content is null when the model only reasoned.
                text=text or "",
                finish_reason=_finish_reason(choice) or "stop",
                logprobs=_logprobs(choice, request.generation),
            )
        if not completions:
            raise not_understood()
        return Answer(
            completions=tuple(completions[index] for index in sorted(completions)),
            usage=_usage(reply.get("usage")) or Usage(),
        )

    def read_stream(self, chunks: Iterable[bytes], request: GenerationRequest) -> Iterator[Piece]:
        """Read a streamed answer; the counts come once, after all else.

        Raises:
            ApiError: An error came in the stream, it broke off, or it is not understood.
        """
        usage: Usage | None = None
        ended: set[int] = set()
        for chunk in documents(chunks):
            if not isinstance(chunk, dict):
                raise not_understood()
            raise_error(chunk, refuses_with_424=self.refuses_with_424)
            for choice in _choices(chunk):
                piece = self._piece(choice, request.generation)
                if piece.finish_reason is not None:
                    ended.add(piece.index)
                if piece.text or piece.logprobs or piece.finish_reason:
                    yield piece
            # Newer versions of the protocol report it with each chunk; the last one counts.
            usage = _usage(chunk.get("usage")) or usage
        if len(ended) < request.generation.n:
            raise broken_off()
        if usage is not None:
            yield Piece(usage=usage)

    def _piece(self, choice: Mapping[str, Any], generation: Generation) -> Piece:
        delta = choice.get("delta")
        text = delta.get("content") if isinstance(delta, dict) else choice.get("text")
        if text is not None and not isinstance(text, str):
            raise not_understood()
        return Piece(
            text=text or "",
            index=_index(choice),
            logprobs=_logprobs(choice, generation),
            finish_reason=_finish_reason(choice),
        )


def _sampling(generation: Generation) -> dict[str, Any]:
    """Return the sampling parameters; vLLM refuses a top_p of 0, which selects the likeliest token."""
    if generation.greedy:
        return {"temperature": 0}
    sampling = {"temperature": generation.temperature, "top_p": generation.top_p}
    return {name: value for name, value in sampling.items() if value is not None}


def _chat(request: GenerationRequest) -> dict[str, Any]:
    chat: dict[str, Any] = {
        # Chat templates know OpenAI's newer name of the system role no more than the models do.
        "messages": [
            {"role": "system" if message.role == "developer" else message.role, "content": message.content}
            for message in request.messages
        ]
    }
    if request.generation.logprobs:
        chat |= {"logprobs": True, "top_logprobs": request.generation.top_logprobs}
    return chat


def _completion(request: GenerationRequest) -> dict[str, Any]:
    completion: dict[str, Any] = {"prompt": request.prompt}
    if request.generation.echo:
        completion["echo"] = True
    if request.generation.logprobs:
        completion["logprobs"] = request.generation.top_logprobs
    return completion


def _choices(reply: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    choices = reply.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise not_understood()
    return choices


def _index(choice: Mapping[str, Any]) -> int:
    return count(choice.get("index")) or 0


def _finish_reason(choice: Mapping[str, Any]) -> FinishReason | None:
    reason = choice.get("finish_reason")
    if reason in _FAILED:
        raise failed(f"finish_reason {reason}")
    return None if reason is None else finish_reason(reason)


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    return Usage(count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")))


def _logprobs(choice: Mapping[str, Any], generation: Generation) -> tuple[TokenLogprob, ...]:
    """Read log probabilities: a list of tokens for a chat, three lists side by side for a completion."""
    found = choice.get("logprobs")
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
    return TokenLogprob(
        str(token.get("token") or ""),
        logprob(token.get("logprob")),
        _likeliest(((top.get("token"), top.get("logprob")) for top in tops), generation),
    )


def _likeliest(alternatives: Iterable[tuple[Any, Any]], generation: Generation) -> tuple[tuple[str, float], ...]:
    """Return as many alternatives as were requested; vLLM adds the token that was taken."""
    found = sorted(((str(name or ""), logprob(value)) for name, value in alternatives), key=lambda item: -item[1])
    return tuple(found[: generation.top_logprobs])


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
