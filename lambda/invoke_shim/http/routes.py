"""The routes of a model that generates text.

| route | answer |
|---|---|
| `POST /v1/chat/completions` | OpenAI's chat: messages in, a message out; in pieces with `stream` |
| `POST /v1/completions` | OpenAI's older completion: text in, text out; in pieces with `stream` |
| `POST /v1/responses` | OpenAI's newer chat: items in, a response out, by typed events with `stream`; stores nothing |
| `POST /invocations` | the container's own payload, checked; its answer as it comes, streamed with `stream` |

Beside them are the routes that every model has (`router.py`): `GET /v1/models`, `GET /v1/models/{model}`, and
`GET /health`, which asks no model, so that it costs nothing and says nothing about the model.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from invoke_shim.backends.base import Backend, NativeStream
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError, refuse
from invoke_shim.generation.types import Answer
from invoke_shim.http import sse
from invoke_shim.http.proxy import Request, Response, parse_object, without_bom
from invoke_shim.http.router import INVOCATIONS, Route, Router
from invoke_shim.openai import bodies
from invoke_shim.openai.answers import Asker, CompletionJob, complete_job, stream_job
from invoke_shim.openai.chunks import Stream, chat_chunks, text_chunks
from invoke_shim.openai.requests import Options, RequestReader
from invoke_shim.openai.usage import ESTIMATE_HEADERS, create_counter
from invoke_shim.settings import Settings
from invoke_shim.telemetry.request_log import RequestLog

RESPONSES = "/v1/responses"


class Api(Router):
    """Answers requests for one model that generates text.

    Args:
        settings: The function's settings.
        backend: Answers the prompts.
    """

    def __init__(self, *, settings: Settings, backend: Backend) -> None:
        routes: dict[str, tuple[str, Route]] = {
            "/v1/chat/completions": ("POST", self._chat),
            "/v1/completions": ("POST", self._complete),
            RESPONSES: ("POST", self._respond),
            INVOCATIONS: ("POST", self._invoke),
        }
        super().__init__(settings=settings, backend=backend, routes=routes)
        self._reader = RequestReader(settings=settings, backend=backend)
        self._counter = create_counter(settings)

    def _chat(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        job, options = self._reader.read(parse_object(request.raw_body()), "chat")
        log.record_prompt(job.text)
        if options.stream:
            chunks = chat_chunks(self._start_stream(job, options, deadline, log))
            headers = self._headers_of_stream(job, options, tells=self.backend.chat_rules.streams_usage)
            return _stream_response(chunks, log, headers)
        answer = self._answer(job, deadline, log)
        body = bodies.chat_completion(
            model=self.settings.model_name, answer=answer, legacy_functions=options.legacy_functions
        )
        return Response(body=body, headers=_headers_of(answer))

    def _complete(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        job, options = self._reader.read(parse_object(request.raw_body()), "completion")
        log.record_prompt(job.text)
        echoes = job.echoes if options.echo else ()
        if options.stream:
            chunks = text_chunks(self._start_stream(job, options, deadline, log), echoes=echoes)
            headers = self._headers_of_stream(job, options, tells=self.backend.rules.streams_usage)
            return _stream_response(chunks, log, headers)
        answer = self._answer(job, deadline, log)
        body = bodies.text_completion(model=self.settings.model_name, answer=answer, echoes=echoes)
        return Response(body=body, headers=_headers_of(answer))

    def _respond(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        # Not every client asks this way, and the start of a function that is asked for chats need not pay for it.
        from invoke_shim.openai.responses_api.events import EventWriter, whole_response  # noqa: PLC0415 - see above
        from invoke_shim.openai.responses_api.request import read_request  # noqa: PLC0415 - see above

        rules, model = self.backend.chat_rules, self.settings.model_name
        job, options, echo = read_request(parse_object(request.raw_body()), self._reader, extra=rules.extra)
        log.record_prompt(job.text)
        if options.stream:
            stream = self._start_stream(job, options, deadline, log)
            writer = EventWriter(model=model, echo=echo)
            chunks = sse.guard(writer.encoded(stream), log, encode=writer.encode_error)
            headers = self._headers_of_stream(job, options, tells=rules.streams_usage)
            return Response(chunks=chunks, content_type=sse.CONTENT_TYPE, headers=headers)
        answer = self._answer(job, deadline, log)
        return Response(body=whole_response(model=model, echo=echo, found=answer), headers=_headers_of(answer))

    def _no_such_route(self, path: str) -> ApiError:
        if not path.startswith(f"{RESPONSES}/") or path.removeprefix(f"{RESPONSES}/") in ("compact", "input_tokens"):
            return super()._no_such_route(path)
        from invoke_shim.openai.responses_api.answer import no_such_response  # noqa: PLC0415 - hardly ever

        return no_such_response(path)

    def _answer(self, job: CompletionJob, deadline: Deadline, log: RequestLog) -> Answer:
        answer = complete_job(job, Asker(self.backend, deadline, log, self._counter))
        for completion in answer.completions:
            log.record_answer(completion.reasoning)
            log.record_answer(completion.text)
            for call in completion.tool_calls:
                log.record_answer(f"{call.name}{call.arguments}")
        return answer

    def _headers_of_stream(self, job: CompletionJob, options: Options, *, tells: bool) -> Mapping[str, str]:
        """Return the headers of a stream, which begins before its container has told anything or nothing."""
        if self._counter is None or tells or not options.include_usage or self._counter.counts(job.requests[0]):
            return sse.HEADERS
        return {**sse.HEADERS, **ESTIMATE_HEADERS}

    def _start_stream(self, job: CompletionJob, options: Options, deadline: Deadline, log: RequestLog) -> Stream:
        log.stream = True
        counter = self._counter if options.include_usage else None
        pieces = stream_job(job, Asker(self.backend, deadline, log, counter))
        log.record_first_byte()
        return Stream(
            pieces=pieces,
            model=self.settings.model_name,
            choices=job.choices,
            include_usage=options.include_usage,
            log=log,
            legacy_functions=options.legacy_functions,
        )

    def _invoke(self, request: Request, deadline: Deadline, log: RequestLog) -> Response:
        """Pass on the container's own payload and its answer, both byte for byte."""
        # No container reads a byte order mark.
        raw = without_bom(request.raw_body())
        body = parse_object(raw)
        problems = self.backend.native_problems(body)
        if problems:
            raise refuse(problems)
        log.record_prompt(body)
        if body.get("stream") is True:
            log.stream = True
            return _pass_through(self.backend.invoke_stream(raw, deadline), log)
        reply = self.backend.invoke(raw, deadline)
        log.record_answer(reply.body)
        return Response(body=reply.body, content_type=reply.content_type)


def _headers_of(answer: Answer) -> Mapping[str, str]:
    return ESTIMATE_HEADERS if answer.usage.estimated else {}


def _stream_response(chunks: Iterator[dict[str, Any]], log: RequestLog, headers: Mapping[str, str]) -> Response:
    return Response(chunks=sse.encode_events(chunks, log), content_type=sse.CONTENT_TYPE, headers=headers)


def _pass_through(stream: NativeStream, log: RequestLog) -> Response:
    """Pass on a container's own stream, whose first part has come."""
    first = next(stream.chunks, b"")
    log.record_first_byte()
    encode = sse.encode_event if stream.content_type.startswith("text/event-stream") else sse.encode_line
    chunks = sse.guard(_record_chunks(first, stream.chunks, log), log, encode=encode)
    return Response(chunks=chunks, content_type=stream.content_type, headers=sse.HEADERS)


def _record_chunks(first: bytes, rest: Iterator[bytes], log: RequestLog) -> Iterator[bytes]:
    try:
        log.record_answer(first)
        yield first
        for chunk in rest:
            log.record_answer(chunk)
            yield chunk
    finally:
        sse.close(rest)
