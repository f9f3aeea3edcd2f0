"""A stand-in model that answers in process: what it is asked, without a server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.bedrock import answers, bodies, converse, replies
from localaws.bedrock.behaviour import Behaviour
from localaws.bedrock.store import ImportedModel, ImportJob
from localaws.service import ServiceError

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one pixel, in base64."""

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
JOB = ImportJob(
    arn="arn:aws:bedrock:us-east-1:123456789012:model-import-job/abcdefghijkl",
    request={},
    created=datetime.now(UTC),
    kms_key_arn=None,
)


def model(architecture: str = "LlamaForCausalLM") -> ImportedModel:
    """A model of a class."""
    return ImportedModel(
        arn="arn:aws:bedrock:us-east-1:123456789012:imported-model/abcdefghijkl",
        name="model",
        job=JOB,
        created=datetime.now(UTC),
        architecture=architecture,
        model_type="llama",
        context_tokens=8192,
        has_chat_template=True,
        weight_bytes=1,
        weights_digest="of-these-weights",
    )


ABLE = Behaviour(
    with_tools=["LlamaForCausalLM"],
    with_images=["LlamaForCausalLM"],
    with_schemas=["LlamaForCausalLM"],
)


def chat(body: dict[str, Any], of: ImportedModel, rules: Behaviour | None = None) -> tuple[Any, list[Any]]:
    """The answer to a chat body, whole and as chunks."""
    rules = rules or Behaviour()
    request = bodies.read(json.dumps(body).encode(), of, rules)
    outcome = answers.answer(request, of)
    whole = json.loads(json.dumps(replies.whole(request, outcome, of)))
    return whole, list(replies.chunks(request, outcome, of, tokens_per_event=1))


def talk(
    body: dict[str, Any], of: ImportedModel | None = None, rules: Behaviour = ABLE
) -> tuple[Any, list[tuple[str, Any]]]:
    """Converse's answer, whole and as events."""
    of = of or model()
    outcome = answers.answer(converse.read(json.dumps(body).encode(), of, rules), of)
    return converse.whole(outcome), list(converse.events(outcome, tokens_per_event=1))


def refusal(call: Any, *args: Any) -> str:
    """The message of a refusal."""
    with pytest.raises(ServiceError) as error:
        call(*args)
    assert error.value.code == "ValidationException"
    return error.value.message
