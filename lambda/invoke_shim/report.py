"""What is known of one request, taken down while it is answered and logged when the answer has ended."""

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from invoke_shim import logs
from invoke_shim.errors import ApiError
from invoke_shim.generation import Usage


@dataclass(slots=True, kw_only=True)
class Report:
    """One request and how it went.

    Attributes:
        model: the model's name to clients.
        request_id: API Gateway's id of the request.
        method: the HTTP method.
        path: the path below the stage.
        trace_id: the X-Ray trace that the request is part of.
        route: the route's template, such as "/v1/chat/completions"; "" where there is none.
        stream: whether the answer was streamed.
        status: the HTTP status.
        usage: the tokens that the container counted.
        error: what went wrong, before the first byte or after it.
        crash: what the log gets to know of a bug.
        log_prompts: whether prompt and answer are kept and logged.
        prompt: the prompt or the messages.
        answer: the answer's parts.
        started: when the request came, on the monotonic clock.
        first_byte: when the model's answer began, on the same clock.
    """

    model: str
    request_id: str
    method: str = ""
    path: str = ""
    trace_id: str | None = None
    route: str = ""
    stream: bool = False
    status: int = 200
    usage: Usage = field(default_factory=Usage)
    error: ApiError | None = None
    crash: dict[str, Any] | None = None
    log_prompts: bool = False
    prompt: object = None
    answer: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)
    first_byte: float | None = None
    finished: bool = False

    def began(self) -> None:
        """Take down that the model's answer begins now, unless it has begun already."""
        if self.first_byte is None:
            self.first_byte = time.monotonic()

    def asked(self, prompt: object) -> None:
        """Keep what the model is asked, where the environment wants it logged."""
        if self.log_prompts:
            self.prompt = prompt

    def answered(self, text: str) -> None:
        """Keep a part of the answer, where the environment wants it logged."""
        if self.log_prompts:
            self.answer.append(text)

    def failed(self, error: ApiError) -> None:
        """Take down what the client is told. Without its traceback, which would keep whole frames alive."""
        self.error = error.with_traceback(None)

    def crashed(self, crash: Exception) -> None:
        """Take down where a bug showed, without its message, which may quote a prompt."""
        self.crash = {"crash": type(crash).__name__, "where": logs.where(crash.__traceback__)}

    def finish(self) -> None:
        """Write the request's line into the log, once."""
        if self.finished:
            return
        self.finished = True
        seconds = time.monotonic() - self.started
        level = logging.ERROR if self.crash else logging.INFO
        logs.logger.log(level, "request", extra={"fields": self._fields(seconds)})

    def _fields(self, seconds: float) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "trace_id": self.trace_id,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "stream": self.stream or None,
            "duration_ms": round(seconds * 1000),
            "first_byte_ms": None if self.first_byte is None else round((self.first_byte - self.started) * 1000),
            "prompt_tokens": self.usage.prompt_tokens,
            "completion_tokens": self.usage.completion_tokens,
        }
        if self.error is not None:
            fields |= {
                "error_type": self.error.type,
                "error_code": self.error.code,
                "upstream": self.error.upstream,
            }
        if self.log_prompts:
            fields |= {"prompt": self.prompt, "answer": "".join(self.answer)}
        return fields | (self.crash or {})
