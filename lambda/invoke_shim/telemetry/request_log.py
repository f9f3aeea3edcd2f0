"""What is known of one request, taken down while it is answered and written when the answer has ended."""

import time
from typing import Any

from invoke_shim.deadline import ColdWait
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Usage
from invoke_shim.telemetry import logs, metrics

UNKNOWN_ROUTE = "unknown"


class RequestLog:
    """One request and how it went.

    Args:
        model: the model's name to clients.
        request_id: API Gateway's id of the request.
        method: the HTTP method.
        trace_id: the X-Ray trace that the request is part of.
        waited: how long the request waited for a model that was not ready.
        log_prompts: whether the prompt and the answer are kept for the log.

    Attributes:
        route: the route's path as a template, such as "/v1/chat/completions".
        stream: whether the answer is streamed.
        status: the HTTP status.
        usage: the tokens that the container counted.
        error: what went wrong, before the first byte or after it.
        error_kind: its kind, of a few.
        crash: the name of the exception that a bug raised.
        where: where it was raised.
        prompt: the prompt or the messages; None unless they are logged.
        answer: the answer's parts; empty unless they are logged.
        started: when the request came, on the monotonic clock.
        first_byte: when a streamed answer began, on the same clock.
        finished: whether the line is written.
    """

    def __init__(
        self,
        *,
        model: str,
        request_id: str,
        method: str,
        trace_id: str | None,
        cold_wait: ColdWait,
        log_prompts: bool,
    ) -> None:
        self.model = model
        self.request_id = request_id
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
        """Take down that the model's answer begins now."""
        self.first_byte = time.monotonic()

    def record_prompt(self, prompt: object) -> None:
        """Keep what the model is asked, where the environment wants it logged."""
        if self.log_prompts:
            self.prompt = prompt

    def record_answer(self, part: str | bytes) -> None:
        """Keep a part of the answer, where the environment wants it logged; bytes may be split within a character."""
        if self.log_prompts:
            self.answer.append(part)

    def record_error(self, error: ApiError, *, kind: str | None = None) -> None:
        """Take down what the client is told; without its traceback, which would keep whole frames alive."""
        self.error = error.with_traceback(None)
        self.error_kind = kind or error.type

    def record_crash(self, crash: Exception) -> None:
        """Take down where a bug showed, without its message, which may quote a prompt."""
        self.crash = type(crash).__name__
        self.error_kind = "crash"
        self.where = logs.where(crash.__traceback__)

    def finish(self, *, whole: bool = True) -> None:
        """Write the request's line, once.

        Args:
            whole: whether all of the answer was read.
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
        metrics.emit(self.model, outcome, self._fields(), self._private())

    def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "request_id": self.request_id,
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
