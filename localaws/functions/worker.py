"""One warm execution environment of a function: a process that serves one invocation at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from localaws.functions.messages import (
    Begun,
    Chunk,
    Finished,
    InitializationFailed,
    Invocation,
    Message,
    Ready,
)
from localaws.functions.output import Output
from localaws.functions.replies import Reply
from localaws.functions.runtime_api import RuntimeApi
from localaws.functions.spec import FunctionSpec, command_of, environment_of

# Lambda gives the initialization 10 s; a laptop that starts ten functions at once is slower than Lambda.
_INITIALIZATION_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1
_LAST_WORDS_SECONDS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of an invocation.

    Attributes:
        error: Lambda's description of why there is no answer, or no whole one; None: there is.
        is_failure: Whether the invocation failed, be it after its answer.
        output: The lines that the function wrote.
        duration_ms: Time that it ran.
        initialization_ms: Time that the worker took to start; None if it was warm.
        peak_memory_mb: The most memory that the worker held so far, in MiB.
    """

    error: Mapping[str, Any] | None
    is_failure: bool
    output: tuple[str, ...]
    duration_ms: float
    initialization_ms: float | None
    peak_memory_mb: int


class _FailedError(Exception):
    """The process can do no more; the argument is Lambda's description."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["errorMessage"])
        self.error = error


class Worker:
    """A process that runs a function's code.

    Attributes:
        spec: The state of the function that it serves.
        log_stream: The log stream of its output, named as Lambda names it.
        is_usable: Whether it can take another invocation.
    """

    def __init__(self, spec: FunctionSpec, code: Path) -> None:
        """Start the process; `code` is the folder with the function's files."""
        self.spec = spec
        self.log_stream = f"{datetime.now(UTC):%Y/%m/%d}/[{spec.version}]{uuid.uuid4().hex}"
        self.is_usable = True
        self._api = RuntimeApi()
        self._output = Output(spec.name)
        self._is_initialized = False
        self._peak_memory_mb = 0
        self._started = time.monotonic()
        environment = environment_of(spec, code=code, log_stream=self.log_stream)
        try:
            self._process = subprocess.Popen(
                command_of(spec, code=code),
                cwd=code,
                env={**environment, **self._api.variables},
                stdin=subprocess.DEVNULL,
                stdout=self._output.descriptor,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except BaseException:
            self._api.close()
            self._output.close()
            raise

    def invoke(self, invocation: Invocation, reply: Reply) -> Outcome:
        """Run one invocation; the first waits for the process to have loaded the function's code.

        Args:
            invocation: The event.
            reply: Takes the parts of the answer; its end, which is in the outcome, is the caller's to pass on.
        """
        started = self._started if not self._is_initialized else time.monotonic()
        initialization_ms: float | None = None
        answer: Finished | None = None
        failure: Mapping[str, Any] | None = None
        try:
            if not self._is_initialized:
                self._initialize(invocation)
                initialization_ms = (time.monotonic() - self._started) * 1000
                started = time.monotonic()
            self._api.offer(
                invocation,
                function_arn=self.spec.arn,
                deadline_ms=int((time.time() + self.spec.timeout_seconds) * 1000),
                limit=reply.limit,
            )
            while not isinstance(message := self._next_message(started + self.spec.timeout_seconds, invocation), Ready):
                match message:
                    case Begun():
                        reply.begin(message.content_type)
                    case Chunk():
                        reply.write(message.data)
                    case Finished():
                        answer, failure = message, message.error
        except _FailedError as failed:
            failure = failed.error
            self.kill()
        duration_ms = (time.monotonic() - started) * 1000
        return Outcome(
            # A process that fails after its answer has answered nevertheless.
            error=failure if answer is None else answer.error,
            is_failure=failure is not None,
            output=(*self._output.lines(), *_last_line(failure)),
            duration_ms=duration_ms,
            initialization_ms=initialization_ms,
            peak_memory_mb=self._peak_memory_mb,
        )

    def kill(self) -> None:
        """End the process and all that it started."""
        self.is_usable = False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._api.close()

    def discard(self) -> None:
        """End the process, if it has not ended, and forget what it wrote."""
        self.kill()
        self._output.close()

    def _initialize(self, invocation: Invocation) -> None:
        """Wait for the function's code to be loaded.

        Raises:
            _FailedError: If it cannot be.
        """
        message = self._next_message(self._started + _INITIALIZATION_SECONDS, invocation)
        if isinstance(message, InitializationFailed):
            raise _FailedError({**message.error, "requestId": invocation.request_id})
        if not isinstance(message, Ready):
            raise AssertionError(f"{message} is not what a process begins with")
        self._is_initialized = True

    def _next_message(self, deadline: float, invocation: Invocation) -> Message:
        """Wait for what the process says next.

        Raises:
            _FailedError: If the time is over, or the process was killed for its memory, or has ended by itself.
        """
        request = f"RequestId: {invocation.request_id} Error:"
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _FailedError(
                    {
                        "errorType": "Sandbox.Timedout",
                        "errorMessage": f"{request} Task timed out after {self.spec.timeout_seconds:.2f} seconds",
                    }
                )
            message: Message | None = None
            # Asked first: what a process says, it says before it ends.
            has_ended = self._process.poll() is not None
            # What it said last may still be on its way; an answer that has begun is told the end of its connection.
            patience = _POLL_SECONDS if not (has_ended and self._api.is_answering) else _LAST_WORDS_SECONDS
            with contextlib.suppress(queue.Empty):
                message = self._api.messages.get(timeout=min(remaining, patience))
            self._peak_memory_mb = max(self._peak_memory_mb, _memory_mb(self._process.pid))
            if self._peak_memory_mb > self.spec.memory_mb:
                raise _FailedError(
                    {
                        "errorType": "Runtime.OutOfMemory",
                        "errorMessage": f"{request} Runtime exited with error: signal: killed",
                    }
                )
            if message is None and has_ended:
                raise _FailedError(self._exit_error(request))
            if message is not None:
                return message

    def _exit_error(self, request: str) -> dict[str, Any]:
        status = self._process.wait()
        reason = f"exit status {status}" if status >= 0 else f"signal: {signal.Signals(-status).name}"
        return {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"{request} Runtime exited with error: {reason}",
        }


def _last_line(failure: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the line that Lambda itself adds to the log of an invocation that took too long."""
    if failure is None or failure["errorType"] != "Sandbox.Timedout":
        return ()
    return (failure["errorMessage"].replace("RequestId: ", "").replace("Error: ", ""),)


def _memory_mb(pid: int) -> int:
    """Return how much memory a process has of its own, in MiB; 0 where the system does not say (no `/proc`)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        # Pages of files, such as the interpreter's own, are the system's: Lambda does not count them either.
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) // 1024
    return 0
