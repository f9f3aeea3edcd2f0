"""vLLM's `/invocations` in AWS's vLLM container: OpenAI's chat and completion routes behind one address.

Sources: vLLM's documentation ("OpenAI-compatible server", "SageMaker"), AWS Deep Learning Containers ("vLLM,
SageMaker deployment"). The peculiarities that a client meets:

* `messages` make a chat and `prompt` a completion; a payload with a field of a wrong type is neither, and the
  error says only that;
* `model` may be left out or empty; another than the served name is 404;
* the error's `code` is the status, as a number;
* a stream is server-sent events with OpenAI's chunks and `[DONE]`; usage is reported in a last chunk with no choices,
  if `stream_options.include_usage` asks for it, or in every chunk (`continuous_usage_stats`);
* with `stop`, text comes later than its token, and the chunks of tokens whose text is held back are empty;
* a failure in a stream is an event with `error`, then `[DONE]`.

`chat`, `structure` and `plans` say which chats, tools and schemas it takes, and what becomes of calls and thoughts.
Audio, video and the other routes of vLLM are not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.containers.engine import Job
from localaws.containers.faults import GenerationError
from localaws.containers.messages import ContainerResponse, compact_json
from localaws.containers.serving import Serving
from localaws.containers.vllm.choices import Choice, Chunk
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.planning import plan_of
from localaws.containers.vllm.requests import VllmRequest, choices_of, parse
from localaws.containers.vllm.sampling import generate, sampling_of
from localaws.containers.vllm.shapes import Shapes


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    try:
        request = parse(body, serving.settings, serving.engine)
    except RequestError as error:
        return error.response
    if request.stream:
        return ContainerResponse.of_events(_events(request, serving))
    choices = _choices(request, serving)
    try:
        for choice, output in serving.whole(_outputs(choices)):
            choice.push(output)
        answer = Shapes(request, serving.settings).answer(choices)
    except GenerationError as error:
        return RequestError.failed(str(error)).response
    except RequestError as error:
        return error.response
    return ContainerResponse.of_json(200, answer)


def _choices(request: VllmRequest, serving: Serving) -> list[Choice]:
    """Return all choices of an answer, each with its running generation."""
    found = []
    for index, prompt, number, max_tokens in choices_of(request):
        sampling = sampling_of(request.parameters, number=number)
        plan = plan_of(request, sampling, max_tokens, serving)
        job = Job(
            prompt=prompt.text,
            chat=request.chat,
            sampling=sampling,
            grammar=request.grammar if plan is None else None,
            text=None if plan is None else plan.text,
        )
        outputs = generate(job, request.parameters, serving, max_tokens=max_tokens) if max_tokens else iter(())
        found.append(Choice(index, prompt, outputs, plan, request))
    return found


def _outputs(choices: list[Choice]) -> Iterator[tuple[Choice, Chunk]]:
    """Yield the outputs of all choices, which are generated side by side."""
    running = [(choice, iter(choice.chunks())) for choice in choices]
    while running:
        still_running = []
        for choice, chunks in running:
            chunk = next(chunks, None)
            if chunk is not None:
                yield choice, chunk
                still_running.append((choice, chunks))
        running = still_running


def _events(request: VllmRequest, serving: Serving) -> Iterator[str]:
    """Yield the server-sent events of a stream."""
    shapes = Shapes(request, serving.settings)
    continuous = request.streams("include_usage") and request.streams("continuous_usage_stats")
    choices = _choices(request, serving)
    try:
        if request.is_chat:
            for choice in choices:
                opening = shapes.opening(choice.index)
                yield _event(_with_usage(opening, shapes, choices) if continuous else opening)
        for step in serving.produced(_outputs(choices)):
            if step is None:
                yield ""
                continue
            choice, chunk = step
            choice.push(chunk)
            document = shapes.chunk(choice, chunk)
            if document is not None:
                yield _event(_with_usage(document, shapes, choices) if continuous else document)
        if request.streams("include_usage"):
            yield _event(shapes.usage_chunk(choices))
    except GenerationError as error:
        yield _event(RequestError.failed(str(error)).document)
    yield "data: [DONE]\n\n"


def _with_usage(document: dict[str, Any], shapes: Shapes, choices: list[Choice]) -> dict[str, Any]:
    return {**document, "usage": shapes.usage(choices)}


def _event(document: Mapping[str, Any]) -> str:
    return f"data: {compact_json(document)}\n\n"
