"""TGI's generation, which its own form, chats and completions share."""

from __future__ import annotations

from collections.abc import Iterator

from localaws.containers.engine import Job
from localaws.containers.generation import Generation, Step, finished, steps
from localaws.containers.serving import Serving
from localaws.containers.tgi.errors import InferError
from localaws.containers.tgi.grammar import grammar_of
from localaws.containers.tgi.requests import GenerateRequest, ValidRequest, validated

KEEP_ALIVE = ":\n\n"
"""The comment that keeps a stream alive."""


def accepted(request: GenerateRequest, serving: Serving) -> ValidRequest:
    """Return a request that keeps the limits.

    Raises:
        InferError: If it does not, or is one too many.
    """
    if serving.is_overloaded:
        raise InferError.overloaded()
    valid = validated(request, serving.settings, serving.engine)
    adapter = request.parameters.get("adapter_id")
    if adapter is not None and adapter not in serving.settings.adapters:
        raise InferError.failed(f"adapter {adapter!r} is not loaded")
    return valid


def generate(
    request: GenerateRequest, valid: ValidRequest, serving: Serving, text: str | None = None
) -> Iterator[Step]:
    """Yield the steps of a generation; `text` is what is answered where tools are called."""
    grammar = None if text is not None else grammar_of(request.parameters.get("grammar"))
    job = Job(prompt=valid.prompt, chat=request.chat, sampling=valid.sampling, grammar=grammar, text=text)
    return steps(serving.generate(job), max_new_tokens=valid.max_new_tokens, stop=request.parameters.get("stop", ()))


def whole(request: GenerateRequest, valid: ValidRequest, serving: Serving, text: str | None = None) -> Generation:
    """Return a whole generation; raises what `Serving.produced` raises."""
    return finished(serving.whole(generate(request, valid, serving, text)))


def streamed(
    request: GenerateRequest, valid: ValidRequest, serving: Serving, text: str | None = None
) -> Iterator[Step | None]:
    """Yield the steps of a generation as they are produced; None while nothing follows."""
    return serving.produced(generate(request, valid, serving, text))


def data_prefix(serving: Serving) -> str:
    """Return what an event begins with: without a space before 2.1.0."""
    return "data: " if serving.settings.version >= (2, 1, 0) else "data:"
