"""Give the calls of an answer OpenAI's form: ids, names first, positions from 0 on; whole and in pieces."""

import os
from collections.abc import Iterator

from invoke_shim.generation.types import Completion, FinishReason, Piece, ToolCallPiece


def complete_calls(completion: Completion, *, parallel: bool) -> Completion:
    """Give the calls of a whole answer their ids, and the answer the finish reason that goes with them.

    Args:
        completion: The answer.
        parallel: Whether the client takes several calls at once; otherwise the first one is all.
    """
    if not completion.tool_calls:
        return completion
    calls = completion.tool_calls if parallel else completion.tool_calls[:1]
    calls = tuple(call if call.id else call._replace(id=_new_id()) for call in calls)
    return completion._replace(tool_calls=calls, finish_reason=_reason(completion.finish_reason))


def stream_calls(pieces: Iterator[Piece], *, parallel: bool) -> Iterator[Piece]:
    """Give the calls of a streamed answer the form that `complete_calls` gives those of the whole.

    Each call's first piece has its id and its name, and no piece has calls after the answer's end. Characters of
    arguments that come before the name are held back.
    """
    answers: dict[int, _Calls] = {}
    for piece in pieces:
        calls = answers.get(piece.index)
        if calls is None and not piece.tool_calls:
            # Most answers have no calls.
            yield piece
            continue
        calls = calls or answers.setdefault(piece.index, _Calls(parallel=parallel))
        found = [read for call in piece.tool_calls for read in calls.take(call)]
        reason = piece.finish_reason
        if reason is not None:
            found += calls.rest()
            reason = _reason(reason)
        if any((piece.text, piece.logprobs, reason, piece.usage, piece.reasoning, found)):
            yield piece._replace(tool_calls=tuple(found), finish_reason=reason)


class _Calls:
    """The calls of one streamed answer, as far as they have come."""

    def __init__(self, *, parallel: bool) -> None:
        self._parallel = parallel
        self._calls: dict[int, _Call] = {}

    def take(self, piece: ToolCallPiece) -> Iterator[ToolCallPiece]:
        call = self._calls.get(piece.position)
        if call is None:
            call = self._calls[piece.position] = _Call(len(self._calls))
        if self._parallel or call.position == 0:
            yield from call.take(piece)

    def rest(self) -> Iterator[ToolCallPiece]:
        for call in self._calls.values():
            if self._parallel or call.position == 0:
                yield from call.rest()


class _Call:
    """One call of a streamed answer.

    Args:
        position: Its position among the calls of its answer.
    """

    def __init__(self, position: int) -> None:
        self.position = position
        self._id = ""
        self._held = ""
        self._named = False

    def take(self, piece: ToolCallPiece) -> Iterator[ToolCallPiece]:
        self._id = self._id or piece.id or ""
        if self._named:
            if piece.arguments:
                yield ToolCallPiece(self.position, arguments=piece.arguments)
            return
        self._held += piece.arguments
        if piece.name:
            yield self._first(piece.name)

    def rest(self) -> Iterator[ToolCallPiece]:
        """Yield a call that never got a name."""
        if not self._named:
            yield self._first("")

    def _first(self, name: str) -> ToolCallPiece:
        self._named = True
        return ToolCallPiece(self.position, self._id or _new_id(), name, self._held)


def _new_id() -> str:
    return f"call_{os.urandom(12).hex()}"


def _reason(reason: FinishReason) -> FinishReason:
    """Return the finish reason of an answer with calls; some containers say "stop" of a call that was forced."""
    return "tool_calls" if reason == "stop" else reason
