"""Write an answer as the events of OpenAI's Responses stream; the last one's Response is the whole answer."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from invoke_shim.generation.types import Answer, FinishReason, Piece, TokenLogprob, ToolCallPiece, Usage, pieces_of
from invoke_shim.openai.chunks import Stream
from invoke_shim.openai.responses_api import answer
from invoke_shim.openai.responses_api.answer import Status

Event = dict[str, Any]

_INCOMPLETE: Mapping[FinishReason, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""The reason of an answer that is not complete, by how it ended."""


def encode_event(event: Event) -> bytes:
    """Encode a server-sent event that has its type as its name, too; JSON in ASCII has no line breaks of its own."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode("ascii")


def whole_response(*, model: str, echo: Mapping[str, Any], found: Answer) -> dict[str, Any]:
    """Build the Response of a whole answer.

    Args:
        model: The model's name to clients.
        echo: The members that repeat the request.
        found: The answer, of one completion.
    """
    response: dict[str, Any] = {}
    for event in EventWriter(model=model, echo=echo).write(pieces_of(found)):
        response = event.get("response", response)
    return response


class EventWriter:
    """Writes the events of one answer.

    Args:
        model: The model's name to clients.
        echo: The members of the response that repeat the request.
    """

    def __init__(self, *, model: str, echo: Mapping[str, Any]) -> None:
        self._response = answer.new_response(model=model, echo=echo)
        self._events = 0
        self._items: list[_Item] = []
        # The item whose text goes on, and the calls by their positions: a container may write several at once.
        self._text: _Text | None = None
        self._calls: dict[int, _Call] = {}

    def encoded(self, stream: Stream) -> Iterator[bytes]:
        """Yield the encoded events of a stream, and record its texts."""
        for event in self.write(_recorded(stream)):
            yield encode_event(event)

    def write(self, pieces: Iterator[Piece]) -> Iterator[Event]:
        """Yield the events of an answer.

        An item ends where another one begins, but calls, which end with the answer.
        """
        for kind in ("response.created", "response.in_progress"):
            yield self._event({"type": kind, "response": self._response})
        reason, usage = "", Usage()
        for piece in pieces:
            for event in self._take(piece):
                yield self._event(event)
            reason = _INCOMPLETE.get(piece.finish_reason, "") if piece.finish_reason is not None else reason
            usage = piece.usage or usage
        if not self._calls and not any(isinstance(item, _Message) for item in self._items):
            # Clients look for a message or a call: an answer of nothing is an empty message.
            for event in self._take_text(_Message, "", ()):
                yield self._event(event)
        for item in self._items:
            if item.status == "in_progress":
                is_cut = bool(reason) and item is self._items[-1]
                for event in item.end("incomplete" if is_cut else "completed"):
                    yield self._event(event)
        status: Status = "incomplete" if reason else "completed"
        self._response = {
            **self._response,
            "status": status,
            "completed_at": None if reason else int(time.time()),
            "incomplete_details": {"reason": reason} if reason else None,
            "output": self._output(),
            "usage": answer.usage_members(usage),
        }
        yield self._event({"type": f"response.{status}", "response": self._response})

    def encode_error(self, error: Mapping[str, Any]) -> bytes:
        """Encode the end of a stream that broke off: the error, which OpenAI's SDK raises, and the failed response.

        Args:
            error: OpenAI's error object.
        """
        # OpenAI's reference has the members in the event itself; its servers send, and its SDKs look for, `error`.
        members = error["error"]
        flat = {name: members[name] for name in ("code", "message", "param")}
        self._response = {
            **self._response,
            "status": "failed",
            "error": {"code": answer.error_code(members), "message": members["message"]},
            "output": self._output(),
        }
        events = ({"type": "error", **flat, **error}, {"type": "response.failed", "response": self._response})
        return b"".join(encode_event(self._event(event)) for event in events)

    def _event(self, event: Event) -> Event:
        self._events += 1
        return {**event, "sequence_number": self._events - 1}

    def _output(self) -> list[dict[str, Any]]:
        return [item.document("incomplete" if item.status == "in_progress" else item.status) for item in self._items]

    def _take(self, piece: Piece) -> Iterator[Event]:
        if piece.reasoning:
            yield from self._take_text(_Reasoning, piece.reasoning, ())
        if piece.text or piece.logprobs:
            yield from self._take_text(_Message, piece.text, piece.logprobs)
        for call in piece.tool_calls:
            yield from self._take_call(call)

    def _take_text(self, kind: "type[_Text]", text: str, logprobs: tuple[TokenLogprob, ...]) -> Iterator[Event]:
        if not isinstance(self._text, kind):
            yield from self._end_text()
            self._text = kind(len(self._items))
            self._items.append(self._text)
            yield from self._text.begin()
        if text or logprobs:
            yield self._text.take(text, logprobs)

    def _take_call(self, piece: ToolCallPiece) -> Iterator[Event]:
        call = self._calls.get(piece.position)
        if call is None:
            yield from self._end_text()
            call = self._calls[piece.position] = _Call(len(self._items), piece.id or "", piece.name or "")
            self._items.append(call)
            yield from call.begin()
        if piece.arguments:
            yield call.take(piece.arguments)

    def _end_text(self) -> Iterator[Event]:
        if self._text is not None:
            yield from self._text.end("completed")
            self._text = None


class _Item:
    """An item of the output, as far as it has come.

    Args:
        prefix: The beginning of its id.
        index: Its position in the output.

    Attributes:
        status: Its status; in progress until its end.
    """

    def __init__(self, prefix: str, index: int) -> None:
        self.status: Status = "in_progress"
        self._id = answer.new_id(prefix)
        self._index = index
        self._texts: list[str] = []

    def document(self, status: Status) -> dict[str, Any]:
        """Return the item."""
        raise NotImplementedError

    def begin(self) -> Iterator[Event]:
        """Yield its first events; nothing has been taken yet."""
        raise NotImplementedError

    def end(self, status: Status) -> Iterator[Event]:
        """Yield its last events."""
        raise NotImplementedError

    def _added(self, document: dict[str, Any]) -> Event:
        return {"type": "response.output_item.added", "output_index": self._index, "item": document}

    def _done(self, status: Status) -> Event:
        self.status = status
        return {"type": "response.output_item.done", "output_index": self._index, "item": self.document(status)}


class _Text(_Item):
    """An item of one part of text; what the two kinds of it differ in is the kind's own."""

    prefix: str
    kind: str

    def __init__(self, index: int) -> None:
        super().__init__(self.prefix, index)
        self._logprobs: list[TokenLogprob] = []

    def part(self) -> dict[str, Any]:
        """Return the part, as far as it has come."""
        raise NotImplementedError

    def item(self, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
        """Return the item of these parts."""
        raise NotImplementedError

    def logprobs(self, tokens: list[TokenLogprob]) -> dict[str, Any]:
        """Return the members of an event that are log probabilities."""
        raise NotImplementedError

    def document(self, status: Status) -> dict[str, Any]:
        return self.item([self.part()], status)

    def begin(self) -> Iterator[Event]:
        yield self._added(self.item([], "in_progress"))
        yield self._event("content_part.added", part=self.part())

    def take(self, text: str, logprobs: tuple[TokenLogprob, ...]) -> Event:
        self._texts.append(text)
        self._logprobs += logprobs
        return self._event(f"{self.kind}.delta", delta=text, **self.logprobs([*logprobs]))

    def end(self, status: Status) -> Iterator[Event]:
        yield self._event(f"{self.kind}.done", text="".join(self._texts), **self.logprobs(self._logprobs))
        yield self._event("content_part.done", part=self.part())
        yield self._done(status)

    def _event(self, kind: str, **members: Any) -> Event:
        place = {"item_id": self._id, "output_index": self._index, "content_index": 0}
        return {"type": f"response.{kind}", **place, **members}


class _Message(_Text):
    """A message."""

    prefix = "msg"
    kind = "output_text"

    def part(self) -> dict[str, Any]:
        return answer.text_part("".join(self._texts), self._logprobs)

    def item(self, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
        return answer.message(self._id, parts, status)

    def logprobs(self, tokens: list[TokenLogprob]) -> dict[str, Any]:
        # An event's have no bytes.
        return {"logprobs": [_without_bytes(entry) for entry in answer.token_logprobs(tokens)]}


class _Reasoning(_Text):
    """The model's reasoning."""

    prefix = "rs"
    kind = "reasoning_text"

    def part(self) -> dict[str, Any]:
        return answer.reasoning_part("".join(self._texts))

    def item(self, parts: list[dict[str, Any]], status: Status) -> dict[str, Any]:
        return answer.reasoning(self._id, parts, status)

    def logprobs(self, tokens: list[TokenLogprob]) -> dict[str, Any]:
        return {}


class _Call(_Item):
    """A call of a function.

    Args:
        index: Its position in the output.
        call_id: The call's id, which its result will name.
        name: The function's name.
    """

    def __init__(self, index: int, call_id: str, name: str) -> None:
        super().__init__("fc", index)
        self._call_id = call_id
        self._name = name

    def document(self, status: Status) -> dict[str, Any]:
        return answer.function_call(self._id, self._call_id, self._name, "".join(self._texts), status)

    def begin(self) -> Iterator[Event]:
        yield self._added(self.document("in_progress"))

    def take(self, arguments: str) -> Event:
        self._texts.append(arguments)
        return self._event("delta", delta=arguments)

    def end(self, status: Status) -> Iterator[Event]:
        yield self._event("done", name=self._name, arguments="".join(self._texts))
        yield self._done(status)

    def _event(self, kind: str, **members: Any) -> Event:
        place = {"item_id": self._id, "output_index": self._index}
        return {"type": f"response.function_call_arguments.{kind}", **place, **members}


def _recorded(stream: Stream) -> Iterator[Piece]:
    for piece in stream.pieces:
        stream.log.record_answer(piece.reasoning)
        stream.log.record_answer(piece.text)
        for call in piece.tool_calls:
            stream.log.record_answer(f"{call.name or ''}{call.arguments}")
        yield piece


def _without_bytes(entry: dict[str, Any]) -> dict[str, Any]:
    top = [{"token": other["token"], "logprob": other["logprob"]} for other in entry["top_logprobs"]]
    return {"token": entry["token"], "logprob": entry["logprob"], "top_logprobs": top}
