"""Find the documents in the chunks of InvokeModelWithResponseStream.

Bedrock sends a JSON document in each chunk. That is not documented, and nothing separates the documents but their own
braces; so they are found by those, wherever the chunks begin and end.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from invoke_shim.backends.containers.base import count
from invoke_shim.backends.streams import MAX_EVENT_BYTES, not_understood
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Usage

METRICS = "amazon-bedrock-invocationMetrics"
"""The member that Bedrock adds to the last document of a stream: token counts and latencies."""

_METRICS_MARK = METRICS.encode()
_STRUCTURE = re.compile(rb'["{}]')
_STRING_END = re.compile(rb'["\\]')


class ObjectSplitter:
    """Splits bytes into the JSON objects at their top level; bytes between those are dropped.

    Each byte is looked at once, however the bytes come.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._depth = 0
        self._in_string = False
        self._escaped = False

    @property
    def is_between(self) -> bool:
        """True if every object that has begun is complete."""
        return self._depth == 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes; return the objects that are complete with them.

        Raises:
            ApiError: 502, an object is too long, or this is none.
        """
        found = []
        start = position = 0
        while (match := self._next(data, position)) is not None:
            position = match + 1
            if data[match : match + 1] == b"{":
                if self._depth == 0:
                    start = match
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    found.append(bytes(self._buffer) + data[start:position])
                    self._buffer.clear()
                    start = position
        if self._depth:
            if len(self._buffer) + len(data) - start > MAX_EVENT_BYTES:
                raise not_understood()
            self._buffer += data[start:]
        return found

    def _next(self, data: bytes, position: int) -> int | None:
        """Find the position of the next brace outside of a string."""
        while position < len(data):
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            match = (_STRING_END if self._in_string else _STRUCTURE).search(data, position)
            if match is None:
                return None
            mark = match.group()
            position = match.end()
            if mark == b"\\":
                self._escaped = True
            elif mark == b'"':
                # Between objects, a quotation mark opens nothing.
                self._in_string = self._depth > 0 and not self._in_string
            else:
                return match.start()
        return None


def objects(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the JSON objects of a stream, each as soon as it is complete.

    Raises:
        ApiError: 502, the stream ends within an object, or is no stream of objects.
    """
    splitter = ObjectSplitter()
    for chunk in chunks:
        yield from splitter.feed(chunk)
    if not splitter.is_between:
        raise _cut_off()


class MeteredStream:
    """The objects of a stream without Bedrock's metrics, which are stored.

    Args:
        chunks: The stream, split anywhere.

    Attributes:
        usage: The counts of the metrics, once they have come.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.usage: Usage | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield the objects, but for one that holds nothing but metrics.

        Raises:
            ApiError: See `objects`.
        """
        for document in objects(self._chunks):
            # The mark may stand in the model's text: then it is no key, and nothing is taken out.
            rest = self._without_metrics(document) if _METRICS_MARK in document else document
            if rest is not None:
                yield rest

    def _without_metrics(self, document: bytes) -> bytes | None:
        parsed = parse(document)
        metrics = parsed.pop(METRICS, None)
        if not isinstance(metrics, dict):
            return document
        self.usage = Usage(count(metrics.get("inputTokenCount")), count(metrics.get("outputTokenCount")))
        return json.dumps(parsed).encode("ascii") if parsed else None


def parse(document: bytes) -> dict[str, Any]:
    """Parse a document of a stream, or an answer that is not streamed.

    Raises:
        ApiError: 502, it is no JSON object.
    """
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        raise not_understood() from None
    if not isinstance(parsed, dict):
        raise not_understood()
    return parsed


def _cut_off() -> ApiError:
    return ApiError(
        "the model's answer broke off within Bedrock",
        status=502,
        type="server_error",
        upstream="stream ends within a document",
    )
