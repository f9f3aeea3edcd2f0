"""What every backend is asked for, and what it answers, whatever its protocol.

Named tuples, because a dataclass takes up to a millisecond of a cold start to make.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from invoke_shim.formats.base import Message
from invoke_shim.generation.stops import StopFinder

FinishReason = Literal["stop", "length", "content_filter"]


class Generation(NamedTuple):
    """How to generate a text, in OpenAI's terms.

    Attributes:
        max_tokens: the most tokens to generate.
        temperature: 0 to 2; None leaves it to the container (1).
        top_p: 0 to 1; None leaves it to the container (1).
        stop: where the text ends, the most important first. A backend passes on as many as its container
            takes; the shim cuts the answer at any of them.
        seed: makes sampling repeatable.
        presence_penalty: -2 to 2.
        frequency_penalty: -2 to 2.
        n: how many answers; more than 1 only where the backend's rules say so.
        logprobs: ask for the log probability of each generated token.
        top_logprobs: how many alternatives to tell at each token.
        echo: whether the answer begins with the prompt.
        response_format: OpenAI's, for backends whose rules allow it.
        decoder_input_details: ask for details of the prompt's tokens, and so for their number.
        extra: the container's own parameters by its own names, checked by the backend's rules.
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
        """Whether only the likeliest token is ever taken: temperature 0, or a nucleus of nothing more."""
        return self.temperature == 0 or self.top_p == 0


class Ask(NamedTuple):
    """What a backend is asked: either a prompt or, where the model's own side writes it, a chat.

    Attributes:
        generation: how to generate.
        prompt: the text to go on from; None when `messages` are given.
        messages: the chat, for backends with `takes_messages`.
    """

    generation: Generation
    prompt: str | None = None
    messages: Sequence[Message] = ()


class TokenLogprob(NamedTuple):
    """A generated token with its log probability (natural logarithm), and the likeliest alternatives with theirs."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Usage(NamedTuple):
    """Tokens of prompt and answer, each None where the container does not tell."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Piece(NamedTuple):
    """One step of a streamed answer.

    Attributes:
        text: what the answer goes on with; may be empty.
        index: which of the `n` answers goes on.
        logprobs: the tokens of `text`, where they were asked for.
        finish_reason: set once an answer, in its last piece.
        usage: set at most once a stream, where the container tells; may come after the last text.
    """

    text: str = ""
    index: int = 0  # type: ignore[assignment]  # hides the method of tuples, which has no use here
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


class Completion(NamedTuple):
    """A generated text.

    Attributes:
        text: the text after the prompt.
        finish_reason: "length" when the limit of tokens ended it, otherwise "stop".
        logprobs: its tokens, where they were asked for.
    """

    text: str
    finish_reason: FinishReason
    logprobs: tuple[TokenLogprob, ...] = ()


class Answer(NamedTuple):
    """All that a backend answers to an `Ask`: one completion for each of `n`, and what they took."""

    completions: tuple[Completion, ...]
    usage: Usage = Usage()


def collect(pieces: Iterable[Piece]) -> Answer:
    """Put a stream together into the answer it is one of."""
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


def cut(text: str, stop: Sequence[str]) -> tuple[str, bool]:
    """Cut a text before the first of the stop strings in it: the one that is complete first.

    TGI leaves the stop string at the text's end, and looks for it only between tokens, so that the rest of a
    token can follow it; LMI removes it. OpenAI's answers never hold it.

    Returns:
        The text, and whether anything was cut.
    """
    spans = [(start + len(string), start) for string in stop if (start := text.find(string)) >= 0]
    return (text[: min(spans)[1]], True) if spans else (text, False)


def cut_answer(answer: Answer, stop: Sequence[str]) -> Answer:
    """Cut each completion of an answer, with its tokens, before the first of the stop strings in it."""
    return answer._replace(completions=tuple(_cut_completion(completion, stop) for completion in answer.completions))


def cut_stream(pieces: Iterator[Piece], stop: Sequence[str], *, n: int = 1) -> Iterator[Piece]:
    """Cut a stream as `cut_answer` would the whole answer, however the stop strings are split over its pieces.

    What may begin a stop string is held back until it is known not to, with the tokens that it is made of. The
    stream is closed as soon as nothing of it is wanted any more, so that the model need not go on; then the
    container's count of tokens, which comes with its end, is missing. In any case the stream is closed in the end.

    Args:
        pieces: the stream; a generator, or anything with or without a `close`.
        stop: where an answer ends.
        n: how many answers the stream has.
    """
    answers: dict[int, _CutAnswer] = {}
    try:
        if not stop:
            yield from pieces
            return
        try:
            for piece in pieces:
                answer = answers.setdefault(piece.index, _CutAnswer(piece.index, stop))
                yield from answer.take(piece)
                if len(answers) == n and all(other.ended for other in answers.values()) and _runs_on(answers):
                    return
        except Exception:
            # The model wrote it before whatever went wrong then.
            yield from _held_back(answers)
            raise
        yield from _held_back(answers)
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _held_back(answers: Mapping[int, "_CutAnswer"]) -> Iterator[Piece]:
    for answer in answers.values():
        yield from answer.rest()


def _runs_on(answers: Mapping[int, "_CutAnswer"]) -> bool:
    """Whether the container goes on with an answer of which no more is wanted."""
    return not all(answer.container_ended for answer in answers.values())


class _CutAnswer:
    """One answer of a stream that is cut.

    Attributes:
        ended: whether its last piece was passed on.
        container_ended: whether the container has told its end.
    """

    def __init__(self, index: int, stop: Sequence[str]) -> None:
        self.ended = False
        self.container_ended = False
        self._index = index
        self._finder = StopFinder(stop)
        self._taken = 0
        self._given = 0
        self._spans: list[_Span] = []

    def take(self, piece: Piece) -> Iterator[Piece]:
        """What of the stream's next piece, and of what was held back before it, can be passed on."""
        self.container_ended |= piece.finish_reason is not None
        text, stopped = "", False
        logprobs: tuple[TokenLogprob, ...] = ()
        finish_reason: FinishReason | None = None
        if not self.ended:
            self._spans += _spans(piece.text, piece.logprobs, self._taken)
            self._taken += len(piece.text)
            text, stopped = self._finder.feed(piece.text)
            if piece.finish_reason is not None and not stopped:
                text += self._finder.rest()
            self.ended = stopped or self.container_ended
            finish_reason = "stop" if stopped else piece.finish_reason
            logprobs = self._release(text, stopped=stopped)
        if text or logprobs or finish_reason or piece.usage:
            yield Piece(text=text, index=self._index, logprobs=logprobs, finish_reason=finish_reason, usage=piece.usage)

    def rest(self) -> Iterator[Piece]:
        """What is held back, when nothing follows it."""
        text = self._finder.rest()
        if text and not self.ended:
            yield Piece(text=text, index=self._index, logprobs=self._release(text, stopped=False))

    def _release(self, text: str, *, stopped: bool) -> tuple[TokenLogprob, ...]:
        self._given += len(text)
        # At a stop string, the token that it begins in is a part of the answer if the text before is in it too.
        released = [span for span in self._spans if span.end <= self._given or (stopped and span.start < self._given)]
        self._spans = self._spans[len(released) :]
        return tuple(span.token for span in released)


class _Span(NamedTuple):
    """Where in its answer a token stands, in characters."""

    start: int
    end: int
    token: TokenLogprob


def _spans(text: str, logprobs: Sequence[TokenLogprob], offset: int) -> list[_Span]:
    """The places of a text's tokens, one after the other; containers' tokens do not always add up to the text."""
    spans = []
    position = 0
    for token in logprobs:
        end = min(position + len(token.token), len(text))
        spans.append(_Span(offset + position, offset + end, token))
        position = end
    if spans:
        spans[-1] = spans[-1]._replace(end=offset + len(text))
    return spans


def _cut_completion(completion: Completion, stop: Sequence[str]) -> Completion:
    text, was_cut = cut(completion.text, stop)
    if not was_cut:
        return completion
    spans = _spans(completion.text, completion.logprobs, 0)
    tokens = tuple(span.token for span in spans if span.end <= len(text) or span.start < len(text))
    return Completion(text=text, finish_reason="stop", logprobs=tokens)
