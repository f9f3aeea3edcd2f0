"""Cut an answer at stop strings: the same answer whole and in pieces."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from invoke_shim.generation.stops import StopFinder
from invoke_shim.generation.types import Answer, Completion, FinishReason, Piece, TokenLogprob


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

    Text that may begin a stop string is held back, with its tokens, until it is known not to. The
    stream is closed as soon as nothing of it is wanted any more, so that the model need not go on; then the
    container's count of tokens, which comes with its end, is missing. In any case the stream is closed in the end.

    Args:
        pieces: The stream; a generator, or anything with or without a `close`.
        stop: The strings at which an answer ends.
        n: The number of answers in the stream.
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
            # The model wrote it before the failure.
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
    """Check whether the container goes on with an answer of which no more is wanted."""
    return not all(answer.container_ended for answer in answers.values())


class _CutAnswer:
    """One answer of a stream that is cut.

    Attributes:
        ended: Whether its last piece was passed on.
        container_ended: Whether the container has ended it.
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
        """Take the next piece; yield what can be passed on of it and of the text held back before it."""
        self.container_ended |= piece.finish_reason is not None
        if self.ended:
            # The model would have ended here: of what it wrote beyond, only the counts are wanted.
            piece = piece._replace(reasoning="", tool_calls=())
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
        # Calls of tools come after the text, and so after its end.
        calls = () if stopped else piece.tool_calls
        found = piece._replace(text=text, logprobs=logprobs, finish_reason=finish_reason, tool_calls=calls)
        if any((text, logprobs, finish_reason, found.usage, found.reasoning, found.tool_calls)):
            yield found

    def rest(self) -> Iterator[Piece]:
        """Yield the text held back, when nothing follows it."""
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
    """The position of a token in its answer, in characters."""

    start: int
    end: int
    token: TokenLogprob


def _spans(text: str, logprobs: Sequence[TokenLogprob], offset: int) -> list[_Span]:
    """Return the positions of a text's tokens in turn; containers' tokens do not always add up to the text."""
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
    return completion._replace(text=text, finish_reason="stop", logprobs=tokens, tool_calls=())
