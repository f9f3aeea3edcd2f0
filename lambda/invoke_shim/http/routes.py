"""The API's routes.

| route | what it does |
|---|---|
| `POST /v1/chat/completions` | OpenAI's chat: messages in, a message out; in pieces with `stream` |
| `POST /v1/completions` | OpenAI's older completion: text in, text out; in pieces with `stream` |
| `POST /invocations` | the container's own payload, checked; its answer as it comes, streamed with `stream` |
| `GET /v1/models`, `GET /v1/models/{model}` | the one model |
| `GET /health` | this API answers; the model is not asked, so it costs nothing and tells nothing about it |
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from invoke_shim.backends.base import Backend, NativeStream
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, refuse, show
from invoke_shim.generation.types import Answer
from invoke_shim.http import sse
from invoke_shim.http.proxy import Request, Response, parse_object
from invoke_shim.openai import responses as replies
from invoke_shim.openai.answers import Job, begin, whole
from invoke_shim.openai.chunks import Stream, chat_chunks, text_chunks
from invoke_shim.openai.requests import Asking, Options
from invoke_shim.settings import Settings
from invoke_shim.telemetry.report import Report

MODELS = "/v1/models"

Route = Callable[[Request, Deadline, Report], Response]


class Api:
    """Answers requests for one model.

    Args:
        settings: the function's settings.
        backend: where prompts are answered.
    """

    def __init__(self, *, settings: Settings, backend: Backend) -> None:
        self.settings = settings
        self.backend = backend
        self._asking = Asking(settings=settings, backend=backend)
        self._routes: dict[str, tuple[str, Route]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/completions": ("POST", self._complete),
            "/invocations": ("POST", self._invoke),
            MODELS: ("GET", self._list_models),
            f"{MODELS}/{{model}}": ("GET", self._describe_model),
            "/health": ("GET", self._health),
        }

    def respond(self, request: Request, deadline: Deadline, report: Report) -> Response:
        """Answer a request. Of a streamed answer the first part has come when this returns.

        Args:
            request: what the client wants.
            deadline: when the answer must have begun.
            report: gets to know how it went.

        Raises:
            ApiError: whatever keeps the request from being answered.
        """
        path = request.path.rstrip("/") or "/"
        if path.startswith(f"{MODELS}/"):
            path = f"{MODELS}/{{model}}"
        if path not in self._routes:
            raise ApiError(
                f"there is nothing at {show(path)}, the routes are {', '.join(self._routes)}",
                status=404,
                type="not_found_error",
            )
        report.route = path
        method, route = self._routes[path]
        if request.method != method:
            raise ApiError(
                f"{show(path)} takes {method}, not {request.method}",
                status=405,
                type="invalid_request_error",
                headers={"allow": method},
            )
        return route(request, deadline, report)

    def _chat(self, request: Request, deadline: Deadline, report: Report) -> Response:
        job, options = self._asking.read(parse_object(request.raw_body()), "chat")
        report.asked(job.text)
        if options.stream:
            return _streamed(chat_chunks(self._stream(job, options, deadline, report)), report)
        answer = self._whole(job, deadline, report)
        return Response(body=replies.chat_completion(model=self.settings.model_name, answer=answer))

    def _complete(self, request: Request, deadline: Deadline, report: Report) -> Response:
        job, options = self._asking.read(parse_object(request.raw_body()), "completion")
        report.asked(job.text)
        echoes = job.echoes if options.echo else ()
        if options.stream:
            return _streamed(text_chunks(self._stream(job, options, deadline, report), echoes=echoes), report)
        answer = self._whole(job, deadline, report)
        return Response(body=replies.text_completion(model=self.settings.model_name, answer=answer, echoes=echoes))

    def _whole(self, job: Job, deadline: Deadline, report: Report) -> Answer:
        answer = whole(self.backend, job, deadline)
        report.usage = answer.usage
        for completion in answer.completions:
            report.answered(completion.text)
        return answer

    def _stream(self, job: Job, options: Options, deadline: Deadline, report: Report) -> Stream:
        report.stream = True
        pieces = begin(self.backend, job, deadline)
        report.began()
        return Stream(
            pieces=pieces,
            model=self.settings.model_name,
            choices=job.choices,
            include_usage=options.include_usage,
            report=report,
        )

    def _invoke(self, request: Request, deadline: Deadline, report: Report) -> Response:
        """The container's own payload: its bytes are not touched, and neither are its answer's."""
        raw = request.raw_body()
        body = parse_object(raw)
        problems = self.backend.native_problems(body)
        if problems:
            raise refuse(problems)
        report.asked(body)
        if body.get("stream") is True:
            report.stream = True
            return _passed_on(self.backend.invoke_stream(raw, deadline), report)
        reply = self.backend.invoke(raw, deadline)
        report.answered(reply.body)
        return Response(body=reply.body, content_type=reply.content_type)

    def _list_models(self, _request: Request, _deadline: Deadline, _report: Report) -> Response:
        return Response(body=replies.model_list(self.settings.model_name))

    def _describe_model(self, request: Request, _deadline: Deadline, _report: Report) -> Response:
        name = unquote(request.path.rstrip("/").removeprefix(f"{MODELS}/"))
        if name != self.settings.model_name:
            raise self._asking.no_such_model(name)
        return Response(body=replies.model_card(name))

    def _health(self, _request: Request, _deadline: Deadline, _report: Report) -> Response:
        return Response(body=replies.health(self.settings.model_name))


def _streamed(chunks: Iterator[dict[str, Any]], report: Report) -> Response:
    return Response(chunks=sse.events(chunks, report), content_type=sse.CONTENT_TYPE, headers=sse.HEADERS)


def _passed_on(stream: NativeStream, report: Report) -> Response:
    """A container's own stream as it comes, its first part having come."""
    first = next(stream.chunks, b"")
    report.began()
    encode = sse.event if stream.content_type.startswith("text/event-stream") else sse.line
    chunks = sse.guarded(_resumed(first, stream.chunks, report), report, encode=encode)
    return Response(chunks=chunks, content_type=stream.content_type, headers=sse.HEADERS)


def _resumed(first: bytes, rest: Iterator[bytes], report: Report) -> Iterator[bytes]:
    try:
        report.answered(first)
        yield first
        for chunk in rest:
            report.answered(chunk)
            yield chunk
    finally:
        sse.close(rest)
