"""DJL Serving's Large Model Inference `/invocations`: request, response, stream and errors of the `inputs` schema.

Sources: DJL Serving documentation, "LMI handlers Inference API Schema" and "vLLM engine user guide". The peculiarities
that a client meets:

* the response is an **object**; only with `OPTION_TGI_COMPAT` is it a list with one object;
* `max_new_tokens` is 30 where the request does not say;
* `stop` is what stops. `stop_sequences` works with the rolling batch only; here it never does, so that a client
  that works here works with both;
* a stop sequence that was met is cut off, and in a stream a token's text may come with a later token;
* a payload that cannot be read gives status 424 with `error` and `code`; a parameter with a bad value gives, with
  the rolling batch, an empty text with `finish_reason` `error` under status 200;
* a stream is **JSON lines** with neither `data:` nor `[DONE]`, and with blank lines after the last one from LMI 17
  on. Only with `OPTION_TGI_COMPAT` or `OPTION_OUTPUT_FORMATTER=sse` is it server-sent events;
* a failure in a stream is a line under status 200.

There are two serving modes with shapes of their own: the `rolling` batch, and `asynchronous`, the default from LMI 17
on. Both take chats
(`messages`): `chat` describes the rolling batch's, `through_vllm` those that vLLM's own server answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from localaws.containers.detokenizer import Output
from localaws.containers.engine import Job
from localaws.containers.faults import GenerationError
from localaws.containers.lmi import asynchronous, chat, rolling, through_vllm
from localaws.containers.lmi.request import LmiRequest, UnreadableError, document_of, parse
from localaws.containers.messages import ContainerResponse
from localaws.containers.serving import Serving
from localaws.containers.vllm.sampling import generate, out_of_bounds, sampling_of

# DJL Serving answers so when its queue is full (DJL Serving documentation, "Troubleshooting").
_OVERLOADED: Final = {
    "code": 503,
    "type": "ServiceUnavailableException",
    "message": "no worker is available to serve request",
}


class _Mode(Protocol):
    """The shapes of a serving mode."""

    def answer(self, request: LmiRequest, made: list[Output]) -> Mapping[str, Any]:
        """Return the answer that is not streamed."""

    def line(self, request: LmiRequest, made: list[Output]) -> Mapping[str, Any]:
        """Return the line of a stream for the last of the outputs that were `made` so far."""

    def end(self) -> Iterable[str]:
        """Return the lines after the last output's."""

    def refusal(self, request: LmiRequest, problem: str) -> Mapping[str, Any] | None:
        """Return the answer to, or the line for, a bad parameter; None: it is a payload that cannot be read."""

    def failure(self, request: LmiRequest, problem: str) -> Mapping[str, Any]:
        """Return the answer to, or the line for, a generation that failed."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """The wrapping of answers.

    Attributes:
        is_list: Whether an answer that is not streamed is a list with one object.
        is_sse: Whether a stream is server-sent events.
    """

    is_list: bool
    is_sse: bool

    def whole(self, document: Mapping[str, Any]) -> ContainerResponse:
        return ContainerResponse.of_json(200, [document] if self.is_list else document)

    def streamed(self, lines: Iterable[str | None]) -> ContainerResponse:
        if self.is_sse:
            return ContainerResponse.of_events(f"data: {line}\n\n" if line else "" for line in lines)
        body = ("" if line is None else f"{line}\n" for line in lines)
        return ContainerResponse(status=200, body=body, content_type="application/jsonlines")


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    if serving.is_overloaded:
        return ContainerResponse.of_json(503, _OVERLOADED)
    settings = serving.settings
    try:
        document = document_of(body)
        if "inputs" not in document and settings.is_async and document.keys() & {"prompt", "messages"}:
            return through_vllm.respond(body, serving)
        if "messages" in document and not settings.is_async:
            return chat.respond(document, serving)
        request = parse(document, settings, serving.engine)
    except UnreadableError as error:
        return _unreadable(str(error))
    mode: _Mode = asynchronous.Mode() if settings.is_async else rolling.Mode(settings.tgi_compatible)
    is_sse = settings.output_formatter == "sse" or (settings.tgi_compatible and settings.output_formatter is None)
    return _answered(request, mode, _Shape(settings.tgi_compatible, is_sse), serving)


def _answered(request: LmiRequest, mode: _Mode, shape: _Shape, serving: Serving) -> ContainerResponse:
    room = serving.settings.max_total_tokens - len(request.tokens)
    problem = out_of_bounds(request.parameters)
    if problem is None and room < 1:
        problem = f"the prompt has {len(request.tokens)} tokens: the model takes {serving.settings.max_input_tokens}"
    if problem is not None:
        refusal = mode.refusal(request, problem)
        if refusal is None:
            return _unreadable(problem)
        return shape.streamed([_line(refusal)]) if request.stream else shape.whole(refusal)

    # vLLM ends an answer where the model's length ends; it does not refuse the request for it.
    max_tokens = min(request.parameters["max_tokens"], room)
    job = Job(prompt=request.inputs, sampling=sampling_of(request.parameters))
    outputs = generate(job, request.parameters, serving, max_tokens=max_tokens)
    if request.stream:
        return shape.streamed(_lines(request, outputs, mode, serving))
    try:
        return shape.whole(mode.answer(request, serving.whole(outputs)))
    except GenerationError as error:
        if serving.settings.is_async:
            return ContainerResponse.of_json(500, {"error": str(error), "code": 500})
        return shape.whole(mode.failure(request, str(error)))


def _lines(request: LmiRequest, outputs: Iterator[Output], mode: _Mode, serving: Serving) -> Iterator[str | None]:
    """Yield the lines of a stream, without their ends; None while nothing follows."""
    made: list[Output] = []
    try:
        for output in serving.produced(outputs):
            if output is None:
                yield None
                continue
            made.append(output)
            yield _line(mode.line(request, made))
        yield from mode.end()
    except GenerationError as error:
        yield _line(mode.failure(request, str(error)))


def _line(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False)


def _unreadable(problem: str) -> ContainerResponse:
    return ContainerResponse.of_json(424, {"error": f"Input parsing failed: {problem}", "code": 424})
