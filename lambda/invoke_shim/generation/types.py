"""Requests to a backend and its answers, independent of its protocol.

Named tuples, because a dataclass takes up to a millisecond of a cold start to make.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from invoke_shim.formats.base import Message

FinishReason = Literal["stop", "length", "content_filter"]


class Generation(NamedTuple):
    """The parameters of a generation, in OpenAI's terms.

    Attributes:
        max_tokens: The most tokens to generate.
        temperature: 0 to 2; None leaves it to the container (1).
        top_p: 0 to 1; None leaves it to the container (1).
        stop: The strings at which the text ends, the most important first. A backend passes on as many as its container
            takes; the shim cuts the answer at any of them.
        seed: Makes sampling repeatable.
        presence_penalty: -2 to 2.
        frequency_penalty: -2 to 2.
        n: The number of answers; more than 1 only where the backend's rules allow it.
        logprobs: Whether to report the log probability of each generated token.
        top_logprobs: The number of alternatives to report at each token.
        echo: Whether the answer begins with the prompt.
        response_format: OpenAI's, for backends whose rules allow it.
        decoder_input_details: Whether to report details of the prompt's tokens, and so their number.
        extra: The container's own parameters by its own names, checked by the backend's rules.
    """

    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    n: int = 1
    logprobs: bool = False
    top_logprobs: int = 0
    echo: bool = False
    response_format: Mapping[str, Any] | None = None
    decoder_input_details: bool = False
    extra: Mapping[str, Any] = MappingProxyType({})

    @property
    def greedy(self) -> bool:
        """True if only the likeliest token is ever taken: temperature 0, or a nucleus of nothing more."""
        return self.temperature == 0 or self.top_p == 0


class GenerationRequest(NamedTuple):
    """One request to a backend: a prompt or, where the model's side writes the prompt, a chat.

    Attributes:
        generation: How to generate.
        prompt: The text to go on from; None when `messages` are given.
        messages: The chat, for backends with `takes_messages`.
    """

    generation: Generation
    prompt: str | None = None
    messages: Sequence[Message] = ()


LOWEST_LOGPROB = -9999.0
"""The log probability that OpenAI's API gives a token too unlikely to have one; JSON has no infinity."""


class TokenLogprob(NamedTuple):
    """A generated token with its log probability (natural logarithm), and the likeliest alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Usage(NamedTuple):
    """Tokens of prompt and answer, each None where the container does not report it."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Piece(NamedTuple):
    """One step of a streamed answer.

    Attributes:
        text: The next text of the answer; may be empty.
        index: The position of the answer among the `n`.
        logprobs: The tokens of `text`, where they were requested.
        finish_reason: Set once an answer, in its last piece.
        usage: Set at most once a stream, where the container reports it; may come after the last text.
    """

    text: str = ""
    index: int = 0  # type: ignore[assignment]  # hides the method of tuples, which has no use here
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


class Completion(NamedTuple):
    """A generated text.

    Attributes:
        text: The text after the prompt.
        finish_reason: "length" when the limit of tokens ended it, otherwise "stop".
        logprobs: Its tokens, where they were requested.
    """

    text: str
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...] = ()


class Answer(NamedTuple):
    """The answer to a `GenerationRequest`: one completion for each of `n`, and their usage."""

    completions: tuple[Completion, ...]
    usage: Usage = Usage()


def collect(pieces: Iterable[Piece]) -> Answer:
    """Put the pieces of a stream together into an answer."""
    texts: dict[int, list[str]] = {}
    logprobs: dict[int, list[TokenLogprob]] = {}
    reasons: dict[int, FinishReason] = {}
    usage = Usage()
    for piece in pieces:
        texts.setdefault(piece.index, []).append(piece.text)
        logprobs.setdefault(piece.index, []).extend(piece.logprobs)
        if piece.finish_reason is not None:
            reasons[piece.index] = piece.finish_reason
        if piece.usage is not None:
            usage = piece.usage
    return Answer(
        completions=tuple(
            Completion(
                text="".join(texts[index]),
                finish_reason=reasons.get(index, "stop"),
                logprobs=tuple(logprobs[index]),
            )
            for index in sorted(texts)
        ),
        usage=usage,
    )
