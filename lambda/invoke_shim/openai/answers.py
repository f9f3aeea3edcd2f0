"""Send a job to the backend, and make its answers OpenAI's: cut at stop strings, trimmed, choices numbered."""

from collections.abc import Iterator
from typing import NamedTuple

from invoke_shim.backends.base import Backend
from invoke_shim.deadline import Deadline
from invoke_shim.generation.cut import cut_answer, cut_stream
from invoke_shim.generation.trim import trim, trim_stream
from invoke_shim.generation.types import Answer, Completion, GenerationRequest, Piece, Usage


class CompletionJob(NamedTuple):
    """The work of one chat or completion.

    Attributes:
        requests: One or, for a completion of several prompts, more; all with the same `n`.
        end_of_turn: For a chat, whose answers are trimmed, the token that ends them, or ""; None for a completion.
    """

    requests: tuple[GenerationRequest, ...]
    end_of_turn: str | None = None

    @property
    def n(self) -> int:
        """Number of choices per prompt; the same for all prompts of a job."""
        return self.requests[0].generation.n

    @property
    def choices(self) -> int:
        """The number of choices in the answer."""
        return len(self.requests) * self.n

    @property
    def echoes(self) -> tuple[str, ...]:
        """The prompt of each choice; empty for messages."""
        return tuple(request.prompt for request in self.requests if request.prompt is not None for _ in range(self.n))

    @property
    def text(self) -> list[object]:
        """The prompts, or the messages as roles and texts, for the log."""
        return [
            [[message.role, message.content] for message in request.messages] if prompt is None else prompt
            for request in self.requests
            for prompt in (request.prompt,)
        ]


def complete_job(backend: Backend, job: CompletionJob, deadline: Deadline) -> Answer:
    """Return the complete answer.

    Args:
        backend: Answers the prompts.
        job: The prompts or messages.
        deadline: The time by which the answer must be complete.

    Raises:
        ApiError: There is no answer.
    """
    completions: list[Completion] = []
    usage = Usage(0, 0)
    for request in job.requests:
        answer = backend.complete(request, deadline)
        completions += cut_answer(answer, request.generation.stop).completions
        usage = _sum(usage, answer.usage)
    if job.end_of_turn is not None:
        completions = [found._replace(text=trim(found.text, job.end_of_turn)) for found in completions]
    return Answer(completions=tuple(completions), usage=usage)


def stream_job(backend: Backend, job: CompletionJob, deadline: Deadline) -> Iterator[Piece]:
    """Start the answer piece by piece; the first piece has come when this returns.

    Raises:
        ApiError: There is no answer; from the iterator, that it broke off.
    """
    first = backend.stream(job.requests[0], deadline)
    return _stream_all(next(first, None), first, backend, job, deadline)


def _stream_all(
    piece: Piece | None, first: Iterator[Piece], backend: Backend, job: CompletionJob, deadline: Deadline
) -> Iterator[Piece]:
    usage = Usage(0, 0)
    for position, request in enumerate(job.requests):
        raw = _prepend(piece, first) if position == 0 else backend.stream(request, deadline)
        pieces = cut_stream(_end_all(raw, job.n), request.generation.stop, n=job.n)
        if job.end_of_turn is not None:
            pieces = trim_stream(pieces, job.end_of_turn)
        reported = Usage()
        for found in pieces:
            if found.usage is not None:
                reported = found.usage
            yield found._replace(index=position * job.n + found.index, usage=None)
        usage = _sum(usage, reported)
    yield Piece(usage=usage)


def _prepend(piece: Piece | None, rest: Iterator[Piece]) -> Iterator[Piece]:
    if piece is not None:
        yield piece
    yield from rest


def _end_all(pieces: Iterator[Piece], n: int) -> Iterator[Piece]:
    """Give every answer an end, even if the container reported none."""
    open_ones = dict.fromkeys(range(n))
    for piece in pieces:
        if piece.finish_reason is not None:
            open_ones.pop(piece.index, None)
        yield piece
    for index in open_ones:
        yield Piece(index=index, finish_reason="stop")


def _sum(total: Usage, more: Usage) -> Usage:
    """Add both; a count that is unknown in one is unknown in the sum."""
    return Usage(_add(total.prompt_tokens, more.prompt_tokens), _add(total.completion_tokens, more.completion_tokens))


def _add(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
