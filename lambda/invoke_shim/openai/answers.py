"""Asking the backend, and making its answers OpenAI's: cut at stop strings, trimmed, in one count of choices."""

from collections.abc import Iterator
from typing import NamedTuple

from invoke_shim.backends.base import Backend
from invoke_shim.deadline import Deadline
from invoke_shim.generation.cut import cut_answer, cut_stream
from invoke_shim.generation.trim import trim, trim_stream
from invoke_shim.generation.types import Answer, Completion, GenerationRequest, Piece, Usage


class CompletionJob(NamedTuple):
    """What one request asks for.

    Attributes:
        asks: one or, for a completion of several prompts, more; each as many choices as its `n`.
        end_of_turn: for a chat, whose answers are trimmed, the token that ends them, or ""; None for a completion.
    """

    requests: tuple[GenerationRequest, ...]
    end_of_turn: str | None = None

    @property
    def n(self) -> int:
        """Choices of each ask, which all ask alike."""
        return self.requests[0].generation.n

    @property
    def choices(self) -> int:
        """How many choices the answer has."""
        return len(self.requests) * self.n

    @property
    def echoes(self) -> tuple[str, ...]:
        """The prompt of each choice; empty for messages."""
        return tuple(request.prompt for request in self.requests if request.prompt is not None for _ in range(self.n))

    @property
    def text(self) -> list[object]:
        """What is asked, for the log: the prompts, or the messages as roles and texts."""
        return [
            [[message.role, message.content] for message in request.messages] if prompt is None else prompt
            for request in self.requests
            for prompt in (request.prompt,)
        ]


def complete_job(backend: Backend, job: CompletionJob, deadline: Deadline) -> Answer:
    """All of the answer.

    Args:
        backend: where prompts are answered.
        job: what is asked.
        deadline: when the answer must be there.

    Raises:
        ApiError: there is no answer.
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
    """The answer piece by piece, the first of which has come already when this returns.

    Raises:
        ApiError: there is no answer; from the iterator, that it broke off.
    """
    first = backend.stream(job.requests[0], deadline)
    return _rest(next(first, None), first, backend, job, deadline)


def _rest(
    piece: Piece | None, first: Iterator[Piece], backend: Backend, job: CompletionJob, deadline: Deadline
) -> Iterator[Piece]:
    usage = Usage(0, 0)
    for position, request in enumerate(job.requests):
        raw = _resumed(piece, first) if position == 0 else backend.stream(request, deadline)
        pieces = cut_stream(_ended(raw, job.n), request.generation.stop, n=job.n)
        if job.end_of_turn is not None:
            pieces = trim_stream(pieces, job.end_of_turn)
        told = Usage()
        for found in pieces:
            if found.usage is not None:
                told = found.usage
            yield found._replace(index=position * job.n + found.index, usage=None)
        usage = _sum(usage, told)
    yield Piece(usage=usage)


def _resumed(piece: Piece | None, rest: Iterator[Piece]) -> Iterator[Piece]:
    if piece is not None:
        yield piece
    yield from rest


def _ended(pieces: Iterator[Piece], n: int) -> Iterator[Piece]:
    """Every answer has an end, also where the container told of none."""
    open_ones = dict.fromkeys(range(n))
    for piece in pieces:
        if piece.finish_reason is not None:
            open_ones.pop(piece.index, None)
        yield piece
    for index in open_ones:
        yield Piece(index=index, finish_reason="stop")


def _sum(total: Usage, more: Usage) -> Usage:
    """Both together; what is unknown in one is unknown in the sum."""
    return Usage(_add(total.prompt_tokens, more.prompt_tokens), _add(total.completion_tokens, more.completion_tokens))


def _add(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
