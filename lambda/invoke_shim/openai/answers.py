"""Send a job to the backend, and make its answers OpenAI's: cut at stop strings, trimmed, choices numbered."""

from collections.abc import Iterator
from typing import NamedTuple

from invoke_shim.backends.base import Backend
from invoke_shim.deadline import Deadline
from invoke_shim.errors import TOO_LONG, ApiError
from invoke_shim.generation.cut import cut_answer, cut_stream
from invoke_shim.generation.trim import trim, trim_stream
from invoke_shim.generation.types import Answer, Completion, GenerationRequest, Piece, Usage
from invoke_shim.openai.calls import complete_calls, stream_calls
from invoke_shim.openai.usage import NONE, Counter, add, complete_usage
from invoke_shim.telemetry.request_log import RequestLog


class CompletionJob(NamedTuple):
    """The work of one chat or completion.

    Attributes:
        requests: One or, for a completion of several prompts, more; all with the same `n`.
        end_of_turn: For a chat, whose answers are trimmed, the token that ends them, or ""; None for a completion.
        limited: Whether the client has set the most tokens of an answer; otherwise the shim may set fewer.
    """

    requests: tuple[GenerationRequest, ...]
    end_of_turn: str | None = None
    limited: bool = True

    @property
    def n(self) -> int:
        """Number of choices per prompt; the same for all prompts of a job."""
        return self.requests[0].generation.n

    @property
    def choices(self) -> int:
        """The number of choices in the answer."""
        return len(self.requests) * self.n

    @property
    def parallel(self) -> bool:
        """True if an answer may have several calls of tools."""
        tools = self.requests[0].generation.tools
        return tools is None or tools.parallel is not False

    @property
    def echoes(self) -> tuple[str, ...]:
        """The prompt of each choice; empty for messages."""
        return tuple(request.prompt for request in self.requests if request.prompt is not None for _ in range(self.n))

    @property
    def text(self) -> list[object]:
        """The prompts, or the messages as roles and texts, for the log."""
        return [
            [[message.role, message.content] for message in request.messages]
            if request.prompt is None
            else request.prompt or list(request.token_ids)
            for request in self.requests
        ]


class Asker(NamedTuple):
    """The means to answer one request.

    Attributes:
        backend: Answers the prompts.
        deadline: The time by which the answer must have begun, and be complete if it is not streamed.
        log: Gets to know the counts that the container told.
        counter: Counts the tokens that the container does not tell; None where they are left out, or not wanted.
    """

    backend: Backend
    deadline: Deadline
    log: RequestLog
    counter: Counter | None = None


def complete_job(job: CompletionJob, asker: Asker) -> Answer:
    """Return the complete answer.

    Raises:
        ApiError: There is no answer.
    """
    completions: list[Completion] = []
    told, usage = NONE, NONE
    for request in job.requests:
        answer = cut_answer(_complete(job, request, asker), _stop(request))
        found = [_finish(completion, job) for completion in answer.completions]
        completions += found
        told = add(told, answer.usage)
        texts = (part for completion in found for part in _texts(completion))
        usage = add(usage, complete_usage(answer.usage, request, texts, asker.counter))
    asker.log.usage = told
    return Answer(tuple(completions), usage)


def _finish(completion: Completion, job: CompletionJob) -> Completion:
    if job.end_of_turn is not None:
        completion = completion._replace(text=trim(completion.text, job.end_of_turn))
    return complete_calls(completion, parallel=job.parallel)


def _complete(job: CompletionJob, request: GenerationRequest, asker: Asker) -> Answer:
    try:
        return asker.backend.complete(request, asker.deadline)
    except ApiError as error:
        shorter = _without_limit(job, request, error, asker)
        if shorter is None:
            raise
    return asker.backend.complete(shorter, asker.deadline)


def stream_job(job: CompletionJob, asker: Asker) -> Iterator[Piece]:
    """Start the answer piece by piece; the first piece has come when this returns.

    Raises:
        ApiError: There is no answer; from the iterator, that it broke off.
    """
    first = _start(job, job.requests[0], asker)
    return _stream_all(first, job, asker)


def _start(job: CompletionJob, request: GenerationRequest, asker: Asker) -> Iterator[Piece]:
    """Start the answer to one prompt; its first piece has come when this returns."""
    rest = asker.backend.stream(request, asker.deadline)
    try:
        return _prepend(next(rest, None), rest)
    except ApiError as error:
        shorter = _without_limit(job, request, error, asker)
        if shorter is None:
            raise
    rest = asker.backend.stream(shorter, asker.deadline)
    return _prepend(next(rest, None), rest)


def _without_limit(
    job: CompletionJob, request: GenerationRequest, error: ApiError, asker: Asker
) -> GenerationRequest | None:
    """Return a request whose declared length of answer does not fit after its prompt, for as many tokens as fit.

    None for any other request or error. The container has generated nothing yet.
    """
    if error.code != TOO_LONG or job.limited or request.generation.max_tokens is None or not asker.backend.rules.fills:
        return None
    return request._replace(generation=request.generation._replace(max_tokens=None))


def _stream_all(first: Iterator[Piece], job: CompletionJob, asker: Asker) -> Iterator[Piece]:
    told, usage = NONE, NONE
    for position, request in enumerate(job.requests):
        raw = first if position == 0 else _start(job, request, asker)
        pieces = cut_stream(_end_all(raw, job.n), _stop(request), n=job.n)
        if job.end_of_turn is not None:
            pieces = trim_stream(pieces, job.end_of_turn)
        texts: list[str] = []
        reported = Usage()
        for found in stream_calls(pieces, parallel=job.parallel):
            if found.usage is not None:
                reported = found.usage
            if asker.counter is not None:
                texts += (found.text, found.reasoning, *(call.arguments for call in found.tool_calls))
            yield found._replace(index=position * job.n + found.index, usage=None)
        told = add(told, reported)
        usage = add(usage, complete_usage(reported, request, texts, asker.counter))
    asker.log.usage = told
    yield Piece(usage=usage)


def _stop(request: GenerationRequest) -> tuple[str, ...]:
    """Return the strings at which the shim cuts: none where the container echoes the prompt, which may hold them."""
    return () if request.generation.echo else request.generation.stop


def _texts(completion: Completion) -> Iterator[str]:
    yield completion.text
    yield completion.reasoning
    for call in completion.tool_calls:
        yield call.arguments


def _prepend(piece: Piece | None, rest: Iterator[Piece]) -> Iterator[Piece]:
    """Yield a piece that came already before the others, and close those in the end."""
    try:
        if piece is not None:
            yield piece
        yield from rest
    finally:
        close = getattr(rest, "close", None)
        if close is not None:
            close()


def _end_all(pieces: Iterator[Piece], n: int) -> Iterator[Piece]:
    """Give every answer an end, even if the container reported none."""
    open_ones = dict.fromkeys(range(n))
    for piece in pieces:
        if piece.finish_reason is not None:
            open_ones.pop(piece.index, None)
        yield piece
    for index in open_ones:
        yield Piece(index=index, finish_reason="stop")
