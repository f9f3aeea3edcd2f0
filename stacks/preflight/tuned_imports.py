"""A model of the catalogue that is tuned and then imported into Bedrock: whether Bedrock takes what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

from catalog import Lock
from catalog.limits import model_import as limits
from catalog.limits.import_families import ARCHITECTURES, GPT_OSS_REGIONS, IMPORTABLE, architecture
from stacks.declarations import BedrockImport, FineTunedModel, JumpStartModel
from stacks.placement import AnyPlacement
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, Severity
from stacks.preflight.prompts import is_base
from stacks.preflight.weights import Weights, gigabytes

_ENDPOINT_ONLY = (
    *("instance_type", "unlisted_instance_type", "instance_count", "environment", "gather_stream"),
    *("download_timeout_seconds", "startup_timeout_seconds"),
)


def unused_findings(placement: AnyPlacement, model: FineTunedModel) -> Iterator[Finding]:
    """Find what a declaration says of an endpoint that it has not.

    Args:
        placement: Where it is declared.
        model: The declaration, with `bedrock`.
    """
    defaults = {field.name: field for field in fields(JumpStartModel)}
    for name in _ENDPOINT_ONLY:
        value = getattr(model, name)
        if value == defaults[name].default or (name == "environment" and not value):
            continue
        yield Finding(
            rule="no-use-with-bedrock",
            place=f"{placement}.{name}",
            value="variables" if name == "environment" else repr(value),
            message="with bedrock there is no endpoint, and this has no use",
            suggestion="leaving it out",
        )


def tuned_import_findings(
    subject: Subject, declared: BedrockImport, weights: Weights | None, lock: Lock
) -> Iterator[Finding]:
    """Check what the base model's id and size tell of the import of its tuned weights.

    Args:
        subject: The declaration and the base model's version.
        declared: The declaration's part about the import.
        weights: How large the base model is; None where nothing says so.
        lock: The catalogue.
    """
    model_id = subject.version.model_id
    known = architecture(model_id)
    finding = Finding(rule="cannot-import", place=f"{subject.placement}.model_id", value=repr(model_id))
    if known is None:
        yield replace(
            finding,
            message="its id does not tell whether Custom Model Import takes its architecture",
            allowed=", ".join(IMPORTABLE),
            suggestion="python -m tools.artifacts check on the base model's files",
            severity=Severity.SECOND_HAND,
        )
    elif known not in ARCHITECTURES:
        yield replace(
            finding,
            message=f"Custom Model Import does not take its architecture, {known}",
            allowed=", ".join(IMPORTABLE),
            suggestion="serving it by an endpoint, without bedrock",
        )
    if known == "GptOssForCausalLM" and subject.placement.region in set(limits.REGIONS) - set(GPT_OSS_REGIONS):
        yield Finding(
            rule="no-model-import",
            place=subject.placement.region_field,
            value=repr(subject.placement.region),
            message=f"Bedrock imports GPT-OSS, which {subject.placement} is, elsewhere only",
            allowed=", ".join(GPT_OSS_REGIONS),
        )
    yield from _size(subject, known, weights)
    yield from _body(subject, declared, known, lock)


def _size(subject: Subject, known: str | None, weights: Weights | None) -> Iterator[Finding]:
    multimodal = known in ARCHITECTURES and ARCHITECTURES[known].multimodal
    most = limits.MOST_MULTIMODAL_BYTES if multimodal else limits.MOST_TEXT_BYTES
    if weights is not None and weights.stored_bytes >= most:
        estimate = "" if weights.sourced else " (an estimate from its id)"
        kind = "a multimodal model" if multimodal else "a text model"
        yield Finding(
            rule="import-too-large",
            place=f"{subject.placement}.model_id",
            value=repr(subject.version.model_id),
            message=f"it has {gigabytes(weights.stored_bytes)} of weights{estimate}, and twice that in FP32",
            allowed=f"less than {gigabytes(most)} for {kind}",
            severity=Severity.ERROR if weights.sourced else Severity.SECOND_HAND,
        )


def _body(subject: Subject, declared: BedrockImport, known: str | None, lock: Lock) -> Iterator[Finding]:
    model_id, body = subject.version.model_id, declared.body
    field = f"{subject.placement}.bedrock.body"
    if body == "converse" and known in ARCHITECTURES and not ARCHITECTURES[known].converse:
        yield Finding(
            rule="no-converse",
            place=field,
            value=repr(body),
            message=f"Converse does not work with imported models of the architecture {known}, {model_id}'s",
            allowed=", ".join(one for one in limits.BODIES if one != "converse"),
            suggestion="'chat'",
        )
    elif limits.takes_messages(body) and is_base(model_id, lock):
        yield Finding(
            rule="no-chat-template",
            place=field,
            value=repr(body),
            message=f"{model_id} is a base model, whose files hardly have the chat template that the body needs",
            suggestion="'completion', or the model that was trained to chat",
            severity=Severity.SECOND_HAND,
        )
