"""Checks of the weights that Bedrock imports: location of your own, architecture and size of tuned ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from catalog import Lock
from catalog.limits import model_import as limits
from catalog.limits.import_families import ARCHITECTURES, GPT_OSS_REGIONS, IMPORTABLE, architecture
from catalog.regions import regions
from stacks.declarations import BedrockImport, S3Weights, SageMakerWeights
from stacks.placement import AnyPlacement
from stacks.preflight.catalogue import Subject
from stacks.preflight.findings import Finding, Level, breaches
from stacks.preflight.prompts import is_base
from stacks.preflight.weights import Weights, gigabytes

_PACKED = (".tar.gz", ".tgz", ".tar", ".zip", ".gz")
_FILES = (".safetensors", ".json", ".bin", ".pt", ".pth", ".gguf", ".jinja", ".model")
_PLACEHOLDERS = "{account} and {region}, which stand for the stack's own"


def check_import_weights(placement: AnyPlacement, weights: S3Weights) -> Iterator[Finding]:
    """Check an imported model's weights.

    Args:
        placement: The model and its environment.
        weights: The declared location.
    """
    at = f"{placement}.weights"
    yield from _check_bucket(placement, weights.bucket)
    yield from _check_prefix(at, weights)
    if weights.account is not None:
        yield from breaches("weights-account", at, limits.account(weights.account))
    if weights.key_arn is not None:
        yield from breaches("weights-key", at, limits.key_arn(weights.key_arn, region=placement.region))
        yield from _check_key_account(placement, weights)
    if isinstance(weights, SageMakerWeights):
        yield from _check_source(at, weights)


def _check_bucket(placement: AnyPlacement, declared: str) -> Iterator[Finding]:
    field, value = f"{placement}.weights.bucket", repr(declared)
    # A wrong account or region is a finding of its own, and no fault of the bucket's.
    account = placement.environment.account or ""
    region = placement.region if placement.region in regions() else regions()[0]
    name = declared.replace("{account}", 12 * "0" if [*limits.account(account)] else account).replace(
        "{region}", region
    )
    if "{" in name or "}" in name:
        yield Finding(rule="weights-bucket", place=field, value=value, allowed=f"of braces {_PLACEHOLDERS}")
        return
    for breach in limits.bucket(name):
        bare = declared.removeprefix("s3://").removeprefix("arn:aws:s3:::").partition("/")[0]
        right = bare != declared and not list(limits.bucket(bare))
        yield Finding(
            rule="weights-bucket",
            place=field,
            value=value,
            allowed=breach.allowed,
            suggestion=f"{bare!r}, and what follows it as the prefix" if right else "",
        )


def _check_prefix(at: str, weights: S3Weights) -> Iterator[Finding]:
    prefix = weights.prefix
    parent, _, last = prefix.rstrip("/").rpartition("/")
    parent = f"{parent}/" if parent else ""
    field, value = f"{at}.prefix", repr(prefix)
    if last.lower().endswith(_PACKED):
        key, base = prefix.rstrip("/"), last[: last.index(".")] or "model"
        target = f"s3://{weights.bucket}/{parent}{base}/"
        unpacked = f"aws s3 cp s3://{weights.bucket}/{key} . && mkdir {base} && tar -xf {last} -C {base}"
        yield Finding(
            rule="weights-packed",
            place=field,
            value=value,
            message="Bedrock reads files that lie below a prefix, and unpacks nothing",
            suggestion=f"unpacking it ({unpacked} && aws s3 sync {base} {target}) and {parent + base + '/'!r}",
        )
    elif last.lower().endswith(_FILES):
        yield Finding(
            rule="weights-prefix",
            place=field,
            value=value,
            message="it names a file",
            allowed="what the keys of all files begin with",
            suggestion=repr(parent),
        )
    else:
        for breach in limits.prefix(prefix):
            right = "".join(f"{part}/" for part in prefix.split("/") if part)
            usable = right != prefix and not list(limits.prefix(right))
            yield Finding(
                rule="weights-prefix",
                place=field,
                value=value,
                allowed=breach.allowed,
                suggestion=repr(right) if usable else "",
            )


def _check_key_account(placement: AnyPlacement, weights: S3Weights) -> Iterator[Finding]:
    """Check for a key of a third account, which is allowed but hardly ever meant."""
    owner = weights.account or placement.environment.account
    holder = limits.key_account(weights.key_arn or "")
    if owner is not None and holder is not None and holder != owner:
        yield Finding(
            rule="weights-key-account",
            place=f"{placement}.weights.key_arn",
            value=repr(weights.key_arn),
            message=f"it belongs to account {holder}, and the bucket to {owner}",
            level=Level.WARNING,
        )


def _check_source(at: str, weights: SageMakerWeights) -> Iterator[Finding]:
    names = {"model_name": weights.model_name, "training_job": weights.training_job}
    given = {field: name for field, name in names.items() if name is not None}
    if len(given) != 1:
        yield Finding(
            rule="weights-source",
            place=at,
            value="with model_name and training_job" if given else "without model_name and training_job",
            allowed="one of them, or S3Weights",
        )
    for field, name in given.items():
        yield from breaches("weights-source", at, limits.source_name(field, name))


def check_tuned_weights(
    subject: Subject, declared: BedrockImport, weights: Weights | None, lock: Lock
) -> Iterator[Finding]:
    """Check the base model's architecture and size, as far as its id shows them, against those that Bedrock imports.

    Args:
        subject: The declaration and the base model's version.
        declared: The declaration's part about the import.
        weights: Size of the base model; None if unknown.
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
            suggestion="./jumpstack artifacts check on the base model's files",
            second_hand=True,
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
    yield from _check_size(subject, known, weights)
    yield from _check_body(subject, declared, known, lock)


def _check_size(subject: Subject, known: str | None, weights: Weights | None) -> Iterator[Finding]:
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
            second_hand=not weights.sourced,
        )


def _check_body(subject: Subject, declared: BedrockImport, known: str | None, lock: Lock) -> Iterator[Finding]:
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
            second_hand=True,
        )
