"""Converse and ConverseStream for imported models.

Sources: the API reference, botocore's service model, and for the words of the refusals what users quote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from localaws import constraints
from localaws.bedrock import answers
from localaws.bedrock.bodies import GenerationRequest, chat_prompt
from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel
from localaws.service import check

_FIELDS: Final = frozenset(
    {"messages", "system", "inferenceConfig", "additionalModelRequestFields", "additionalModelResponseFieldPaths"}
    | {"requestMetadata", "performanceConfig"}
)


def read(body: bytes, model: ImportedModel) -> GenerationRequest:
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
        raise invalid(f"This model doesn't support the {unsupported[0]} field. Remove {unsupported[0]} and try again.")
    check("bedrock-runtime", "Converse", document)
    config = document.get("inferenceConfig") or {}
    _check_ranges(config)
    turns = [("system", block["text"]) for block in document.get("system") or []]
    return GenerationRequest(
        kind="chat",
        prompt=chat_prompt([*turns, *_turns(document.get("messages"))], model),
        max_tokens=config.get("maxTokens"),
        stop=tuple(config.get("stopSequences") or ()),
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
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": only.text}]}},
        "stopReason": _stop_reason(only),
        "usage": _usage(outcome),
        "metrics": {"latencyMs": outcome.latency_ms},
    }


def events(outcome: answers.Outcome, *, tokens_per_event: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the events of ConverseStream's answer: their types and members."""
    [only] = outcome.answers
    yield "messageStart", {"role": "assistant"}
    for group, _ in answers.groups(only, max(1, tokens_per_event)):
        text = "".join(shown for shown, _ in group)
        if text:
            yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}}
    yield "contentBlockStop", {"contentBlockIndex": 0}
    yield "messageStop", {"stopReason": _stop_reason(only)}
    yield "metadata", {"usage": _usage(outcome), "metrics": {"latencyMs": outcome.latency_ms}}


def _turns(messages: Any) -> list[tuple[str, str]]:
    if not messages or messages[0]["role"] != "user":
        raise invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user "
            "message."
        )
    turns: list[tuple[str, str]] = []
    for position, message in enumerate(messages):
        role, blocks = message["role"], message["content"]
        if turns and turns[-1][0] == role:
            raise invalid(
                'messages: roles must alternate between "user" and "assistant", but found multiple '
                f'"{role}" roles in a row at messages.{position}'
            )
        if not blocks or any(set(block) != {"text"} or not block["text"].strip() for block in blocks):
            raise invalid(f"The content field in the Message object at messages.{position} must be non-empty text.")
        turns.append((role, "\n".join(block["text"] for block in blocks)))
    return turns


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


def _stop_reason(only: answers.Answer) -> str:
    if only.finish_reason == "length":
        return "max_tokens"
    return "end_turn" if only.stop is None else "stop_sequence"


def _usage(outcome: answers.Outcome) -> dict[str, int]:
    total = outcome.prompt_tokens + outcome.completion_tokens
    return {
        "inputTokens": outcome.prompt_tokens,
        "outputTokens": outcome.completion_tokens,
        "totalTokens": total,
    }
