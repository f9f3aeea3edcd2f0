"""TGI's completions in OpenAI's form, at `/invocations` from 2.4 on (`CompletionRequest` in TGI's router)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.faults import GenerationError
from localaws.containers.messages import ContainerResponse, compact_json
from localaws.containers.serving import Serving
from localaws.containers.settings import Version
from localaws.containers.tgi import reading
from localaws.containers.tgi.errors import InferError
from localaws.containers.tgi.generating import KEEP_ALIVE, accepted, data_prefix, streamed, whole
from localaws.containers.tgi.reading import is_flag, is_float, is_text, is_unsigned, list_of, optional
from localaws.containers.tgi.requests import GenerateRequest
from localaws.containers.tgi.shapes import Shapes

# The launcher's `--max-client-batch-size`.
_MOST_PROMPTS: Final = 4

_FIELDS: Final[Mapping[str, reading.Check]] = {
    "model": optional(is_text),
    "max_tokens": optional(is_unsigned),
    "temperature": optional(is_float),
    "top_p": optional(is_float),
    "stream": is_flag,
    "seed": optional(is_unsigned),
    "suffix": optional(is_text),
    "repetition_penalty": optional(is_float),
    "frequency_penalty": optional(is_float),
    "stop": optional(list_of(is_text)),
}


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A completion that can be read.

    Attributes:
        document: The payload, whose fields have the right types.
        prompts: The prompts.
    """

    document: Mapping[str, Any]
    prompts: tuple[str, ...]


def read(document: Any) -> CompletionRequest | None:
    """Return the completion in a payload, or None if it has not the form of one; token ids are none."""
    if not isinstance(document, dict) or not all(_FIELDS[name](document[name]) for name in document.keys() & _FIELDS):
        return None
    prompt = document.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not prompts or not list_of(is_text)(prompts):
        return None
    return CompletionRequest(document, tuple(prompts))


def respond(request: CompletionRequest, serving: Serving) -> ContainerResponse:
    """Answer a completion."""
    document = request.document
    try:
        if document.get("suffix") is not None:
            problem = "Suffix is not supported and can be achieved by preprocessing the prompt."
            raise InferError("suffix not supported", problem)
        if len(request.prompts) > _MOST_PROMPTS:
            problem = f"Number of prompts exceeds the maximum allowed batch size of {_MOST_PROMPTS}"
            raise InferError("batch size exceeded", problem)
        asked = [_generate_request(prompt, document, serving.settings.version) for prompt in request.prompts]
        if document.get("stream"):
            return ContainerResponse.of_events(_events(asked, serving))
        valid = [accepted(item, serving) for item in asked]
        made = [whole(item, checked, serving) for item, checked in zip(asked, valid, strict=True)]
    except GenerationError as error:
        return InferError.failed(str(error)).response
    except InferError as error:
        return error.response
    shapes = _shapes(serving, sum(len(checked.tokens) for checked in valid))
    return ContainerResponse.of_json(200, shapes.completion(made))


def _events(requests: list[GenerateRequest], serving: Serving) -> Iterator[str]:
    """Yield the events of a stream; the prompts' answers come one after the other, where TGI mixes them."""
    data = data_prefix(serving)
    for index, request in enumerate(requests):
        try:
            valid = accepted(request, serving)
            shapes, generated = _shapes(serving, len(valid.tokens)), 0
            for step in streamed(request, valid, serving):
                if step is None:
                    yield KEEP_ALIVE
                    yield ""
                    continue
                generated += 1
                chunk = shapes.completion_chunk(index, step, len(valid.tokens), generated)
                yield f"{data}{compact_json(chunk)}\n\n"
        except (GenerationError, InferError) as error:
            problem = error if isinstance(error, InferError) else InferError.failed(str(error))
            yield f"{data}{compact_json(problem.document)}\n\n"
    yield f"{data}[DONE]\n\n"


def _shapes(serving: Serving, prompt_tokens: int) -> Shapes:
    return Shapes(settings=serving.settings, model=None, prompt_tokens=prompt_tokens)


def _generate_request(prompt: str, document: Mapping[str, Any], version: Version) -> GenerateRequest:
    temperature = document.get("temperature")
    names = ("repetition_penalty", "frequency_penalty", "top_p", "seed", "stop")
    parameters = {name: document[name] for name in names if document.get(name) is not None}
    if temperature:
        parameters["temperature"] = temperature
    most = document.get("max_tokens")
    parameters |= {"do_sample": temperature != 0, "details": True}
    parameters["max_new_tokens"] = 100 if most is None and version < (3, 0, 0) else most
    return GenerateRequest(prompt, parameters, bool(document.get("stream")))
