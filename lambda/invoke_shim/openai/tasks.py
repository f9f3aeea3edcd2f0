"""The parts that requests of other tasks than generating text share."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from invoke_shim.errors import Problem, show
from invoke_shim.generation.estimate import estimate_tokens
from invoke_shim.generation.types import Usage
from invoke_shim.openai.model import no_such_model
from invoke_shim.openai.usage import ESTIMATE_HEADERS
from invoke_shim.settings import Settings

JSON = "application/json"

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class TaskAnswer(NamedTuple):
    """An answer: bytes as they are, anything else as JSON."""

    body: Any
    content_type: str = JSON
    headers: Mapping[str, str] = _NO_HEADERS


def model_problems(name: Any, settings: Settings) -> list[Problem]:
    """List the problem of a request's `model`.

    Raises:
        ApiError: 404, another model is meant.
    """
    if not isinstance(name, str):
        return [Problem("model", f"model is {show(name)}, expected {show(settings.model_name)}")]
    if name != settings.model_name:
        raise no_such_model(name, settings.model_name)
    return []


def usage_of(texts: Sequence[str | list[int]], told: int | None, settings: Settings) -> Usage:
    """Return the tokens of texts: those that the container tells, else an estimate, else none."""
    if told is not None:
        return Usage(told, 0)
    if settings.usage == "omit":
        return Usage()
    # A query stands in it once for each document: one of megabytes is looked at once.
    known: dict[int, int] = {}
    total = 0
    for text in texts:
        if id(text) not in known:
            known[id(text)] = _estimate(text)
        total += known[id(text)]
    return Usage(total, 0, estimated=True)


def usage_members(usage: Usage) -> dict[str, Any]:
    """Build `usage` of an answer without generated tokens; left out where it is not known."""
    if usage.prompt_tokens is None:
        return {}
    return {"usage": {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.prompt_tokens}}


def headers_of(usage: Usage) -> Mapping[str, str]:
    """Return the headers that an answer with this usage has."""
    return ESTIMATE_HEADERS if usage.estimated else _NO_HEADERS


def _estimate(text: str | list[int]) -> int:
    return len(text) if isinstance(text, list) else estimate_tokens(text)
