"""What of an import into Bedrock would fail minutes into the import, or after a training that was paid for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from catalog.limits import model_import as limits
from catalog.regions import regions
from stacks.declarations import BedrockImport, ImportedModel
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, Severity, breaches

_WRITTEN = "Bedrock writes a chat's prompt by the template in the weights"
# Where a continent's regions have no import, the nearest that has.
_NEAREST = {"ap": "us-west-2", "mx": "us-east-2", "ca": "us-east-2", "sa": "us-east-1", "us": "us-east-1"}


def import_findings(placement: AnyPlacement, declared: BedrockImport) -> Iterator[Finding]:
    """Check what a declaration says of its import, whether the weights are there or tuned first.

    Args:
        placement: Where it is declared.
        declared: Its part about the import.
    """
    at = f"{placement}.bedrock"
    yield from _region(placement)
    yield from _name(placement)
    wrong = list(breaches("import-body", at, limits.body(declared.body)))
    yield from wrong
    if not wrong:
        yield from _prompt(placement, declared.body)
    yield from breaches("keep-versions", at, limits.keep_versions(declared.keep_versions))
    yield from breaches("smoke-test", at, limits.smoke_text("smoke_prompt", declared.smoke_prompt))
    yield from breaches("smoke-test", at, limits.smoke_text("smoke_expect", declared.smoke_expect))
    for key, value in placement.environment.tags.items():
        yield from breaches("import-tag", placement.environment.name, limits.tag(key, value))
    if declared.in_vpc and placement.environment.network is None:
        yield Finding(
            rule="import-network",
            place=f"{at}.in_vpc",
            value="True",
            message=f"{placement.environment.name}.network is None, so that import jobs have no network to run in",
            allowed="False, or a network of the environment",
        )


def _region(placement: AnyPlacement) -> Iterator[Finding]:
    region = placement.region
    # What is no region has a finding of its own.
    if region in regions() and region not in limits.REGIONS:
        continent = region.split("-")[0]
        partitions = ("cn-", "eusc-", "us-gov-", "us-iso", "eu-iso")
        near = [one for one in limits.REGIONS if one.rpartition("-")[0] == region.rpartition("-")[0]]
        nearest = near[0] if near else _NEAREST.get(continent, "eu-central-1")
        yield Finding(
            rule="no-model-import",
            place=placement.region_field,
            value=repr(region),
            message="Bedrock's Custom Model Import is not there",
            allowed=", ".join(limits.REGIONS),
            # Nothing is near in another partition.
            suggestion="" if region.startswith(partitions) else nearest,
        )


def _name(placement: AnyPlacement) -> Iterator[Finding]:
    # A tuned model's pipeline has a lower limit (`stacks.preflight.fine_tuning`).
    if isinstance(placement.model, ImportedModel) and len(placement.name) > limits.LONGEST_NAME:
        yield Finding(
            rule="import-name-too-long",
            place=f"{placement}.name",
            value=repr(placement.model.name),
            message=f"with the environment's name it has {len(placement.name)} characters, and the names of versions "
            "and jobs end in the hash of their content",
            allowed=f"{limits.LONGEST_NAME} characters together",
        )


def _prompt(placement: AnyPlacement, body: str) -> Iterator[Finding]:
    """Check that the prompt format is there where the body takes a prompt, and only there."""
    name = placement.model.prompt_format
    finding = Finding(rule="import-prompt-format", place=f"{placement}.prompt_format", value=repr(name))
    if not limits.takes_messages(body):
        if name is None:
            message = f"the body {body!r} takes a prompt, which a format makes of a chat"
            yield replace(finding, message=message, allowed="a prompt format, or 'none' for completions alone")
    elif name == "template":
        yield from _template(placement, body)
    # A tuned model names a format in any case, for it says how the base chats.
    elif isinstance(placement.model, ImportedModel) and name is not None:
        yield replace(
            finding, message=f"with the body {body!r} {_WRITTEN}", allowed="None", suggestion="leaving it out"
        )


def _template(placement: AnyPlacement, body: str) -> Iterator[Finding]:
    """With `chat` the shim fills the template with a request's `fields`, with `converse` with nothing."""
    finding = Finding(
        rule="import-template", place=f"{placement}.bedrock.body", value=repr(body), suggestion="'completion'"
    )
    if body == "converse":
        message = "Converse takes no prompts, so that nothing can be asked by prompt_template"
        yield replace(finding, message=message, allowed="chat, completion, native")
    else:
        message = f"{_WRITTEN}, so that only requests with fields are asked by prompt_template"
        yield replace(finding, message=message, severity=Severity.WARNING)
