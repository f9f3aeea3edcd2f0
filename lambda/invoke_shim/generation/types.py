"""Requests to a backend and its answers, independent of its protocol.

Named tuples, because a dataclass takes up to a millisecond of a cold start to make.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from invoke_shim.generation.messages import Message, ToolCall, Tools

FinishReason = Literal["stop", "length", "content_filter", "tool_calls"]


class Generation(NamedTuple):
    """The parameters of a generation, in OpenAI's terms.

    Attributes:
        max_tokens: The most tokens to generate; None for as many as fit, only where the backend's rules allow it.
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
        tools: The functions that the model may call; None for none.
        extra: The container's own parameters by its own names, checked by the backend's rules.
    """

    max_tokens: int | None
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
    tools: Tools | None = None
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
        token_ids: Instead of the text of a prompt, which is then empty, its tokens' ids; only where the backend's rules
            allow it.
    """

    generation: Generation
    prompt: str | None = None
    messages: Sequence[Message] = ()
    token_ids: tuple[int, ...] = ()


LOWEST_LOGPROB = -9999.0
"""The log probability that OpenAI's API gives a token too unlikely to have one; JSON has no infinity."""


class TokenLogprob(NamedTuple):
    """A generated token with its log probability (natural logarithm), and the likeliest alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Usage(NamedTuple):
    """Tokens of prompt and answer, each None where the container does not report it.

    Attributes:
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the answer, those of its reasoning among them.
        reasoning_tokens: Of these, the tokens of its reasoning.
        cached_tokens: Tokens of the prompt that came out of the container's cache.
        estimated: Whether the shim estimated a count that the container does not report.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    estimated: bool = False


class ToolCallPiece(NamedTuple):
    """One step of a tool call in a streamed answer.

    Attributes:
        position: The position of the call among those of its answer.
        id: The call's id, in its first piece.
        name: The function's name, in the call's first piece.
        arguments: The next characters of the arguments, split anywhere.
    """

    position: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Piece(NamedTuple):
    """One step of a streamed answer.

    Attributes:
        text: The next text of the answer; may be empty.
        index: The position of the answer among the `n`.
        logprobs: The tokens of `text`, where they were requested.
        finish_reason: Set once an answer, in its last piece.
        usage: Set at most once a stream, where the container reports it; may come after the last text.
        reasoning: The next text of the model's reasoning before its answer.
        tool_calls: The next pieces of the calls that the answer makes.
    """

    text: str = ""
    index: int = 0  # type: ignore[assignment]  # hides the method of tuples, which has no use here
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    reasoning: str = ""
    tool_calls: tuple[ToolCallPiece, ...] = ()


class Completion(NamedTuple):
    """A generated text.

    Attributes:
        text: The text after the prompt.
        finish_reason: "length" when the limit of tokens ended it, otherwise "stop".
        logprobs: Its tokens, where they were requested.
        reasoning: The model's reasoning before the text.
        tool_calls: The calls of tools that it makes.
    """

    text: str
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...] = ()
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


class Answer(NamedTuple):
    """The answer to a `GenerationRequest`: one completion for each of `n`, and their usage."""

    completions: tuple[Completion, ...]
    usage: Usage = Usage()


class _Collected:
    """One answer of a stream, as far as it has come."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._reasoning: list[str] = []
        self._logprobs: list[TokenLogprob] = []
        self._calls: dict[int, list[ToolCallPiece]] = {}
        self._reason: FinishReason = "stop"

    def add(self, piece: Piece) -> None:
        self._texts.append(piece.text)
        self._reasoning.append(piece.reasoning)
        self._logprobs += piece.logprobs
        self._reason = piece.finish_reason or self._reason
        for call in piece.tool_calls:
            self._calls.setdefault(call.position, []).append(call)

    def completion(self) -> Completion:
        return Completion(
            text="".join(self._texts),
            finish_reason=self._reason,
            logprobs=tuple(self._logprobs),
            reasoning="".join(self._reasoning),
            tool_calls=tuple(_join(self._calls[position]) for position in sorted(self._calls)),
        )


def _join(pieces: Sequence[ToolCallPiece]) -> ToolCall:
    return ToolCall(
        id=next((piece.id for piece in pieces if piece.id), ""),
        name=next((piece.name for piece in pieces if piece.name), ""),
        arguments="".join(piece.arguments for piece in pieces),
    )


def collect(pieces: Iterable[Piece]) -> Answer:
    """Put the pieces of a stream together into an answer."""
    answers: dict[int, _Collected] = {}
    usage = Usage()
    for piece in pieces:
        answers.setdefault(piece.index, _Collected()).add(piece)
        if piece.usage is not None:
            usage = piece.usage
    return Answer(completions=tuple(answers[index].completion() for index in sorted(answers)), usage=usage)


def pieces_of(answer: Answer) -> Iterator[Piece]:
    """Take an answer apart into the pieces of a stream, of which `collect` makes the same one."""
    for index, completion in enumerate(answer.completions):
        calls = tuple(ToolCallPiece(position, *call) for position, call in enumerate(completion.tool_calls))
        yield Piece(
            text=completion.text,
            index=index,
            logprobs=completion.logprobs,
            finish_reason=completion.finish_reason,
            reasoning=completion.reasoning,
            tool_calls=calls,
        )
    yield Piece(usage=answer.usage)
