"""The channel to `lambda_python.py` and `lambda_node.js`: frames of JSON, events on standard input, results on a pipe.

A frame is four bytes of length, big-endian, then JSON. The answer of an invocation is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
from collections.abc import Mapping
from typing import IO, Any

from localaws.functions.channel import (
    Begun,
    Chunk,
    Ended,
    Finished,
    InitializationFailed,
    Invocation,
    Message,
    Ready,
    too_large,
)


class Frames:
    """A pipe each way."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        events_read, events_write = os.pipe()
        results_read, results_write = os.pipe()
        self._events: IO[bytes] = os.fdopen(events_write, "wb")
        self._is_loaded = False
        self._limit = 0
        self.stdin = events_read
        self.descriptors = (results_write,)
        threading.Thread(target=self._read, args=(os.fdopen(results_read, "rb"),), name="frames", daemon=True).start()

    @property
    def variables(self) -> Mapping[str, str]:
        """The number of the process's end for results."""
        return {"LOCALAWS_RESULT_FD": str(self.descriptors[0])}

    def attach(self) -> None:
        """Close the process's ends, so that its own end is the end of what it says."""
        for descriptor in (self.stdin, *self.descriptors):
            os.close(descriptor)

    def offer(self, invocation: Invocation, *, function_arn: str, deadline_ms: int, limit: int) -> None:
        """Send the event; of a process that has ended between two invocations the wait for its answer finds out."""
        self._limit = limit
        frame = json.dumps(
            {
                "request_id": invocation.request_id,
                "trace_id": invocation.trace_id,
                "function_arn": function_arn,
                "deadline_ms": deadline_ms,
                "event": invocation.event,
            }
        ).encode()
        with contextlib.suppress(BrokenPipeError):
            self._events.write(len(frame).to_bytes(4, "big") + frame)
            self._events.flush()

    def close(self) -> None:
        """Close the pipe of events."""
        with contextlib.suppress(BrokenPipeError):
            self._events.close()

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            while len(header := stream.read(4)) == 4:
                for message in self._messages_of(json.loads(stream.read(int.from_bytes(header, "big")))):
                    self.messages.put(message)
        self.messages.put(Ended())

    def _messages_of(self, frame: Mapping[str, Any]) -> tuple[Message, ...]:
        if frame["kind"] == "ready":
            self._is_loaded = True
            return (Ready(),)
        if frame["kind"] == "error":
            if not self._is_loaded:
                return (InitializationFailed(frame["error"]),)
            return Finished(frame["error"]), Ready()
        payload = frame["payload"].encode()
        if len(payload) > self._limit:
            return Finished(too_large(self._limit)), Ready()
        return Begun("application/json"), Chunk(payload), Finished(None), Ready()
