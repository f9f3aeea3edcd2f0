"""One warm execution environment of a function: a process that serves one invocation at a time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from localaws.functions.spec import FunctionSpec, command_of, environment_of

# Lambda gives the initialization 10 s; a laptop that starts ten functions at once is slower than Lambda.
_INITIALIZATION_SECONDS: Final = 60
_OUTPUT_GRACE_SECONDS: Final = 1
_MEMORY_POLL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One event for a function.

    Attributes:
        request_id: a UUID.
        trace_id: the value of the ``X-Amzn-Trace-Id`` header.
        event: the event as JSON text.
    """

    request_id: str
    trace_id: str
    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an invocation.

    Attributes:
        payload: the answer, or the description of the error, as JSON text.
        is_error: whether the function failed.
        output: the lines that the function wrote.
        duration_ms: how long it ran.
        initialization_ms: how long the worker took to start; None if it was warm.
        peak_memory_mb: the most memory that the worker held so far, in MiB.
    """

    payload: str
    is_error: bool
    output: tuple[str, ...]
    duration_ms: float
    initialization_ms: float | None
    peak_memory_mb: int


class Worker:
    """A process that runs a function's code.

    Attributes:
        spec: the state of the function that it serves.
        log_stream: the log stream of its output, named as Lambda names it.
        is_usable: whether it can take another invocation.
    """

    def __init__(self, spec: FunctionSpec, code: Path) -> None:
        """Start the process; `code` is the folder with the function's files."""
        self.spec = spec
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{spec.version}]{uuid.uuid4().hex}"
        self.is_usable = True
        self._frames: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._initialization_ms: float | None = None
        self._peak_memory_mb = 0
        self._started = time.monotonic()
        result_read, result_write = os.pipe()
        environment = environment_of(spec, code=code, log_stream=self.log_stream)
        try:
            self._process = subprocess.Popen(
                command_of(spec),
                cwd=code,
                env={**environment, "LOCALAWS_RESULT_FD": str(result_write)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(result_write,),
                start_new_session=True,
            )
        finally:
            os.close(result_write)
        for target, stream in (
            (self._read_frames, os.fdopen(result_read, "rb")),
            (self._read_lines, self._process.stdout),
        ):
            threading.Thread(target=target, args=(stream,), name=f"worker-{spec.name}", daemon=True).start()

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run one invocation; the first waits for the process to have loaded the function's code."""
        initialization_ms = None
        if self._initialization_ms is None:
            failure = self._await_initialization(invocation)
            if failure is not None:
                return failure
            initialization_ms = self._initialization_ms

        started = time.monotonic()
        timeout = self.spec.timeout_seconds
        self._send(
            {
                "request_id": invocation.request_id,
                "trace_id": invocation.trace_id,
                "function_arn": self.spec.arn,
                "deadline_ms": round((time.time() + timeout) * 1000),
                "event": invocation.event,
            }
        )
        frame, failure_document = self._await_frame(started + timeout, invocation)
        if failure_document is None and frame is None:
            failure_document = self._exit_error(invocation)
        if failure_document is not None:
            self.kill()
        output = self._output_of(invocation.request_id)
        if failure_document is not None and failure_document["errorType"] == "Sandbox.Timedout":
            output += (failure_document["errorMessage"].replace("RequestId: ", "").replace("Error: ", ""),)
        return self._outcome(frame, failure_document, output, started, initialization_ms)

    def kill(self) -> None:
        """End the process and all that it started."""
        self.is_usable = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()

    def _await_initialization(self, invocation: Invocation) -> Outcome | None:
        frame, failure = self._await_frame(self._started + _INITIALIZATION_SECONDS, invocation)
        if frame is not None and frame["kind"] == "ready":
            self._initialization_ms = (time.monotonic() - self._started) * 1000
            return None
        if frame is not None:
            failure = {**frame["error"], "requestId": invocation.request_id}
        elif failure is None:
            failure = self._exit_error(invocation)
        self.kill()
        return self._outcome(None, failure, self._output_of(""), self._started, None)

    def _await_frame(
        self, deadline: float, invocation: Invocation
    ) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Wait for the worker's next frame.

        Returns:
            The frame, or None where the process has ended; and the description of the error where the wait ended
            for another reason: Lambda's of a timeout, or of a process that was killed for its memory.
        """
        request = f"RequestId: {invocation.request_id} Error:"
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                message = f"{request} Task timed out after {self.spec.timeout_seconds:.2f} seconds"
                return None, {"errorType": "Sandbox.Timedout", "errorMessage": message}
            try:
                frame = self._frames.get(timeout=min(remaining, _MEMORY_POLL_SECONDS))
            except queue.Empty:
                frame = None
                is_over = False
            else:
                is_over = True
            self._peak_memory_mb = max(self._peak_memory_mb, _memory_mb(self._process.pid))
            if self._peak_memory_mb > self.spec.memory_mb:
                message = f"{request} Runtime exited with error: signal: killed"
                return None, {"errorType": "Runtime.OutOfMemory", "errorMessage": message}
            if is_over:
                return frame, None

    def _exit_error(self, invocation: Invocation) -> dict[str, Any]:
        status = self._process.wait()
        reason = f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}"
        message = f"RequestId: {invocation.request_id} Error: Runtime exited with error: {reason}"
        return {"errorType": "Runtime.ExitError", "errorMessage": message}

    def _outcome(
        self,
        frame: Mapping[str, Any] | None,
        failure: Mapping[str, Any] | None,
        output: tuple[str, ...],
        started: float,
        initialization_ms: float | None,
    ) -> Outcome:
        if failure is None and frame is not None and frame["kind"] == "error":
            failure = frame["error"]
        payload = frame["payload"] if failure is None and frame is not None else json.dumps(failure)
        return Outcome(
            payload=payload,
            is_error=failure is not None,
            output=output,
            duration_ms=(time.monotonic() - started) * 1000,
            initialization_ms=initialization_ms,
            peak_memory_mb=self._peak_memory_mb,
        )

    def _output_of(self, request_id: str) -> tuple[str, ...]:
        """Return the lines up to the mark that ends the output of an invocation, or up to the end of the output."""
        lines: list[str] = []
        deadline = time.monotonic() + _OUTPUT_GRACE_SECONDS
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=remaining)
            except queue.Empty:
                break
            if line is None or line == f"\0{request_id}":
                break
            lines.append(line)
        return tuple(lines)

    def _send(self, document: Mapping[str, Any]) -> None:
        frame = json.dumps(document).encode()
        if self._process.stdin is None:
            raise AssertionError("the process was started with a pipe as its standard input")
        # Of a process that has ended between two invocations the wait for its answer finds out.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(len(frame).to_bytes(4, "big") + frame)
            self._process.stdin.flush()

    def _read_frames(self, stream: IO[bytes]) -> None:
        with stream:
            while len(header := stream.read(4)) == 4:
                self._frames.put(json.loads(stream.read(int.from_bytes(header, "big"))))
        self._frames.put(None)

    def _read_lines(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)


def _memory_mb(pid: int) -> int:
    """Return how much memory a process has of its own, in MiB; 0 where the system does not say (no ``/proc``)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        # Pages of files, such as the interpreter's own, are the system's: Lambda does not count them either.
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) // 1024
    return 0
