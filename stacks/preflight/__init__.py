"""Checks of all declarations against facts, before any construct is made.

Nothing here asks AWS: the facts are the catalogue's lock, API limits, and tables with their sources and dates. What
is wrong is reported at once, each finding with its place, the value, what is allowed and what to try instead. The
constructs keep raising on what they can see alone; the rules that both need are `catalog.limits` and `catalog.spec`.
docs/preflight.md lists the rules with what AWS would have said, and when.
"""

from collections import Counter
from collections.abc import Iterator

from catalog import Lock
from catalog.limits import endpoint as limits
from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel
from stacks.environments import Environment
from stacks.placement import AnyPlacement, Deployments, is_of, placed, placements
from stacks.preflight.catalogue import Subject, instances, look_up, published
from stacks.preflight.container import container
from stacks.preflight.environments import environment_findings, quota_findings, region_findings
from stacks.preflight.findings import Finding, Report, Severity, breaches
from stacks.preflight.fine_tuning import fine_tuning_findings
from stacks.preflight.front_door import domain_findings, front_door_findings
from stacks.preflight.import_room import import_room_findings, imported_models_findings
from stacks.preflight.import_weights import import_weights_findings
from stacks.preflight.imports import import_findings
from stacks.preflight.naming import ACCOUNT_STAGE, naming
from stacks.preflight.prompts import prompt_format
from stacks.preflight.tuned_imports import tuned_import_findings, unused_findings
from stacks.preflight.weights import fitting, weigh, weights_findings

__all__ = ["ACCOUNT_STAGE", "Deployments", "Finding", "Report", "preflight"]


def preflight(deployments: Deployments, *, lock: Lock) -> Report:
    """Check all declarations.

    Args:
        deployments: Environments with the models that each runs.
        lock: The catalogue that pins the models.

    Returns:
        Every problem of every declaration, in the order of the declarations.
    """
    errors: list[Finding] = []
    warnings: list[Finding] = []
    strict = {environment.name for environment, _ in deployments if environment.strict}
    for finding in _findings(deployments, lock):
        name = finding.place.split("/")[0].split(".")[0]
        doubtful = finding.severity is Severity.SECOND_HAND and name not in strict
        (warnings if doubtful or finding.severity is Severity.WARNING else errors).append(finding)
    return Report(errors=tuple(dict.fromkeys(errors)), warnings=tuple(dict.fromkeys(warnings)))


def _findings(deployments: Deployments, lock: Lock) -> Iterator[Finding]:
    yield from naming(deployments)
    yield from domain_findings(deployments)
    for environment, models in deployments:
        yield from environment_findings(environment, models)
        yield from front_door_findings(environment, models)
        needed: Counter[tuple[str, str]] = Counter()
        for placement in placed(environment, models):
            subject, found = look_up(placement, lock) if is_of(placement, JumpStartModel) else (None, [])
            yield from found
            yield from _alone(placement, environment)
            yield from prompt_format(placement, lock)
            if isinstance(placement.model, FineTunedModel):
                yield from fine_tuning_findings(placement, placement.model)
            yield from _imported(placement)
            if subject is not None:
                yield from _known(subject, lock)
                if not placement.bedrock:
                    needed[placement.region, subject.instance_type] += placement.instance_count
        yield from quota_findings(environment, needed)
        yield from imported_models_findings(environment)
    yield from import_room_findings(placements(deployments))


def _alone(placement: AnyPlacement, environment: Environment) -> Iterator[Finding]:
    """Check what of a declaration needs no catalogue."""
    model = placement.model
    if model.region is not None and model.region != environment.region:
        yield from region_findings(f"{placement}.region", model.region, jumpstart=isinstance(model, JumpStartModel))
    if isinstance(model, JumpStartModel) and not placement.bedrock and model.instance_count is not None:
        yield from breaches("instance-count", str(placement), limits.instance_count(model.instance_count))
    seconds = model.invoke_timeout_seconds
    name = "invoke_timeout_seconds"
    found = list(breaches("invoke-timeout", str(placement), limits.invoke_timeout(seconds), subject=name))
    yield from found
    if seconds > limits.SAGEMAKER_STREAM_SECONDS and not found and not placement.bedrock:
        yield Finding(
            rule="invoke-timeout-unused",
            place=f"{placement}.{name}",
            value=f"{seconds} s",
            message="SageMaker ends an answer that streams after 8 minutes, and one that does not after 60 s",
            suggestion=f"{limits.SAGEMAKER_STREAM_SECONDS}",
            severity=Severity.WARNING,
        )


def _imported(placement: AnyPlacement) -> Iterator[Finding]:
    """Check what a declaration says of an import into Bedrock, where it does."""
    if placement.bedrock:
        yield from import_findings(placement, placement.bedrock)
    match placement.model:
        case ImportedModel():
            yield from import_weights_findings(placement, placement.model.weights)
        case FineTunedModel(bedrock=BedrockImport()):
            yield from unused_findings(placement, placement.model)


def _known(subject: Subject, lock: Lock) -> Iterator[Finding]:
    """Check a declaration whose version the lock has."""
    weights = weigh(subject)
    yield from published(subject)
    if subject.placement.bedrock:
        yield from tuned_import_findings(subject, subject.placement.bedrock, weights, lock)
    else:
        yield from instances(subject, fits=fitting(subject, weights))
        yield from container(subject)
        yield from weights_findings(subject, weights)
