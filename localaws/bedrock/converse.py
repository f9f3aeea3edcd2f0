"""Converse and ConverseStream for imported models.

Sources: the API reference, botocore's service model, and for the words of the refusals what users quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.validate import ParamValidator

from localaws import constraints
from localaws.bedrock import answers
from localaws.bedrock.behaviour import Behaviour
from localaws.bedrock.bodies import GenerationRequest, chat_prompt
from localaws.bedrock.conversation import tools_of, turns_of
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel
from localaws.bedrock.tools import Call
from localaws.constraints import service_model
from localaws.containers.chats import Chat, Turn
from localaws.containers.engine import Grammar
from localaws.containers.schemas import schema_problem
from localaws.service import ServiceError, check

_FIELDS: Final = frozenset(
    {"messages", "system", "inferenceConfig", "additionalModelRequestFields", "additionalModelResponseFieldPaths"}
    | {"requestMetadata", "performanceConfig", "toolConfig", "outputConfig"}
)


def read(body: bytes, model: ImportedModel, rules: Behaviour) -> GenerationRequest:
    """Read a body.

    Raises:
        ServiceError: ValidationException, if the model does not take it, or converses with nobody.
    """
    if not model.converses:
        raise invalid(
            "This action doesn't support the model that you provided. Try again with a supported text or chat model."
        )
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise invalid("The request body is not a JSON object.")
    unsupported = sorted(set(document) - _FIELDS)
    if unsupported:
        raise _unsupported(unsupported[0])
    _check_types(document)
    check("bedrock-runtime", "Converse", document)
    config = document.get("inferenceConfig") or {}
    _check_ranges(config)
    system = [_system(block) for block in document.get("system") or []]
    if document.get("toolConfig") is not None and not model.can("call tools", rules):
        raise invalid("This model doesn't support tool use.")
    tools = tools_of(document.get("toolConfig"))
    turns = turns_of(document.get("messages"), has_tools=bool(tools.all))
    chat = Chat((*system, *turns), tools.all)
    if chat.images and not model.can("see in Converse", rules):
        raise _unsupported("image")
    if "outputConfig" in document and not model.can("keep to schemas in Converse", rules):
        raise _unsupported("outputConfig")
    return GenerationRequest(
        kind="chat",
        prompt=chat_prompt(chat, model),
        max_tokens=config.get("maxTokens"),
        stop=tuple(config.get("stopSequences") or ()),
        temperature=config.get("temperature"),
        chat=chat,
        tools=tools,
        grammar=_grammar(document.get("outputConfig")),
        reasons=model.can("reason", rules),
    )


def guardrail_of(body: bytes) -> str | None:
    """Return the guardrail that a body names, or None."""
    try:
        config = json.loads(body).get("guardrailConfig")
    except (ValueError, RecursionError, AttributeError):
        return None
    return str(config.get("guardrailIdentifier")) if isinstance(config, dict) else None


def whole(outcome: answers.Outcome) -> dict[str, Any]:
    """Return the body of Converse's answer."""
    [only] = outcome.answers
    content: list[dict[str, Any]] = []
    if only.reasoning:
        content.append({"reasoningContent": {"reasoningText": {"text": answers.text_of(only.reasoning)}}})
    if only.text or not (only.calls or only.reasoning):
        content.append({"text": only.text})
    content += [{"toolUse": {**_named(call), "input": _input(call)}} for call in only.calls]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": _stop_reason(only),
        "usage": _usage(outcome),
        "metrics": {"latencyMs": outcome.latency_ms},
    }


def events(outcome: answers.Outcome, *, tokens_per_event: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of ConverseStream's answer: their types and members."""
    [only] = outcome.answers
    yield "messageStart", {"role": "assistant"}
    for index, (start, deltas) in enumerate(_blocks(only, max(1, tokens_per_event))):
        if start is not None:
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
        for delta in deltas:
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": delta}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": _stop_reason(only)}
    yield "metadata", {"usage": _usage(outcome), "metrics": {"latencyMs": outcome.latency_ms}}


def _blocks(only: answers.Answer, size: int) -> Iterator[tuple[dict[str, Any] | None, list[dict[str, Any]]]]:
    """Yield the blocks of an answer: the start of those that have one, and the deltas."""
    if only.reasoning:
        yield None, [{"reasoningContent": {"text": text}} for text in _texts(only.reasoning, size)]
    if only.text or not (only.calls or only.reasoning):
        yield None, [{"text": text} for text in _texts(only.pieces, size)]
    for call in only.calls:
        # The input is JSON in pieces, of which the first is empty.
        yield {"toolUse": _named(call)}, [{"toolUse": {"input": text}} for text in ("", *_texts(call.pieces, size))]


def _texts(pieces: answers.Pieces, size: int) -> Iterator[str]:
    return (text for group, _ in answers.groups(pieces, size) if (text := answers.text_of(group)))


def _named(call: Call) -> dict[str, str]:
    return {"toolUseId": f"tooluse_{call.digest}", "name": call.name}


def _input(call: Call) -> Any:
    """Return a call's arguments; of those that the limit of tokens cut, there is no object."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return {}


def _system(block: Mapping[str, Any]) -> Turn:
    text = block.get("text")
    if not isinstance(text, str) or not text.strip():
        raise invalid("The text field in a SystemContentBlock object is blank. Add text to the text field.")
    return Turn("system", text)


def _grammar(output: Any) -> Grammar | None:
    """Return the schema of `outputConfig`, which is JSON in a string.

    Source: Bedrock User Guide, "Get validated JSON results from models", supported JSON Schema features.
    """
    form = ((output or {}).get("textFormat") or {}).get("structure") or {}
    if "jsonSchema" not in form:
        return None
    try:
        schema = json.loads(form["jsonSchema"]["schema"])
    except (ValueError, RecursionError):
        schema = None
    problem = schema_problem(schema) if isinstance(schema, dict) else "it is no JSON object"
    if problem is None and not _closed(schema):
        problem = "'additionalProperties' must be explicitly set to false for type object"
    if problem is not None:
        raise invalid(f"outputConfig.textFormat.structure.jsonSchema.schema: {problem}")
    return Grammar(schema=schema)


def _closed(schema: Any) -> bool:
    """Return whether all objects of a schema take no properties that they do not name."""
    if isinstance(schema, list):
        return all(map(_closed, schema))
    if not isinstance(schema, dict):
        return True
    is_object = schema.get("type") == "object" and schema.get("additionalProperties") is not False
    return not is_object and all(map(_closed, schema.values()))


def _unsupported(field: str) -> ServiceError:
    return invalid(f"This model doesn't support the {field} field. Remove {field} and try again.")


def _check_types(document: Mapping[str, Any]) -> None:
    """Refuse what misses a member, has an unknown one or one of a wrong type, as botocore does before it sends."""
    shape = service_model("bedrock-runtime").shape_for("ConverseRequest")
    report = ParamValidator().validate({"modelId": "of-the-path", **document}, shape)
    if report.has_errors():
        raise invalid(report.generate_report())


def _check_ranges(config: Mapping[str, Any]) -> None:
    for name in ("temperature", "topP"):
        value = config.get(name)
        if value is not None and not 0 <= value <= 1:
            bound = "less than or equal to 1" if value > 1 else "greater than or equal to 0"
            raise invalid(
                constraints.detected(
                    f"Value '{value}' at 'inferenceConfig.{name}' failed to satisfy constraint: "
                    f"Member must have value {bound}"
                )
            )
    for place, text in enumerate(config.get("stopSequences") or ()):
        if not text.strip():
            raise invalid(f"The value at inferenceConfig.stopSequences.{place} is blank.")


def _stop_reason(only: answers.Answer) -> str:
    if only.finish_reason == "length":
        return "max_tokens"
    if only.finish_reason == "tool_calls":
        return "tool_use"
    return "end_turn" if only.stop is None else "stop_sequence"


def _usage(outcome: answers.Outcome) -> dict[str, int]:
    total = outcome.prompt_tokens + outcome.completion_tokens
    return {
        "inputTokens": outcome.prompt_tokens,
        "outputTokens": outcome.completion_tokens,
        "totalTokens": total,
    }
