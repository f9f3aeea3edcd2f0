"""Hugging Face's text-generation-inference.

Source: TGI's `router/src/lib.rs` (types) and `validation.rs` (ranges), with the launcher's defaults for the limits
that a deployment can move. The names in AWS's Falcon 180B announcement are among them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import Problem, show
from invoke_shim.rules import forms
from invoke_shim.rules.base import Check, ContainerRules, Payload, Rules
from invoke_shim.rules.checks import (
    MAX_INT32,
    anything,
    flag,
    integer,
    nullable,
    number,
    number_between,
    positive,
    text,
    texts,
)

MAX_BEST_OF = 2
"""The launcher's default of `--max-best-of`."""

MAX_STOP = 4
"""The launcher's default of `--max-stop-sequences`."""

MAX_TOP_N_TOKENS = 5
"""The launcher's default of `--max-top-n-tokens`."""

MAX_SEED = 2**64 - 1
MAX_UINT32 = 2**32 - 1

GRAMMARS = ("json", "json_object", "json_schema", "regex")
"""The kinds of grammar; the second is another name of the first."""


def grammar(value: Any) -> str | None:
    """Check for a grammar: a regular expression, or a JSON schema with properties."""
    expected = 'an object like {"type": "json", "value": a JSON schema} or {"type": "regex", "value": a string}'
    if not isinstance(value, dict) or set(value) != {"type", "value"} or value["type"] not in GRAMMARS:
        return expected
    if value["type"] == "regex":
        return forms.regex(value["value"]) if text(value["value"]) is None else expected
    schema = value["value"]
    if value["type"] == "json_schema" and isinstance(schema, dict):
        schema = schema.get("schema", schema)
    # TGI takes a schema as JSON inside a string too, and reads it itself.
    if isinstance(schema, str):
        return forms.schema_text(schema)
    if not isinstance(schema, dict):
        return expected
    if not isinstance(schema.get("properties"), dict):
        return "a grammar whose JSON schema has properties"
    return forms.schema(schema)


def conflicts(parameters: Mapping[str, Any], /, *, stream: bool, samples: bool) -> list[Problem]:
    """List the conflicts that TGI answers with 422 though every value is right by itself."""
    problems = []
    best_of = parameters.get("best_of") or 1
    if best_of > 1:
        if not samples:
            problems.append(
                _problem("best_of", best_of, "needs sampling: send a temperature above 0 or do_sample true")
            )
        if parameters.get("seed") is not None:
            problems.append(_problem("best_of", best_of, "cannot go with a seed: leave one of them out"))
        if stream:
            problems.append(_problem("best_of", best_of, "cannot be streamed: leave best_of or stream out"))
    if stream and parameters.get("decoder_input_details") is True:
        problems.append(_problem("decoder_input_details", True, "cannot be streamed: leave it or stream out"))
    return problems


def guided_conflicts(parameters: Mapping[str, Any], /, *, stream: bool, samples: bool) -> list[Problem]:
    """List these conflicts, and the parts of OpenAI's `response_format` that no grammar can express."""
    return conflicts(parameters, stream=stream, samples=samples) + _format_problems(parameters)


def _format_problems(parameters: Mapping[str, Any]) -> list[Problem]:
    form = parameters.get("response_format") or {"type": "text"}
    if form["type"] == "text":
        return []
    problems = []
    if "grammar" in parameters:
        problems.append(Problem("grammar", "grammar and response_format both tell the form: send one of them"))
    if form["type"] == "json_schema" and not isinstance(form["json_schema"]["schema"].get("properties"), dict):
        text = "response_format has a schema without properties, which this model's container needs"
        problems.append(Problem("response_format", text))
    return problems


def _problem(name: str, value: Any, text: str) -> Problem:
    return Problem(name, f"{name} is {show(value)}, which {text}")


_EXTRA: Mapping[str, Check] = {
    "adapter_id": text,
    "best_of": integer(1, MAX_BEST_OF),
    "decoder_input_details": flag,
    "details": flag,
    "do_sample": flag,
    "grammar": grammar,
    "ignore_eos": flag,
    "repetition_penalty": positive,
    "return_full_text": flag,
    "top_k": integer(1, MAX_INT32),
    "top_n_tokens": integer(0, MAX_TOP_N_TOKENS),
    "truncate": integer(1),
    "typical_p": number_between(0, 1),
    "watermark": flag,
}

_PARAMETERS: Mapping[str, Check] = {
    "adapter_id": nullable(text),
    "best_of": nullable(integer(1, MAX_BEST_OF)),
    "decoder_input_details": flag,
    "details": flag,
    "do_sample": flag,
    "frequency_penalty": nullable(number(-2, 2)),
    "grammar": nullable(grammar),
    "max_new_tokens": nullable(integer(1, MAX_UINT32)),
    "repetition_penalty": nullable(positive),
    "return_full_text": nullable(flag),
    "seed": nullable(integer(0, MAX_SEED)),
    "stop": texts(MAX_STOP),
    "temperature": nullable(positive),
    "top_k": nullable(integer(1, MAX_INT32)),
    "top_n_tokens": nullable(integer(0, MAX_TOP_N_TOKENS)),
    "top_p": nullable(number_between(0, 1)),
    "truncate": nullable(integer(1)),
    "typical_p": nullable(number_between(0, 1)),
    "watermark": flag,
}

_REASONS = MappingProxyType(
    {
        "ignore_eos": "this container always ends at the end-of-text token",
        "max_tokens": "this container's name of it is max_new_tokens",
        "min_p": "this container has top_p, top_k and typical_p",
        "presence_penalty": "this container has repetition_penalty and frequency_penalty",
        "stop_sequences": "this container's name of it is stop",
    }
)

_PAYLOAD = Payload(
    prompt="inputs",
    fields=MappingProxyType({"inputs": text, "parameters": anything, "stream": flag}),
    parameters=MappingProxyType(_PARAMETERS),
    reasons=_REASONS,
    limits=("max_new_tokens",),
    truncate="truncate",
    sampling=frozenset({"temperature", "top_k", "top_p", "typical_p"}),
    conflicts=conflicts,
)


def _rules(*, guided: bool) -> ContainerRules:
    return ContainerRules(
        rules=Rules(
            # Where the container does not, the backend asks for what fits.
            fills=True,
            max_stop=MAX_STOP,
            penalties=frozenset({"frequency_penalty"} if guided else ()),
            max_top_logprobs=MAX_TOP_N_TOKENS,
            response_format=guided,
            json_object=guided,
            extra=MappingProxyType(_EXTRA),
            dropped=frozenset({"details", "ignore_eos"}),
            conflicts=guided_conflicts if guided else conflicts,
        ),
        payloads=(_PAYLOAD,),
    )


TGI = _rules(guided=False)
"""For any version. What an older one ignores in silence is refused where the client used OpenAI's name for it; a client
that uses TGI's own names is taken to know the version. TGI 1.1 and newer know all other names."""

TGI_GUIDED = _rules(guided=True)
"""For 1.4.3 and newer, which know `frequency_penalty` and `grammar`, and so a `response_format` with a schema."""
