"""The log of one request: recorded while it is answered, written when the answer has ended."""

import time
from typing import Any

from invoke_shim.deadline import ColdWait
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Usage
from invoke_shim.telemetry import logs, metrics

UNKNOWN_ROUTE = "unknown"


class RequestLog:
    """The record of one request.

    Args:
        model: The model's name to clients.
        stack: The stack's name; None where there is none.
        request_id: API Gateway's id of the request, which callers can choose.
        extended_request_id: API Gateway's other id of it, which they cannot; "" without API Gateway.
        method: The HTTP method.
        trace_id: The X-Ray trace that the request is part of.
        cold_wait: The time that the request waits for a model that is not ready.
        log_prompts: Whether the prompt and the answer are logged.

    Attributes:
        route: The route's path as a template, such as "/v1/chat/completions".
        stream: Whether the answer is streamed.
        status: The HTTP status.
        usage: The tokens that the container counted.
        error: The error, before the first byte or after it.
        error_kind: Its kind, of a few.
        crash: The name of the exception that a bug raised.
        where: The frames that raised it.
        prompt: The prompt or the messages; None unless they are logged.
        answer: The answer's parts; empty unless they are logged.
        started: The time of the request, on the monotonic clock.
        first_byte: The start of a streamed answer, on the same clock.
        finished: Whether the line is written.
    """

    def __init__(
        self,
        *,
        model: str,
        stack: str | None = None,
        request_id: str,
        extended_request_id: str = "",
        method: str,
        trace_id: str | None,
        cold_wait: ColdWait,
        log_prompts: bool,
    ) -> None:
        self.model = model
        self.stack = stack
        self.request_id = request_id
        self.extended_request_id = extended_request_id
        self.method = method
        self.trace_id = trace_id
        self.cold_wait = cold_wait
        self.log_prompts = log_prompts
        self.route = UNKNOWN_ROUTE
        self.stream = False
        self.status = 200
        self.usage = Usage()
        self.error: ApiError | None = None
        self.error_kind: str | None = None
        self.crash: str | None = None
        self.where: list[str] | None = None
        self.prompt: object = None
        self.answer: list[str | bytes] = []
        self.started = time.monotonic()
        self.first_byte: float | None = None
        self.finished = False

    def record_first_byte(self) -> None:
        """Record the time of the first byte."""
        self.first_byte = time.monotonic()

    def record_prompt(self, prompt: object) -> None:
        """Record the prompt, where the environment wants it logged."""
        if self.log_prompts:
            self.prompt = prompt

    def record_answer(self, part: str | bytes) -> None:
        """Record a part of the answer, where the environment wants it logged; bytes may be split within a character."""
        if self.log_prompts:
            self.answer.append(part)

    def record_error(self, error: ApiError, *, kind: str | None = None) -> None:
        """Record the error sent to the client; without its traceback, which would keep whole frames alive.

        Args:
            error: The error.
            kind: Its kind, where that is not its type; a timeout is one before the first byte and after it.
        """
        self.error = error.with_traceback(None)
        self.error_kind = "timeout" if error.code == "timeout" else kind or error.type

    def record_crash(self, crash: Exception) -> None:
        """Record the frames of a bug, without its message, which may quote a prompt."""
        self.crash = type(crash).__name__
        self.error_kind = "crash"
        self.where = logs.frames_of(crash.__traceback__)

    def finish(self, *, whole: bool = True) -> None:
        """Write the request's line, once.

        Args:
            whole: Whether all of the answer was read.
        """
        if self.finished:
            return
        self.finished = True
        if not whole and self.error_kind is None:
            self.error_kind = "client_gone"
        outcome = metrics.Outcome(
            route=self.route,
            status=self.status,
            error_kind=self.error_kind,
            stream=self.stream,
            prompt_tokens=self.usage.prompt_tokens,
            completion_tokens=self.usage.completion_tokens,
            first_byte_seconds=None if self.first_byte is None else self.first_byte - self.started,
            seconds=time.monotonic() - self.started,
            cold_wait_seconds=self.cold_wait.seconds,
        )
        metrics.emit(self.model, outcome, self._fields(), self._private(), stack=self.stack)

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "extended_request_id": self.extended_request_id,
            "trace_id": self.trace_id,
            "method": self.method,
            "crash": self.crash,
            "where": self.where,
        }
        if self.error is not None:
            fields |= {
                "error_type": self.error.type,
                "error_code": self.error.code,
                "upstream": self.error.upstream,
            }
        return fields

    def _private(self) -> dict[str, Any]:
        private: dict[str, Any] = {}
        if self.prompt is not None:
            parts = [part.encode("utf-8", "replace") if isinstance(part, str) else part for part in self.answer]
            private |= {"prompt": self.prompt, "answer": b"".join(parts).decode("utf-8", "replace")}
        if self.error is not None:
            private["error_message"] = self.error.message
        return private
