"""The sampling parameters of vLLM, which its own server and DJL-LMI share, with vLLM's bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from localaws.containers.detokenizer import Output, outputs
from localaws.containers.engine import Job, Sampling
from localaws.containers.messages import is_integer, is_number
from localaws.containers.serving import Serving

# In the order and words of vLLM's SamplingParams; a value is checked only once it is a number.
_CHECKS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "n": (lambda value: value >= 1, "n must be at least 1, got {}."),
    "presence_penalty": (lambda value: -2 <= value <= 2, "presence_penalty must be in [-2, 2], got {}."),
    "frequency_penalty": (lambda value: -2 <= value <= 2, "frequency_penalty must be in [-2, 2], got {}."),
    "repetition_penalty": (lambda value: value > 0, "repetition_penalty must be greater than zero, got {}."),
    "temperature": (lambda value: value >= 0, "temperature must be non-negative, got {}."),
    "top_p": (lambda value: 0 < value <= 1, "top_p must be in (0, 1], got {}."),
    "top_k": (lambda value: value >= -1, "top_k must be 0 (disable), or at least 1, got {}."),
    "min_p": (lambda value: 0 <= value <= 1, "min_p must be in [0, 1], got {}."),
    "max_tokens": (lambda value: value >= 1, "max_tokens must be at least 1, got {}."),
    "min_tokens": (lambda value: value >= 0, "min_tokens must be greater than or equal to 0, got {}."),
}
_INTEGERS: Final = {"n", "top_k", "max_tokens", "min_tokens", "seed"}
_FLAGS: Final = {"ignore_eos", "include_stop_str_in_output", "skip_special_tokens"}


def mistyped(parameters: Mapping[str, Any]) -> str | None:
    """Return the name of a parameter that has a wrong JSON type, or None; null is allowed for all."""
    for name, value in parameters.items():
        if value is None:
            continue
        if name in _INTEGERS:
            is_right = is_integer(value)
        elif name in _FLAGS:
            is_right = isinstance(value, bool)
        elif name in _CHECKS:
            is_right = is_number(value)
        elif name == "stop":
            is_right = isinstance(value, str) or is_strings(value)
        else:
            continue
        if not is_right:
            return name
    return None


def out_of_bounds(parameters: Mapping[str, Any]) -> str | None:
    """Return vLLM's complaint about a value that is not allowed, or None; all of them have the right type."""
    for name, (holds, complaint) in _CHECKS.items():
        value = parameters.get(name)
        if value is not None and not holds(value):
            return complaint.format(value)
    number = parameters.get("n") or 1
    if number > 1 and parameters.get("temperature") == 0:
        return f"n must be 1 when using greedy sampling, got {number}."
    return None


def stops_of(parameters: Mapping[str, Any]) -> Sequence[str]:
    """Return the stop sequences of a request; vLLM takes one string or a list of them."""
    stop = parameters.get("stop") or []
    return [stop] if isinstance(stop, str) else stop


def seed_of(parameters: Mapping[str, Any], *, number: int = 0) -> int | None:
    """Return the seed of the sampling, or None where decoding is greedy.

    vLLM samples unless the temperature is 0, and draws a random seed where the request has none; here that is 0, so
    that answers stay the same. The answers of one request differ by their `number`.
    """
    if parameters.get("temperature") == 0:
        return None
    return int(parameters.get("seed") or 0) + number


def sampling_of(parameters: Mapping[str, Any], *, number: int = 0) -> Sampling:
    """Return the sampling of the answer with a number among several to the same prompt."""
    return Sampling(
        seed=seed_of(parameters, number=number),
        temperature=parameters.get("temperature"),
        top_p=parameters.get("top_p"),
        top_k=parameters.get("top_k"),
    )


def generate(job: Job, parameters: Mapping[str, Any], serving: Serving, *, max_tokens: int) -> Iterator[Output]:
    """Generate an answer, without the pace.

    Args:
        job: What to answer; it goes on without an end where the parameters say so.
        parameters: VLLM's sampling parameters.
        serving: The conditions of the request.
        max_tokens: Most tokens to generate.
    """
    tokens = serving.generate(replace(job, endless=bool(parameters.get("ignore_eos"))))
    include_stop = bool(parameters.get("include_stop_str_in_output"))
    return outputs(tokens, max_tokens=max_tokens, stop=stops_of(parameters), include_stop=include_stop)


def is_strings(value: object) -> bool:
    """Return whether `value` is a list of strings."""
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
