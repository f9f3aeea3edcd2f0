"""TGI's requests: their form, and the checks of their parameters in TGI's order and words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from localaws.containers.chats import Chat
from localaws.containers.engine import Engine, Sampling
from localaws.containers.messages import is_integer, is_number
from localaws.containers.settings import ContainerSettings, Version
from localaws.containers.tgi.errors import InferError, UnreadableError
from localaws.containers.tgi.grammar import grammar_problem, is_grammar
from localaws.containers.tgi.pictures import with_pictures
from localaws.containers.tokens import Token


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
    "grammar": _Kind("adjacently tagged enum GrammarType", lambda value: isinstance(value, dict)),
    "adapter_id": _Kind("a string", lambda value: isinstance(value, str)),
}
# Later than 1.1.0, the oldest version that is distinguished (TGI's release notes); before, they are unknown.
_SINCE: Final[Mapping[str, Version]] = {"grammar": (1, 4, 3), "adapter_id": (2, 1, 0)}
_NO_GRAMMARS: Final = "grammar is not supported"
# These alone have no "none": JSON's null is refused for them.
_NOT_NULLABLE: Final = {"do_sample", "stop", "watermark", "details", "decoder_input_details"}


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A request that can be read.

    Attributes:
        inputs: The prompt as it was sent, or as the chat template made it.
        parameters: The parameters that this version of TGI knows and that are not null, but for `max_new_tokens`: null
            fills the context.
        stream: Whether to stream the answer.
        chat: The chat that the prompt was made of.
    """

    inputs: str
    parameters: Mapping[str, Any]
    stream: bool
    chat: Chat | None = None


@dataclass(frozen=True, slots=True)
class ValidRequest:
    """A request that keeps the container's limits.

    Attributes:
        prompt: The prompt, cut from the left to `truncate` tokens.
        tokens: Its tokens.
        max_new_tokens: The number of tokens to generate at most.
        sampling: The sampling; its seed is None where decoding is greedy.
    """

    prompt: str
    tokens: tuple[Token, ...]
    max_new_tokens: int
    sampling: Sampling

    @property
    def seed(self) -> int | None:
        """The seed of the sampling, or None where decoding is greedy."""
        return self.sampling.seed


def parse(document: Any, version: Version) -> GenerateRequest:
    """Read a request in TGI's own form.

    Raises:
        UnreadableError: If it has not the form of one, in the words of TGI's web framework.
    """
    if not isinstance(document, dict):
        raise undeserializable("invalid type, expected struct CompatGenerateRequest")
    if "inputs" not in document:
        raise undeserializable("missing field `inputs`")
    if not isinstance(document["inputs"], str):
        raise undeserializable("inputs: invalid type, expected a string")
    stream = document.get("stream", False)
    if not isinstance(stream, bool):
        raise undeserializable(f"stream: invalid type: {stream!r}, expected a boolean")
    given = document.get("parameters")
    if given is None:
        # TGI documentation: only with no parameters at all is do_sample true.
        return GenerateRequest(document["inputs"], {"do_sample": True}, stream)
    if not isinstance(given, dict):
        raise undeserializable("parameters: invalid type, expected struct GenerateParameters")
    return GenerateRequest(document["inputs"], _known(given, version), stream)


def _known(given: Mapping[str, Any], version: Version) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, value in given.items():
        kind = _PARAMETERS.get(name)
        if kind is None or version < _SINCE.get(name, version):
            continue
        if value is None and (name != "max_new_tokens" or version >= (1, 4, 0)) and name not in _NOT_NULLABLE:
            if name == "max_new_tokens":
                # An `Option` since 1.4.0; its default is for requests without the field.
                parameters[name] = None
            continue
        if not kind.accepts(value) or (name == "grammar" and not is_grammar(value, version)):
            raise undeserializable(f"parameters.{name}: invalid type: {value!r}, expected {kind.name}")
        parameters[name] = value
    return parameters


def validated(request: GenerateRequest, settings: ContainerSettings, engine: Engine) -> ValidRequest:
    """Check a request against the limits of the container.

    Args:
        request: The request.
        settings: The container's settings.
        engine: What counts its tokens.

    Raises:
        InferError: If it does not keep them.
    """
    inputs, parameters = request.inputs, request.parameters
    problem = _stream_problem(parameters) if request.stream else None
    problem = problem or _parameter_problem(parameters, settings)
    if problem is None and not inputs:
        problem = "`inputs` cannot be empty"
    if problem is not None:
        raise InferError.invalid(problem)

    tokens = engine.encode(with_pictures(inputs) if settings.loaded.sees else inputs)
    if "truncate" in parameters:
        tokens = tokens[-parameters["truncate"] :]
    room = settings.max_total_tokens - len(tokens)
    asked = parameters.get("max_new_tokens", settings.default_new_tokens)
    max_new_tokens: int = max(room, 0) if asked is None else asked
    if max_new_tokens > room:
        raise InferError.invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {settings.max_total_tokens}. "
            f"Given: {len(tokens)} `inputs` tokens and {max_new_tokens} `max_new_tokens`"
        )
    if len(tokens) > settings.max_input_tokens:
        raise InferError.invalid(
            f"`inputs` must have less than {settings.max_input_tokens} tokens. Given: {len(tokens)}"
        )
    if "grammar" in parameters:
        problem = grammar_problem(parameters["grammar"], settings.version) if settings.grammars else _NO_GRAMMARS
        if problem is not None:
            raise InferError.invalid(problem)
    prompt = "".join(token.text for token in tokens)
    sampling = Sampling(
        seed=_seed(tokens, parameters), **{name: parameters.get(name) for name in ("temperature", "top_p", "top_k")}
    )
    return ValidRequest(prompt, tuple(tokens), max_new_tokens, sampling)


def _stream_problem(parameters: Mapping[str, Any]) -> str | None:
    if parameters.get("best_of", 1) != 1:
        return "`best_of` != 1 is not supported when streaming tokens"
    if parameters.get("decoder_input_details"):
        return "`decoder_input_details` == true is not supported when streaming tokens"
    return None


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
        (parameters.get("max_new_tokens") != 0, "`max_new_tokens` must be strictly positive"),
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


def _seed(tokens: Sequence[Token], parameters: Mapping[str, Any]) -> int | None:
    """Return the seed of the sampling, or None where decoding is greedy.

    TGI draws a random one where the request has none; here it is made of the prompt, so that answers stay the
    same.
    """
    sampling = parameters.get("do_sample", False) or any(
        name in parameters for name in ("temperature", "top_k", "top_p", "typical_p")
    )
    if not sampling:
        return None
    seed: int = parameters.get("seed", sum(token.id for token in tokens))
    return seed


def undeserializable(problem: str) -> UnreadableError:
    """Return the refusal of a payload of the wrong form."""
    return UnreadableError(422, f"Failed to deserialize the JSON body into the target type: {problem}")
