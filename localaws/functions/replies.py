"""Receivers of a function's answer: of the whole of it, or of each part as it comes."""

from __future__ import annotations

import json
import queue
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

MAX_WHOLE_BYTES: Final = 6_291_556
"""Lambda quotas: 6 MB for the answer of a synchronous invocation; this is the number in Lambda's own message."""

MAX_STREAMED_BYTES: Final = 200 * 1024 * 1024
"""Lambda quotas: 200 MB for a streamed answer. That what is above 6 MB comes at 2 MB/s is not built."""


class Reply(Protocol):
    """Takes an answer."""

    @property
    def limit(self) -> int:
        """The most bytes that the answer may have."""

    def begin(self, content_type: str) -> None:
        """Learn the answer's type, before its first part."""

    def write(self, data: bytes) -> None:
        """Accept a part."""

    def end(self, error: Mapping[str, Any] | None) -> None:
        """Learn that there is no more; `error` is Lambda's description of what went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer.

    Attributes:
        payload: The function's answer, or the description of the error as JSON.
        is_error: Whether the function failed.
    """

    payload: bytes
    is_error: bool


class WholeReply:
    """Collects an answer, as Invoke does."""

    limit = MAX_WHOLE_BYTES

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._error: Mapping[str, Any] | None = None

    def begin(self, content_type: str) -> None:
        """Do nothing: the answer of Invoke is JSON, or whatever the function streamed."""

    def write(self, data: bytes) -> None:
        """Store a part."""
        self._parts.append(data)

    def end(self, error: Mapping[str, Any] | None) -> None:
        """Store the error."""
        self._error = error

    @property
    def answer(self) -> Answer:
        """The answer, once it has ended; of one that broke off only the error is left."""
        if self._error is not None:
            return Answer(payload=json.dumps(self._error).encode(), is_error=True)
        return Answer(payload=b"".join(self._parts), is_error=False)


class StreamedReply:
    """Passes an answer on from the thread that runs the function to the one that reads, as InvokeWithResponseStream.

    A reader that goes away does not stop the function (Lambda documentation, "Response streaming for Lambda
    functions").

    Attributes:
        content_type: The answer's type, known from the first part on.
        error: Lambda's description of what went wrong, once the answer has ended.
    """

    limit = MAX_STREAMED_BYTES

    def __init__(self) -> None:
        self.content_type = "application/octet-stream"
        self.error: Mapping[str, Any] | None = None
        self._parts: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()

    def begin(self, content_type: str) -> None:
        """Store the type."""
        self.content_type = content_type

    def write(self, data: bytes) -> None:
        """Pass a part on."""
        self._parts.put(data)

    def end(self, error: Mapping[str, Any] | None) -> None:
        """Pass the end on."""
        self.error = error
        self._parts.put(None)

    def refuse(self, reason: Exception) -> None:
        """Make `read` raise `reason`: the function does not run."""
        self._parts.put(reason)

    def read(self, *, seconds: float | None = None) -> bytes | None:
        """Wait for the next part; None at the end.

        Args:
            seconds: Longest time to wait; None: as long as it takes.

        Raises:
            TimeoutError: If nothing came in that time.
        """
        try:
            part = self._parts.get(timeout=None if seconds is None else max(0.0, seconds))
        except queue.Empty:
            raise TimeoutError(f"nothing came within {seconds} s") from None
        if isinstance(part, Exception):
            raise part
        return part
