"""A request in LMI's `inputs` schema, with its parameters by vLLM's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.engine import Engine
from localaws.containers.messages import as_json
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import Token
from localaws.containers.vllm.sampling import mistyped

# LMI's own names of vLLM's parameters.
_RENAMED: Final[Mapping[str, str]] = {"max_new_tokens": "max_tokens", "ignore_eos_token": "ignore_eos"}


class UnreadableError(Exception):
    """A payload that cannot be read; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LmiRequest:
    """A request that can be read.

    Attributes:
        inputs: The prompt.
        tokens: Its tokens.
        parameters: The parameters by vLLM's names, with `max_tokens`.
        stream: Whether to stream the answer.
        details: Whether to report tokens and counts; None where the request does not say.
        prompt_details: Whether to report the prompt's tokens.
        full_text: Whether the answer begins with the prompt.
    """

    inputs: str
    tokens: tuple[Token, ...]
    parameters: Mapping[str, Any]
    stream: bool
    details: bool | None
    prompt_details: bool
    full_text: bool


def document_of(body: bytes) -> dict[str, Any]:
    """Return the object in the body of a request.

    Raises:
        UnreadableError: If there is none.
    """
    try:
        document = as_json(body)
    except ValueError as error:
        raise UnreadableError("the payload is not JSON") from error
    if not isinstance(document, dict):
        raise UnreadableError("the payload is not an object")
    return document


def parse(document: Mapping[str, Any], settings: ContainerSettings, engine: Engine) -> LmiRequest:
    """Read a request, whose tokens `engine` counts.

    Raises:
        UnreadableError: If it is none.
    """
    if not isinstance(document.get("inputs"), str):
        raise UnreadableError("the payload needs `inputs`, a string")
    given = document.get("parameters") or {}
    if not isinstance(given, dict):
        raise UnreadableError("`parameters` is not an object")
    stream = document.get("stream", False)
    if not isinstance(stream, bool):
        raise UnreadableError("`stream` is not a boolean")

    parameters = {_RENAMED.get(name, name): value for name, value in given.items()}
    if parameters.get("max_tokens") is None:
        parameters["max_tokens"] = settings.default_new_tokens
    wrong = mistyped(parameters)
    if wrong is not None:
        raise UnreadableError(f"`{wrong}` has a wrong type: {parameters[wrong]!r}")
    # Up to LMI 0.31 sampling has to be asked for; later it is so unless it is refused.
    if not parameters.get("do_sample", settings.is_async and parameters.get("temperature") != 0):
        parameters["temperature"] = 0
    return LmiRequest(
        inputs=document["inputs"],
        tokens=tuple(engine.encode(document["inputs"])),
        parameters=parameters,
        stream=stream or (not settings.is_async and settings.output_formatter in ("jsonlines", "sse")),
        details=parameters.get("details"),
        prompt_details=bool(parameters.get("decoder_input_details")),
        full_text=bool(parameters.get("return_full_text")),
    )
