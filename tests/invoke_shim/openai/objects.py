"""Check OpenAI's objects: by the openai package's own models, taken strictly, and by OpenAI's published schema."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.shared import ErrorObject
from pydantic import BaseModel, ConfigDict

Json = Any


class ModelList(BaseModel):
    """OpenAI's ListModelsResponse; the SDK has it only as a page of a generic type."""

    model_config = ConfigDict(extra="forbid")
    object: str
    data: list[Model]


class ErrorResponse(BaseModel):
    """OpenAI's ErrorResponse; the SDK has only what is in it."""

    model_config = ConfigDict(extra="forbid")
    error: ErrorObject


KINDS: dict[str, type[BaseModel]] = {
    "CreateChatCompletionResponse": ChatCompletion,
    "CreateChatCompletionStreamResponse": ChatCompletionChunk,
    "CreateCompletionResponse": Completion,
    "ErrorResponse": ErrorResponse,
    "ListModelsResponse": ModelList,
    "Model": Model,
}
"""By their names in OpenAI's schema."""


def is_chat(document: Json) -> None:
    check("CreateChatCompletionResponse", document)


def is_completion(document: Json) -> None:
    check("CreateCompletionResponse", document)


def is_chat_chunk(document: Json) -> None:
    check("CreateChatCompletionStreamResponse", document)


def is_completion_chunk(document: Json) -> None:
    """A chunk is a completion, but for what OpenAI's schema leaves out and its examples and prose have.

    Until the last chunk the finish reason is null (the schema's example of a stream), and with `include_usage` the
    usage is null in all chunks but the last (the description of `stream_options`).
    """
    document = copy.deepcopy(document)
    if document.get("usage", 1) is None:
        del document["usage"]
    for choice in document["choices"]:
        if choice["finish_reason"] is None:
            choice["finish_reason"] = "stop"
    check("CreateCompletionResponse", document)


def is_error(document: Json) -> None:
    check("ErrorResponse", document)


BEYOND = ("reasoning", "reasoning_content", "max_model_len")
"""Members that OpenAI's objects lack, and that clients of other servers read."""


def check(name: str, document: Json) -> None:
    """Judge a document: every field of the right type, none missing, and none that OpenAI's object has not."""
    document = _without(document, BEYOND)
    _validator(name).validate(document)
    parsed = KINDS[name].model_validate_json(json.dumps(document), strict=True)
    assert parsed.model_dump(exclude_unset=True) == document
    assert _unknown_fields(parsed) == set()


def _without(value: Json, names: tuple[str, ...]) -> Json:
    if isinstance(value, list):
        return [_without(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: _without(item, names) for name, item in value.items() if name not in names}


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((Path(__file__).parent / "openai_schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator({"$defs": _closed(schema["$defs"]), "$ref": f"#/$defs/{name}"})


def _closed(schema: Json) -> Json:
    """The schema with objects that have no other properties than those it lists."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _unknown_fields(value: object) -> set[str]:
    """The names that OpenAI's lenient models took without knowing them."""
    if isinstance(value, list):
        return set().union(*(_unknown_fields(item) for item in value))
    if not isinstance(value, BaseModel):
        return set()
    below = [_unknown_fields(getattr(value, name)) for name in type(value).model_fields]
    return set(value.model_extra or {}).union(*below)
