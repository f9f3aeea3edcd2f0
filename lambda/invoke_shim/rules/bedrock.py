"""The bodies that Bedrock takes for imported models, and its Converse API.

Sources: the pages "Invoke your imported model" and "Advanced API features for imported models" of Bedrock's user guide,
which for what they do not list refer to OpenAI's reference; for Converse, botocore's `bedrock-runtime` model.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from invoke_shim.errors import Problem, show
from invoke_shim.rules import forms
from invoke_shim.rules.base import Check, ContainerRules, Payload, Rules
from invoke_shim.rules.checks import (
    MAX_INT32,
    MAX_INT64,
    anything,
    flag,
    fraction,
    integer,
    json_object,
    list_of,
    nullable,
    number,
    object_of,
    positive,
    stop_or_texts,
    text,
    text_object,
    texts,
)
from invoke_shim.rules.openai import (
    MAX_COMPLETION_LOGPROBS,
    MAX_TOP_LOGPROBS,
    messages,
    native_conflicts,
    stream_options,
)
from invoke_shim.rules.refused import CONVERSE

MAX_CONVERSE_STOP = 2500
"""Stop sequences of Converse's `inferenceConfig`, by the service's model."""

MAX_FIELD_PATHS = 10
"""Entries of `additionalModelResponseFieldPaths`, by the service's model."""


def response_format(value: Any) -> str | None:
    """Check the form of the answer.

    Bedrock's own body takes the bare schema as `json_schema`, the other two take OpenAI's object.
    """
    if isinstance(value, dict) and value.get("type") in ("text", "json_object"):
        return None
    if isinstance(value, dict) and value.get("type") == "json_schema" and isinstance(value.get("json_schema"), dict):
        # OpenAI's object is no schema itself, and its references are those of the schema in it.
        form = value["json_schema"]
        expected = forms.schema(form["schema"] if isinstance(form.get("schema"), dict) else form)
        return None if expected is None else f"{expected}, as json_schema"
    return "an object whose type is text, json_object or json_schema, the last with the object json_schema"


structured_outputs = forms.structured_outputs()
"""Checks one constraint on the answer: a JSON schema, a regular expression, a choice or a grammar."""


def _one_form(parameters: Mapping[str, Any], /, **_how: bool) -> list[Problem]:
    if parameters.get("response_format") is None or parameters.get("structured_outputs") is None:
        return []
    return [
        Problem(
            "structured_outputs",
            "structured_outputs and response_format both tell the answer's form: send one of them",
        )
    ]


def _native_conflicts(parameters: Mapping[str, Any], /, *, stream: bool, **_how: bool) -> list[Problem]:
    return _one_form(parameters) + native_conflicts(parameters, stream=stream)


_SAMPLING: Mapping[str, Check] = MappingProxyType(
    {
        # Of vLLM, whose members AWS's examples of answers have; it takes fields that it does not know, too.
        "min_p": number(0, 1),
        "repetition_penalty": positive,
        "structured_outputs": structured_outputs,
        "top_k": integer(-1, MAX_INT32),
    }
)
"""Parameters of OpenAI's two bodies that OpenAI's API has not."""


def _openai_fields(more: Mapping[str, Check]) -> Mapping[str, Check]:
    fields = {
        "frequency_penalty": number(-2, 2),
        "max_tokens": integer(1),
        "model": text,
        "n": integer(1, 1),
        "presence_penalty": number(-2, 2),
        "response_format": response_format,
        "seed": integer(-MAX_INT64 - 1, MAX_INT64),
        "stop": stop_or_texts,
        "stream": flag,
        "stream_options": stream_options,
        "temperature": number(0, 2),
        "top_p": fraction,
        "user": text,
        **_SAMPLING,
        **more,
    }
    needed = ("messages", "prompt")
    return MappingProxyType({name: check if name in needed else nullable(check) for name, check in fields.items()})


_PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})
_TOOL_CHOICES = frozenset({"required", "named"})

BEDROCK_CHAT = ContainerRules(
    rules=Rules(
        fills=True,
        penalties=_PENALTIES,
        max_top_logprobs=MAX_TOP_LOGPROBS,
        response_format=True,
        json_object=True,
        tools=True,
        tool_choices=_TOOL_CHOICES,
        images=True,
        streams_usage=True,
        extra=MappingProxyType({**_SAMPLING, "reasoning_effort": text}),
        conflicts=_one_form,
    ),
    payloads=(
        Payload(
            prompt="messages",
            fields=_openai_fields(
                {
                    "logprobs": flag,
                    "max_completion_tokens": integer(1),
                    "messages": messages,
                    "prompt_logprobs": integer(0, MAX_TOP_LOGPROBS),
                    "reasoning_effort": text,
                    "tool_choice": anything,
                    "tools": forms.tools,
                    "top_logprobs": integer(0, MAX_TOP_LOGPROBS),
                }
            ),
            limits=("max_tokens", "max_completion_tokens"),
            conflicts=_native_conflicts,
        ),
    ),
)

BEDROCK_COMPLETION = ContainerRules(
    rules=Rules(
        penalties=_PENALTIES,
        max_top_logprobs=MAX_COMPLETION_LOGPROBS,
        response_format=True,
        json_object=True,
        streams_usage=True,
        extra=_SAMPLING,
        conflicts=_one_form,
    ),
    payloads=(
        Payload(
            prompt="prompt",
            fields=_openai_fields(
                {
                    "echo": flag,
                    "logprobs": integer(0, MAX_COMPLETION_LOGPROBS),
                    "prompt": text,
                    "prompt_logprobs": integer(0, MAX_TOP_LOGPROBS),
                }
            ),
            # Without it the service takes the prompt for a body of its own form.
            required=("max_tokens",),
            reasons=MappingProxyType({"max_gen_len": "this model is declared with OpenAI's body: send max_tokens"}),
            conflicts=_native_conflicts,
        ),
    ),
)


def _cooler(parameters: Mapping[str, Any], /, **_how: bool) -> list[Problem]:
    """Check the temperature: Bedrock's own body and Converse take 0 to 1, OpenAI's API goes to 2."""
    temperature = parameters.get("temperature") or 0
    if temperature <= 1:
        return []
    return [Problem("temperature", f"temperature is {show(temperature)}, but this model's API takes 0 to 1")]


BEDROCK_NATIVE = ContainerRules(
    # The body has no field for stop strings: the shim alone ends the answer at them.
    rules=Rules(
        max_stop=0,
        response_format=True,
        json_object=True,
        streams_usage=True,
        extra=MappingProxyType({}),
        conflicts=_cooler,
    ),
    payloads=(
        Payload(
            prompt="prompt",
            fields=MappingProxyType(
                {
                    "max_gen_len": integer(1),
                    "prompt": text,
                    "response_format": nullable(response_format),
                    "return_logprobs": nullable(flag),
                    "stream": flag,
                    "temperature": nullable(number(0, 1)),
                    "top_p": nullable(number(0, 1)),
                }
            ),
            required=("max_gen_len",),
            reasons=MappingProxyType(
                {"max_tokens": "this model is declared with Bedrock's own body: send max_gen_len"}
            ),
            limits=("max_gen_len",),
        ),
    ),
)


additional_fields = object_of(
    {
        # "Invoke your imported model": the fields of its bodies that `inferenceConfig` lacks.
        "frequency_penalty": number(-2, 2),
        "presence_penalty": number(-2, 2),
        "seed": integer(-MAX_INT64 - 1, MAX_INT64),
        # Also "Inference parameters" of Mistral's models, which Bedrock takes of imported ones as well.
        "top_k": integer(-1, MAX_INT32),
    },
    "no schema bounds what else a model's server would take",
)
"""Checks parameters beside `inferenceConfig`.

Listed are those that may be sent: the model's server may take others than Bedrock documents, and among those are
grammars, regular expressions, numbers of generations and a second limit of tokens.
"""


def tool_config(value: Any) -> str | None:
    """Check for Converse's tools, whose parameters are schemas within the bounds."""
    tools = value.get("tools") if isinstance(value, dict) else None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return "an object with a list of tools"
    if len(tools) > forms.MAX_TOOLS:
        return f"an object with at most {forms.MAX_TOOLS} tools"
    found = [_member(tool, "toolSpec", "inputSchema", "json") for tool in tools]
    expected = forms.all_schemas(schema for schema in found if schema is not None)
    return None if expected is None else f"tools whose inputSchema is {expected}"


def output_config(value: Any) -> str | None:
    """Check for the form of Converse's answer, whose schema, JSON in a string, is within the bounds."""
    if not isinstance(value, dict):
        return "an object"
    schema = _member(value, "textFormat", "structure", "jsonSchema", "schema")
    expected = None if schema is None else forms.schema_text(schema)
    return None if expected is None else f"an object whose schema is {expected}"


def _member(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


BEDROCK_CONVERSE = ContainerRules(
    rules=Rules(
        fills=True,
        max_stop=MAX_CONVERSE_STOP,
        penalties=_PENALTIES,
        response_format=True,
        tools=True,
        tool_choices=_TOOL_CHOICES,
        images=True,
        streams_usage=True,
        extra=MappingProxyType({"top_k": integer(-1, MAX_INT32)}),
        conflicts=_cooler,
    ),
    payloads=(
        Payload(
            prompt="messages",
            fields=MappingProxyType(
                {
                    "additionalModelRequestFields": additional_fields,
                    "additionalModelResponseFieldPaths": texts(MAX_FIELD_PATHS),
                    "inferenceConfig": anything,
                    "messages": messages,
                    "outputConfig": output_config,
                    "promptVariables": json_object,
                    "requestMetadata": text_object,
                    "stream": flag,
                    "system": list_of(json_object, "objects"),
                    "toolConfig": tool_config,
                }
            ),
            parameters=MappingProxyType(
                {
                    "maxTokens": integer(1),
                    "stopSequences": texts(MAX_CONVERSE_STOP),
                    "temperature": number(0, 1),
                    "topP": number(0, 1),
                }
            ),
            nested="inferenceConfig",
            reasons=CONVERSE,
            limits=("maxTokens",),
        ),
    ),
)
