"""Bedrock's Converse and ConverseStream: their parameters and calls.

Source: the API reference of Converse and ConverseStream, and botocore's model of them.
"""

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Mapping
from typing import Any

from invoke_shim.backends.bedrock import conversation, converse_answers
from invoke_shim.backends.bedrock.exchange import Events, Lines
from invoke_shim.backends.bedrock.streams import parse
from invoke_shim.generation.messages import Function, Tools
from invoke_shim.generation.types import Answer, Generation, GenerationRequest, Piece

_NO_ARGUMENTS: Mapping[str, Any] = {"properties": {}}

_SCHEMAS = ("items", "anyOf", "allOf", "oneOf")
_NAMED_SCHEMAS = ("properties", "$defs", "definitions")
"""The places of schemas within a schema that Bedrock knows."""


class Converse:
    """Converse and ConverseStream."""

    takes_messages = True

    def parameters(self, request: GenerationRequest) -> dict[str, Any]:
        """Return the operation's parameters, without the model.

        Raises:
            ApiError: 400, Converse does not take the chat.
        """
        return _parameters(request)

    def native_parameters(self, body: bytes) -> dict[str, Any]:
        """Return the operation's parameters of a payload; `stream`, which the route has read, is not one of them."""
        parameters = parse(body)
        parameters.pop("stream", None)
        if b'"bytes"' in body:
            for message in _objects(parameters.get("messages")):
                _decode_bytes(message.get("content"))
        return parameters

    def call(self, client: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Call Converse."""
        reply: dict[str, Any] = client.converse(**parameters)
        reply.pop("ResponseMetadata", None)
        return reply

    def call_stream(self, client: Any, parameters: Mapping[str, Any]) -> Any:
        """Call ConverseStream."""
        return client.converse_stream(**parameters)["stream"]

    def read(self, reply: Mapping[str, Any], request: GenerationRequest) -> Answer:
        """Read an answer that came at once.

        Raises:
            ApiError: The generation failed, or the answer is not understood.
        """
        return converse_answers.read(reply)

    def read_stream(self, events: Events, request: GenerationRequest) -> Iterator[Piece]:
        """Read a stream's events.

        Raises:
            ApiError: The generation failed, or the stream broke off.
        """
        return converse_answers.read_stream(events)

    def native_reply(self, reply: Mapping[str, Any]) -> bytes:
        """Return the answer as JSON."""
        return _encode(reply)

    def native_lines(self, events: Events) -> Lines:
        """Yield the events, one a line."""
        for event in events:
            yield _encode(event) + b"\n"


def _parameters(request: GenerationRequest) -> dict[str, Any]:
    generation = request.generation
    tools = generation.tools if generation.tools is None or generation.tools.choice != "none" else None
    chat = conversation.of(request.messages, calls=tools is not None)
    asked: dict[str, Any] = {"messages": chat.messages, "inferenceConfig": _inference_config(generation)}
    if chat.system:
        asked["system"] = chat.system
    if tools is not None:
        asked["toolConfig"] = _tool_config(tools)
    if generation.response_format is not None:
        asked["outputConfig"] = {"textFormat": _text_format(generation.response_format)}
    if more := _additional_fields(generation):
        asked["additionalModelRequestFields"] = more
    return asked


def _additional_fields(generation: Generation) -> dict[str, Any]:
    """Return what `inferenceConfig` lacks. A seed is best effort by OpenAI's API, and no reason to be refused."""
    penalties = {name: getattr(generation, name) for name in ("presence_penalty", "frequency_penalty")}
    return {**{name: value for name, value in penalties.items() if value is not None}, **generation.extra}


def _inference_config(generation: Generation) -> dict[str, Any]:
    config: dict[str, Any] = {}
    # Without it, an answer has as many tokens as the model may give one.
    if generation.max_tokens is not None:
        config["maxTokens"] = generation.max_tokens
    if generation.greedy:
        config["temperature"] = 0
    else:
        sampling = {"temperature": generation.temperature, "topP": generation.top_p}
        config |= {name: value for name, value in sampling.items() if value is not None}
    # Some models refuse blank ones; the answer is cut at them here in any case.
    if stop := [text for text in generation.stop if text.strip()]:
        config["stopSequences"] = stop
    return config


def _tool_config(tools: Tools) -> dict[str, Any]:
    """Write the tools; `auto` is Converse's default, and not every model takes a choice.

    `strict` has no effect: models that do not know it refuse the request, and no imported one is documented to.
    """
    config: dict[str, Any] = {"tools": [{"toolSpec": _spec(function)} for function in tools.functions]}
    if tools.choice == "required":
        config["toolChoice"] = {"any": {}}
    elif tools.choice == "named":
        config["toolChoice"] = {"tool": {"name": tools.name}}
    return config


def _spec(function: Function) -> dict[str, Any]:
    # Without a type Bedrock refuses a schema.
    schema = {"type": "object", **(function.parameters or _NO_ARGUMENTS)}
    spec: dict[str, Any] = {"name": function.name, "inputSchema": {"json": schema}}
    if (function.description or "").strip():
        spec["description"] = function.description
    return spec


def _text_format(response_format: Mapping[str, Any]) -> dict[str, Any]:
    """Write the schema of the answer, which Converse takes as JSON in a string."""
    form = response_format["json_schema"]
    named = {name: form[name] for name in ("name", "description") if form.get(name)}
    schema = json.dumps(_closed(form["schema"]), ensure_ascii=False)
    return {"type": "json_schema", "structure": {"jsonSchema": {"schema": schema, **named}}}


def _closed(schema: Any) -> Any:
    """Forbid properties that an object's schema does not name, where it says nothing of them.

    Bedrock refuses schemas without it. Whatever keeps to such a schema keeps to the caller's as well.
    """
    if not isinstance(schema, dict):
        return schema
    closed = dict(schema)
    for name in _SCHEMAS:
        if isinstance(found := schema.get(name), list):
            closed[name] = [_closed(item) for item in found]
        elif name in schema:
            closed[name] = _closed(found)
    for name in _NAMED_SCHEMAS:
        if isinstance(found := schema.get(name), dict):
            closed[name] = {member: _closed(item) for member, item in found.items()}
    if schema.get("type") == "object" or "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed


def _decode_bytes(blocks: Any) -> None:
    """Replace images and documents in base64, as the API has them, by their bytes, which botocore encodes again."""
    for block in _objects(blocks):
        for value in block.values():
            source = value.get("source") if isinstance(value, dict) else None
            if isinstance(source, dict) and isinstance(source.get("bytes"), str):
                try:
                    source["bytes"] = a2b_base64(source["bytes"])
                except ValueError:
                    # botocore takes a text as well, and Bedrock then finds no image in it.
                    continue
        if isinstance(result := block.get("toolResult"), dict):
            _decode_bytes(result.get("content"))


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, default=_base64).encode("ascii")


def _base64(value: bytes) -> str:
    return b2a_base64(value, newline=False).decode("ascii")
