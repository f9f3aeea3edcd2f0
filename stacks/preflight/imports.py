"""Checks of Bedrock imports that AWS would only report after minutes, or after a paid training.

The weights themselves are checked in `stacks.preflight.import_weights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from catalog.limits import model_import as limits
from catalog.regions import regions
from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel
from stacks.environments import Environment
from stacks.placement import AnyPlacement
from stacks.preflight.accounts import account_of, in_words, is_certain, names, shared
from stacks.preflight.findings import Finding, Level, breaches

_WRITTEN = "Bedrock writes a chat's prompt by the template in the weights"
# For continents without imports, the nearest region that has them.
_NEAREST = {"ap": "us-west-2", "mx": "us-east-2", "ca": "us-east-2", "sa": "us-east-1", "us": "us-east-1"}
_ENDPOINT_ONLY = (
    *("instance_type", "unlisted_instance_type", "instance_count", "environment", "gather_stream"),
    *("download_timeout_seconds", "startup_timeout_seconds"),
)
# Number of names in a list that is read.
_NAMED = 2
_QUOTA = f"quota 'Imported models per account' ({limits.MODELS_QUOTA_CODE})"


def check_import(placement: AnyPlacement, declared: BedrockImport) -> Iterator[Finding]:
    """Check a declaration of an import, of weights of your own or tuned ones.

    Args:
        placement: The model and its environment.
        declared: The declaration's part about the import.
    """
    at = f"{placement}.bedrock"
    yield from _check_region(placement)
    yield from _check_name(placement)
    wrong = list(breaches("import-body", at, limits.body(declared.body)))
    yield from wrong
    if not wrong:
        yield from _check_prompt(placement, declared.body)
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


def _check_region(placement: AnyPlacement) -> Iterator[Finding]:
    region = placement.region
    # A region that does not exist has a finding of its own.
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
            # No region of another partition is near.
            suggestion="" if region.startswith(partitions) else nearest,
        )


def _check_name(placement: AnyPlacement) -> Iterator[Finding]:
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


def _check_prompt(placement: AnyPlacement, body: str) -> Iterator[Finding]:
    """Check that there is a prompt format where the body takes a prompt, and only there."""
    name = placement.model.prompt_format
    finding = Finding(rule="import-prompt-format", place=f"{placement}.prompt_format", value=repr(name))
    if not limits.takes_messages(body):
        if name is None:
            message = f"the body {body!r} takes a prompt, which a format makes of a chat"
            yield replace(finding, message=message, allowed="a prompt format, or 'none' for completions alone")
    elif name == "template":
        yield from _check_template(placement, body)
    # A tuned model always declares a format: the one in which its base chats.
    elif isinstance(placement.model, ImportedModel) and name is not None:
        yield replace(
            finding, message=f"with the body {body!r} {_WRITTEN}", allowed="None", suggestion="leaving it out"
        )


def _check_template(placement: AnyPlacement, body: str) -> Iterator[Finding]:
    """Check that the body can use the template: with `chat` for requests with `fields`, with `converse` never."""
    finding = Finding(
        rule="import-template", place=f"{placement}.bedrock.body", value=repr(body), suggestion="'completion'"
    )
    if body == "converse":
        message = "Converse takes no prompts, so that nothing can be asked by prompt_template"
        yield replace(finding, message=message, allowed="chat, completion, native")
    else:
        message = f"{_WRITTEN}, so that only requests with fields are asked by prompt_template"
        yield replace(finding, message=message, level=Level.WARNING)


def check_unused_fields(placement: AnyPlacement, model: FineTunedModel) -> Iterator[Finding]:
    """Check for fields of an endpoint in a declaration that Bedrock serves.

    Args:
        placement: The model and its environment.
        model: The same model, by its type; it has `bedrock`.
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


def check_imported_models(environment: Environment) -> Iterator[Finding]:
    """Check the number of imported models that an environment declares as its quota."""
    quota = environment.imported_models
    if quota < 1:
        yield Finding(
            rule="quota-form", place=f"{environment.name}.imported_models", value=f"{quota}", allowed="1 or more"
        )


def check_import_room(placements: Sequence[AnyPlacement]) -> Iterator[Finding]:
    """Check all imported models against the quotas that their environments declare, by account and region.

    An update imports the new version while the served one stays, and makes room by removing old versions of its own
    model only (lambda/model_import/planning.py). So it needs two of its own beside all versions that the others keep.
    Environments that name the same account share its quota, as do all that name none: what only follows from the
    latter is a warning.

    Args:
        placements: All models of all environments.
    """
    groups: dict[tuple[str, str], list[tuple[AnyPlacement, int]]] = {}
    for placement in placements:
        environment = placement.environment
        # A number that is out of range has a finding of its own.
        if placement.bedrock and not list(check_imported_models(environment)):
            yield from _check_never_kept(placement, placement.bedrock)
            kept = min(max(placement.bedrock.keep_versions, 1), limits.MOST_VERSIONS)
            groups.setdefault((account_of(environment), placement.region), []).append((placement, kept))
    for (_, region), group in groups.items():
        environments = [placement.environment for placement, _ in group]
        alone: list[Finding] = []
        if not is_certain(environments):
            for name in names(environments):
                alone += _check_room(region, [one for one in group if one[0].environment.name == name])
        errors = [finding for finding in alone if finding.level is Level.ERROR]
        yield from errors or (shared(finding, environments) for finding in _check_room(region, group))


def _check_never_kept(placement: AnyPlacement, declared: BedrockImport) -> Iterator[Finding]:
    environment, quota = placement.environment.name, placement.environment.imported_models
    if quota < declared.keep_versions <= limits.MOST_VERSIONS:
        yield Finding(
            rule="keep-versions",
            place=f"{placement}.bedrock.keep_versions",
            value=f"{declared.keep_versions}",
            message=f"{environment}.imported_models is {quota}, so that the oldest go earlier, to make room",
            suggestion=f"{quota}",
            level=Level.WARNING,
        )


def _check_room(region: str, group: Sequence[tuple[AnyPlacement, int]]) -> Iterator[Finding]:
    """Check one account and region; `group` has its models, each with the number of versions that it keeps."""
    environment = min((placement.environment for placement, _ in group), key=lambda one: one.imported_models)
    quota, field = environment.imported_models, f"{environment.name}.imported_models"
    importers = names(placement.environment for placement, _ in group)
    stacks = tuple(str(placement) for placement, _ in group)
    if len(group) > quota:
        importing = f"the environments {in_words(importers)} import" if importers[1:] else "the environment imports"
        yield Finding(
            rule="imports-over-quota",
            place=field,
            value=f"{quota}",
            message=f"{importing} {len(group)} models in {region}, of which each keeps a version at least",
            allowed=f"{quota} or fewer, or a raised {_QUOTA}",
            stacks=stacks,
        )
        return
    total, most = sum(kept for _, kept in group), max(kept for _, kept in group)
    others = {str(placement): total - kept for placement, kept in group}
    stuck = [name for name, count in others.items() if count + 2 > quota]
    if stuck:
        needed = limits.models_for_update([kept for _, kept in group])
        # With one version each there are as many as models, and one more during an update.
        fewer = "keep_versions=1 for each, or " if len(group) < quota and most > 1 else ""
        which = " or ".join(stuck) if len(stuck) <= _NAMED else f"any of {len(stuck)} imports"
        yield Finding(
            rule="import-room",
            place=field,
            value=f"{quota}",
            message=f"an update of {which} takes {needed} in {region}",
            suggestion=f"{fewer}{needed}, with a raised {_QUOTA}",
            level=Level.WARNING,
            stacks=stacks,
        )
