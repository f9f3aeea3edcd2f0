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

Token ids as prompts, tools, images and the other routes of vLLM are not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from localaws.containers.detokenizer import Output
from localaws.containers.faults import GenerationError
from localaws.containers.messages import ContainerResponse, compact_json
from localaws.containers.serving import Serving
from localaws.containers.vllm.errors import RequestError
from localaws.containers.vllm.requests import VllmRequest, choices_of, parse
from localaws.containers.vllm.sampling import generate
from localaws.containers.vllm.shapes import Shapes


def respond(body: bytes, serving: Serving) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    try:
        request = parse(body, serving.settings)
    except RequestError as error:
        return error.response
    if request.stream:
        return ContainerResponse.of_events(_events(request, serving))
    made: dict[int, list[Output]] = {index: [] for index, *_ in choices_of(request)}
    try:
        for index, output in serving.whole(_outputs(request, serving)):
            made[index].append(output)
    except GenerationError as error:
        return RequestError.failed(str(error)).response
    return ContainerResponse.of_json(200, Shapes(request).answer(made))


def _outputs(request: VllmRequest, serving: Serving) -> Iterator[tuple[int, Output]]:
    """Yield the outputs of all choices, which are generated side by side, each with its choice's index."""
    running = [
        (
            index,
            _echoing(
                prompt if request.parameters.get("echo") and not request.is_chat else "",
                generate(prompt, request.parameters, serving, max_tokens=max_tokens, number=number, text=request.text),
            ),
        )
        for index, prompt, number, max_tokens in choices_of(request)
    ]
    while running:
        still_running = []
        for index, outputs in running:
            output = next(outputs)
            yield index, output
            if output.finish_reason is None:
                still_running.append((index, outputs))
        running = still_running


def _echoing(prompt: str, outputs: Iterator[Output]) -> Iterator[Output]:
    """Put a prompt before the text of the first output."""
    if prompt:
        first = next(outputs)
        yield replace(first, text=prompt + first.text)
    yield from outputs


def _events(request: VllmRequest, serving: Serving) -> Iterator[str]:
    """Yield the server-sent events of a stream."""
    shapes = Shapes(request)
    continuous = request.streams("include_usage") and request.streams("continuous_usage_stats")
    offsets = {index: 0 for index, *_ in choices_of(request)}
    generated = 0
    try:
        if request.is_chat:
            for index in offsets:
                yield _event(_with_usage(shapes.opening(index), shapes, 0) if continuous else shapes.opening(index))
        for step in serving.produced(_outputs(request, serving)):
            if step is None:
                yield ""
                continue
            index, output = step
            generated += 1
            chunk = shapes.chunk(index, output, offset=offsets[index])
            offsets[index] += len(output.token.text)
            yield _event(_with_usage(chunk, shapes, generated) if continuous else chunk)
        if request.streams("include_usage"):
            yield _event(shapes.usage_chunk(generated))
    except GenerationError as error:
        yield _event(RequestError.failed(str(error)).document)
    yield "data: [DONE]\n\n"


def _with_usage(chunk: dict[str, Any], shapes: Shapes, generated: int) -> dict[str, Any]:
    return {**chunk, "usage": shapes.usage(generated)}


def _event(document: Mapping[str, Any]) -> str:
    return f"data: {compact_json(document)}\n\n"
