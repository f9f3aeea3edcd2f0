"""Where an imported model's weights are said to be."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.limits import model_import as limits
from stacks.declarations import S3Weights, SageMakerWeights
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, Severity, breaches

_PACKED = (".tar.gz", ".tgz", ".tar", ".zip", ".gz")
_FILES = (".safetensors", ".json", ".bin", ".pt", ".pth", ".gguf", ".jinja", ".model")
_PLACEHOLDERS = "{account} and {region}, which stand for the stack's own"


def import_weights_findings(placement: AnyPlacement, weights: S3Weights) -> Iterator[Finding]:
    """Check an imported model's weights.

    Args:
        placement: Where the model is declared.
        weights: What the declaration says.
    """
    at = f"{placement}.weights"
    yield from _bucket(placement, weights.bucket)
    yield from _prefix(at, weights)
    if weights.account is not None:
        yield from breaches("weights-account", at, limits.account(weights.account))
    if weights.key_arn is not None:
        yield from breaches("weights-key", at, limits.key_arn(weights.key_arn, region=placement.region))
        yield from _key_account(placement, weights)
    if isinstance(weights, SageMakerWeights):
        yield from _source(at, weights)


def _bucket(placement: AnyPlacement, declared: str) -> Iterator[Finding]:
    field, value = f"{placement}.weights.bucket", repr(declared)
    name = declared.replace("{account}", placement.environment.account or 12 * "0").replace(
        "{region}", placement.region
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


def _prefix(at: str, weights: S3Weights) -> Iterator[Finding]:
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


def _key_account(placement: AnyPlacement, weights: S3Weights) -> Iterator[Finding]:
    """Objects may be encrypted with anybody's key, but hardly ever are with a third account's."""
    owner = weights.account or placement.environment.account
    holder = limits.key_account(weights.key_arn or "")
    if owner is not None and holder is not None and holder != owner:
        yield Finding(
            rule="weights-key-account",
            place=f"{placement}.weights.key_arn",
            value=repr(weights.key_arn),
            message=f"it belongs to account {holder}, and the bucket to {owner}",
            severity=Severity.WARNING,
        )


def _source(at: str, weights: SageMakerWeights) -> Iterator[Finding]:
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
