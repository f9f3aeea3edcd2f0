"""Text Generation Inference's `/invocations`: request, parameter checks, response and errors.

Sources: TGI's OpenAPI document and documentation of 1.x and 2.x. The peculiarities that a client meets:

* the response is a **list** with one object;
* ``top_p`` lies strictly between 0 and 1 (1.0 is refused) and ``temperature`` above 0;
* a stop sequence that was met is a part of ``generated_text``;
* without ``details`` there is no count of tokens at all; the prompt is counted only by
  ``decoder_input_details``;
* fields that it does not know are ignored.

Streaming is not built yet: `localaws.containers.generation.steps` is the iterator for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.generation import Generation, generate
from localaws.containers.messages import ContainerResponse, as_json, is_integer, is_number
from localaws.containers.settings import ContainerSettings
from localaws.containers.tokens import Token, encode

OVERLOADED: Final = ContainerResponse.of_json(429, {"error": "Model is overloaded", "error_type": "overloaded"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """A JSON type that a parameter may have."""

    name: str
    accepts: Callable[[object], bool]


_NUMBER: Final = _Kind("f32", is_number)
_INTEGER: Final = _Kind("u32", lambda value: is_integer(value) and value >= 0)  # type: ignore[operator]  # an int here
_BOOLEAN: Final = _Kind("a boolean", lambda value: isinstance(value, bool))
_STRINGS: Final = _Kind(
    "a sequence of strings",
    lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
)
_PARAMETERS: Final[Mapping[str, _Kind]] = {
    "best_of": _INTEGER,
    "temperature": _NUMBER,
    "repetition_penalty": _NUMBER,
    "frequency_penalty": _NUMBER,
    "top_k": _Kind("i32", is_integer),
    "top_p": _NUMBER,
    "typical_p": _NUMBER,
    "do_sample": _BOOLEAN,
    "max_new_tokens": _INTEGER,
    "return_full_text": _BOOLEAN,
    "stop": _STRINGS,
    "truncate": _INTEGER,
    "watermark": _BOOLEAN,
    "details": _BOOLEAN,
    "decoder_input_details": _BOOLEAN,
    "seed": _INTEGER,
    "top_n_tokens": _INTEGER,
}
# These alone have no "none": JSON's null is refused for them.
_NOT_NULLABLE: Final = {"do_sample", "stop", "watermark", "details", "decoder_input_details"}


class _RequestError(Exception):
    """A request that is refused; carries the answer."""

    def __init__(self, response: ContainerResponse) -> None:
        super().__init__(response.body)
        self.response = response


def respond(body: bytes, settings: ContainerSettings) -> ContainerResponse:
    """Answer one request to `/invocations`."""
    try:
        inputs, parameters = _parse(body)
        prompt, max_new_tokens = _validate(inputs, parameters, settings)
    except _RequestError as error:
        return error.response
    generation = generate(
        prompt, max_new_tokens=max_new_tokens, stop=parameters.get("stop", ()), seed=_seed(prompt, parameters)
    )
    return ContainerResponse.of_json(200, [_answer(inputs, prompt, parameters, generation)])


def _parse(body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the prompt and the parameters of a request; the errors are those of TGI's web framework."""
    try:
        document = as_json(body)
    except ValueError as error:
        raise _RequestError(_plain(400, f"Failed to parse the request body as JSON: {error}")) from error
    if not isinstance(document, dict):
        raise _undeserializable("invalid type, expected struct CompatGenerateRequest")
    if "inputs" not in document:
        raise _undeserializable("missing field `inputs`")
    if not isinstance(document["inputs"], str):
        raise _undeserializable("inputs: invalid type, expected a string")
    if document.get("stream", False) is not False:
        raise _RequestError(_plain(501, "the stand-in container does not stream yet: leave out `stream`"))

    given = document.get("parameters")
    if given is None:
        # TGI documentation: only with no parameters at all is do_sample true.
        return document["inputs"], {"do_sample": True}
    if not isinstance(given, dict):
        raise _undeserializable("parameters: invalid type, expected struct GenerateParameters")
    parameters = {}
    for name, value in given.items():
        kind = _PARAMETERS.get(name)
        if kind is None or (value is None and name not in _NOT_NULLABLE):
            continue
        if not kind.accepts(value):
            raise _undeserializable(f"parameters.{name}: invalid type: {value!r}, expected {kind.name}")
        parameters[name] = value
    return document["inputs"], parameters


def _validate(inputs: str, parameters: Mapping[str, Any], settings: ContainerSettings) -> tuple[str, int]:
    """Check a request against the limits of the container.

    Returns:
        The prompt, cut from the left to ``truncate`` tokens, and the number of tokens to generate at most.
    """
    problem = _parameter_problem(parameters, settings)
    if problem is None and not inputs:
        problem = "`inputs` cannot be empty"
    if problem is not None:
        raise _invalid(problem)

    tokens = encode(inputs)
    if "truncate" in parameters:
        tokens = tokens[-parameters["truncate"] :]
    room = settings.max_total_tokens - len(tokens)
    max_new_tokens: int = parameters.get("max_new_tokens", settings.default_new_tokens or max(room, 0))
    if max_new_tokens > room:
        raise _invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {settings.max_total_tokens}. "
            f"Given: {len(tokens)} `inputs` tokens and {max_new_tokens} `max_new_tokens`"
        )
    if len(tokens) > settings.max_input_tokens:
        raise _invalid(f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {len(tokens)}")
    return "".join(token.text for token in tokens), max_new_tokens


def _parameter_problem(parameters: Mapping[str, Any], settings: ContainerSettings) -> str | None:
    """Return the first of TGI's complaints about `parameters`, in its order, or None."""
    best_of = parameters.get("best_of", 1)
    sampling = any(parameters.get(name) for name in ("do_sample", "temperature", "top_k", "top_p", "typical_p"))
    stops = len(parameters.get("stop", ()))
    top_n_tokens = parameters.get("top_n_tokens", 0)
    truncate = parameters.get("truncate", 1)
    checks = (
        (
            1 <= best_of <= settings.max_best_of,
            f"`best_of` must be > 0 and <= {settings.max_best_of}. Given: {best_of}",
        ),
        (best_of == 1 or sampling, "you must use sampling when `best_of` is > 1"),
        (parameters.get("temperature", 1.0) > 0, "`temperature` must be strictly positive"),
        (parameters.get("repetition_penalty", 1.0) > 0, "`repetition_penalty` must be strictly positive"),
        (
            -2.0 <= parameters.get("frequency_penalty", 0.0) <= 2.0,
            "`frequency_penalty` must be >= -2.0 and <= 2.0",
        ),
        (0 < parameters.get("top_p", 0.5) < 1, "`top_p` must be > 0.0 and < 1.0"),
        (0 < parameters.get("typical_p", 0.5) < 1, "`typical_p` must be > 0.0 and < 1.0"),
        (parameters.get("top_k", 1) > 0, "`top_k` must be strictly positive"),
        (parameters.get("max_new_tokens", 1) > 0, "`max_new_tokens` must be strictly positive"),
        (
            stops <= settings.max_stop_sequences,
            f"`stop` supports up to {settings.max_stop_sequences} stop sequences. Given: {stops}",
        ),
        (best_of == 1 or "seed" not in parameters, "`seed` must not be set when `best_of` > 1"),
        (
            top_n_tokens <= settings.max_top_n_tokens,
            f"`top_n_tokens` must be >= 0 and <= {settings.max_top_n_tokens}. Given: {top_n_tokens}",
        ),
        (
            1 <= truncate <= settings.max_input_tokens,
            f"`truncate` must be strictly positive and less than {settings.max_input_tokens}. Given: {truncate}",
        ),
    )
    return next((problem for passed, problem in checks if not passed), None)


def _seed(prompt: str, parameters: Mapping[str, Any]) -> int | None:
    """Return the seed of the sampling, or None where decoding is greedy.

    TGI draws a random one where the request has none; here it is made of the prompt, so that answers stay the
    same.
    """
    sampling = parameters.get("do_sample", False) or any(
        name in parameters for name in ("temperature", "top_k", "top_p", "typical_p")
    )
    if not sampling:
        return None
    seed: int = parameters.get("seed", sum(token.id for token in encode(prompt)))
    return seed


def _answer(inputs: str, prompt: str, parameters: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    text = generation.text
    answer: dict[str, Any] = {"generated_text": inputs + text if parameters.get("return_full_text") else text}
    if parameters.get("details") or parameters.get("decoder_input_details"):
        wants_prompt = parameters.get("decoder_input_details", False)
        answer["details"] = {
            "finish_reason": generation.finish_reason,
            "generated_tokens": len(generation.tokens),
            "seed": _seed(prompt, parameters),
            "prefill": _prefill(prompt) if wants_prompt else [],
            "tokens": [_token(token) for token in generation.tokens],
        }
    return answer


def _prefill(prompt: str) -> list[dict[str, Any]]:
    """Return the prompt's tokens; the first has no probability, as nothing comes before it."""
    return [
        {"id": token.id, "text": token.text, "logprob": token.logprob if position else None}
        for position, token in enumerate(encode(prompt))
    ]


def _token(token: Token) -> dict[str, Any]:
    return {"id": token.id, "text": token.text, "logprob": token.logprob, "special": token.special}


def _invalid(problem: str) -> _RequestError:
    document = {"error": f"Input validation error: {problem}", "error_type": "validation"}
    return _RequestError(ContainerResponse.of_json(422, document))


def _undeserializable(problem: str) -> _RequestError:
    return _RequestError(_plain(422, f"Failed to deserialize the JSON body into the target type: {problem}"))


def _plain(status: int, text: str) -> ContainerResponse:
    return ContainerResponse(status=status, body=text, content_type="text/plain; charset=utf-8")
