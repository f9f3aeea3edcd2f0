"""Check OpenAI's objects: by the openai package's own models, taken strictly, and by OpenAI's published schema."""

import copy
import json
from functools import cache
from pathlib import Path
from typing import Any, get_args

from jsonschema import Draft202012Validator
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseErrorEvent, ResponseFunctionToolCallItem, ResponseStreamEvent
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


def is_response(document: Json) -> None:
    """A response, which OpenAI's SDK checks by its models: no field missing, of another type, or unknown."""
    assert document["store"] is False
    _is_of_sdk(Response, _without(document, ("store",)))
    for item in document["output"]:
        if item["type"] == "function_call":
            _is_of_sdk(ResponseFunctionToolCallItem, item)
    # Of these the SDK's model is more lenient than OpenAI's schema (`Response`, required).
    missing = {*_REQUIRED} - {*document}
    assert not missing


_REQUIRED = (
    *("id", "object", "created_at", "error", "incomplete_details", "instructions", "model", "tools", "output"),
    *("parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p"),
)


def is_response_event(document: Json) -> None:
    """An event of a response's stream."""
    if document["type"] == "error":
        # OpenAI's servers send the error in both forms.
        _is_of_sdk(ResponseErrorEvent, _without(document, ("error",)))
        is_error({"error": document["error"]})
        return
    if "response" in document:
        is_response(document["response"])
    kind = document["type"]
    if kind == "response.function_call_arguments.done":
        # OpenAI's schema requires the name, which the SDK's model lacks.
        assert isinstance(document["name"], str)
        document = _without(document, ("name",))
    _is_of_sdk(_event_models()[kind], _without(document, ("store",)))


@cache
def _event_models() -> dict[str, type[BaseModel]]:
    """The SDK's models of events by their types."""
    (events, *_) = get_args(ResponseStreamEvent)
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(events)}


def _is_of_sdk(model: type[BaseModel], document: Json) -> None:
    parsed = model.model_validate_json(json.dumps(document), strict=True)
    assert parsed.model_dump(exclude_unset=True, by_alias=True) == document
    assert _unknown_fields(parsed) == set()


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
