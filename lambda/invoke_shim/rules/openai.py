"""Checks of OpenAI's own parameters that are more than a number or a flag."""

from collections.abc import Mapping
from typing import Any

from invoke_shim.errors import Problem, show
from invoke_shim.rules.checks import flag, list_of, nullable, object_of, text
from invoke_shim.rules.forms import schema as schema_bounds

MAX_N = 128
"""OpenAI's limit of answers to a request."""

MAX_TOP_LOGPROBS = 20
"""OpenAI's limit of alternatives at a token in a chat."""

MAX_COMPLETION_LOGPROBS = 5
"""OpenAI's limit of alternatives at a token in a completion."""

STREAM_OPTIONS = ("include_usage", "include_obfuscation", "continuous_usage_stats")
"""OpenAI's two, and vLLM's, which load generators send. Padding against eavesdropping is OpenAI's own business."""

RESPONSE_FORMATS = ("text", "json_object", "json_schema")


stream_options = object_of(dict.fromkeys(STREAM_OPTIONS, nullable(flag)))
"""Checks the options of a stream, each a flag."""


def response_format(value: Any) -> str | None:
    """Check the form of the answer: text, any JSON, or JSON by a schema."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in RESPONSE_FORMATS:
        return f"an object whose type is one of {', '.join(RESPONSE_FORMATS)}"
    if kind == "json_schema":
        schema = value.get("json_schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("schema"), dict):
            return "a json_schema with a name and a schema, both inside json_schema"
        if text(schema.get("name")) is not None:
            return "a json_schema with a name"
        if (expected := schema_bounds(schema["schema"])) is not None:
            return f"{expected}, inside json_schema"
    return None


def _message(value: Any) -> str | None:
    right = isinstance(value, dict) and text(value.get("role")) is None
    return None if right and isinstance(value.get("content"), str | list | None) else "a message"


messages = list_of(_message, "messages, each an object with a role and content, a string or a list of parts")
"""Checks a chat; other members of its messages are left to the model's side."""


def prompts(value: Any) -> str | None:
    """Check for a prompt as text, several of them, or token ids, which OpenAI's API takes too."""
    if text(value) is None or _texts(value) is None or _token_ids(value) is None:
        return None
    lists = isinstance(value, list) and value and all(_token_ids(item) is None for item in value)
    return None if lists else "a non-empty string, a list of them, or lists of token ids"


def _token_id(value: Any) -> str | None:
    return None if type(value) is int and value >= 0 else "an integer of at least 0"


_texts = list_of(text, "non-empty strings")
_token_ids = list_of(_token_id, "token ids")


def native_conflicts(parameters: Mapping[str, Any], *, stream: bool) -> list[Problem]:
    """List the conflicts in a payload of OpenAI's form that goes to the model's side unchanged."""
    problems = []
    if parameters.get("stream_options") is not None and not stream:
        problems.append(Problem("stream_options", "stream_options is given, which needs stream to be true"))
    top = parameters.get("top_logprobs")
    if top and not parameters.get("logprobs"):
        problems.append(Problem("top_logprobs", f"top_logprobs is {show(top)}, which needs logprobs to be true"))
    return problems
