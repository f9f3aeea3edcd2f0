"""DJL Serving's Large Model Inference `/invocations`: request, response and errors of the `inputs` schema.

Source: DJL Serving documentation, "LMI handlers Inference API Schema". The peculiarities that a client meets:

* the response is an **object**; only with ``OPTION_TGI_COMPAT`` is it a list with one object;
* ``max_new_tokens`` is 30 where the request does not say;
* ``stop`` is what stops. ``stop_sequences`` works or not by version and batching mode; here it never does, so
  that a client that works here works with either;
* a stop sequence that was met is cut off;
* a payload that cannot be read gives status 424 with ``error`` and ``code``; a parameter with a bad value
  gives an empty text with ``finish_reason`` ``error``, under status 200.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from localaws.containers.generation import Generation, generate
from localaws.containers.messages import ContainerResponse, as_json, is_integer, is_number
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import encode

# DJL Serving answers so when its queue is full (DJL Serving documentation, "Troubleshooting").
OVERLOADED: Final = ContainerResponse.of_json(
    503,
    {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": "no worker is available to serve request",
    },
)

# vLLM's own bounds (documentation of SamplingParams).
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "temperature": (0, float("inf")),
    "top_p": (1e-9, 1),
    "repetition_penalty": (1e-9, 2),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
}


def respond(body: bytes, settings: ContainerSettings) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    try:
        document = as_json(body)
    except ValueError:
        return _unreadable("the payload is not JSON")
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), str):
        return _unreadable("the payload needs `inputs`, a string")
    parameters = document.get("parameters") or {}
    if not isinstance(parameters, dict):
        return _unreadable("`parameters` is not an object")
    if document.get("stream", False) is not False:
        return _unreadable("the stand-in container does not stream yet: leave out `stream`")

    prompt: str = document["inputs"]
    stop = _stop(parameters)
    room = settings.max_total_tokens - len(encode(prompt))
    max_new_tokens: Any = parameters.get("max_new_tokens", settings.default_new_tokens)
    if not is_integer(max_new_tokens) or max_new_tokens < 1 or room < 1 or _out_of_bounds(parameters):
        return _shaped(_failed(), settings)
    seed = parameters.get("seed") if parameters.get("do_sample") else None
    # vLLM ends an answer where the model's length ends; it does not refuse the request for it.
    generation = generate(prompt, max_new_tokens=min(max_new_tokens, room), stop=stop, seed=seed)
    return _shaped(_answer(prompt, parameters, generation, stop), settings)


def _answer(prompt: str, parameters: Mapping[str, Any], generation: Generation, stop: Sequence[str]) -> dict[str, Any]:
    text = generation.text
    if generation.finish_reason == "stop_sequence":
        text = _without_stop(text, stop)
    answer: dict[str, Any] = {"generated_text": prompt + text if parameters.get("return_full_text") else text}
    if parameters.get("details"):
        answer["details"] = {
            "finish_reason": "length" if generation.finish_reason == "length" else "eos_token",
            "generated_tokens": len(generation.tokens),
            "inputs": prompt,
            "tokens": [{"id": token.id, "text": token.text, "log_prob": token.logprob} for token in generation.tokens],
        }
        if parameters.get("decoder_input_details"):
            answer["details"]["prefill"] = [
                {"id": token.id, "text": token.text, "log_prob": token.logprob} for token in encode(prompt)
            ]
    return answer


def _stop(parameters: Mapping[str, Any]) -> list[str]:
    """Return the stop sequences of a request; vLLM takes one string or a list of them."""
    stop = parameters.get("stop") or []
    return [stop] if isinstance(stop, str) else list(stop)


def _without_stop(text: str, stop: Sequence[str]) -> str:
    met = max((sequence for sequence in stop if text.endswith(sequence)), key=len)
    return text.removesuffix(met)


def _out_of_bounds(parameters: Mapping[str, Any]) -> bool:
    for name, (low, high) in _BOUNDS.items():
        value = parameters.get(name)
        if value is not None and not (is_number(value) and low <= value <= high):
            return True
    return False


def _failed() -> dict[str, Any]:
    """Return the documented answer to a request with a bad generation parameter."""
    return {
        "generated_text": "",
        "details": {"finish_reason": "error", "generated_tokens": None, "inputs": None, "tokens": None},
    }


def _shaped(answer: dict[str, Any], settings: ContainerSettings) -> ContainerResponse:
    return ContainerResponse.of_json(200, [answer] if settings.tgi_compatible else answer)


def _unreadable(problem: str) -> ContainerResponse:
    return ContainerResponse.of_json(424, {"error": f"Input parsing failed: {problem}", "code": 424})
