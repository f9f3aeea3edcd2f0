"""Checks of all declarations against facts, before any construct is made.

No request goes to AWS: the facts are the catalogue's lock, API limits, and tables with their sources and dates. All
findings are reported together, each with its place, the declared value, the allowed ones and the nearest right one. The
constructs raise on what they can see alone; the rules that both need are in `catalog.limits` and `catalog.spec`.
docs/preflight.md lists the rules with AWS's own error messages, and the time at which they would have appeared.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from catalog import Lock
from catalog.limits import endpoint as limits
from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel
from stacks.environments import Environment
from stacks.placement import AnyPlacement, Deployments, is_of, placed, placements
from stacks.preflight.accounts import check_shared_quotas
from stacks.preflight.answers import check_answers
from stacks.preflight.capacity import check_concurrency, check_reservations
from stacks.preflight.catalogue import Subject, check_instances, check_version, look_up
from stacks.preflight.container import check_container
from stacks.preflight.context import check_context
from stacks.preflight.environments import check_environment, check_quotas, check_region
from stacks.preflight.findings import Finding, Level, Report, breaches
from stacks.preflight.fine_tuning import check_fine_tuning
from stacks.preflight.front_door import check_domains, check_front_door
from stacks.preflight.import_weights import check_import_weights, check_tuned_weights
from stacks.preflight.imports import check_import, check_import_room, check_imported_models, check_unused_fields
from stacks.preflight.naming import check_names
from stacks.preflight.prompts import check_prompt_format
from stacks.preflight.recipes import check_declared_values, check_recipe, recipe_facts
from stacks.preflight.served import check_served
from stacks.preflight.types import check_types
from stacks.preflight.weights import check_weights, fitting, weigh

__all__ = ["Deployments", "Finding", "Report", "preflight"]


def preflight(deployments: Deployments, *, lock: Lock) -> Report:
    """Check all declarations.

    Args:
        deployments: Environments with the models that each runs.
        lock: The catalogue that pins the models.

    Returns:
        Every problem of every declaration: values of a wrong type first, then the others in the order of the
        declarations. A declaration with a wrong type is checked no further.
    """
    right, wrong = check_types(deployments)
    strict = {environment.name for environment, _ in right if environment.strict}
    found = (
        replace(finding, level=Level.WARNING)
        if finding.second_hand and finding.level is Level.ERROR and finding.environment not in strict
        else finding
        for finding in _check(right, lock)
    )
    return Report(tuple(dict.fromkeys([*wrong, *found])))


def _check(deployments: Deployments, lock: Lock) -> Iterator[Finding]:
    yield from check_names(deployments)
    yield from check_domains(deployments)
    by_environment: list[tuple[Environment, Counter[tuple[str, str]]]] = []
    for environment, models in deployments:
        yield from check_environment(environment, models)
        yield from check_front_door(environment, models)
        yield from check_concurrency(environment, models)
        needed: Counter[tuple[str, str]] = Counter()
        for placement in placed(environment, models):
            subject, found = look_up(placement, lock) if is_of(placement, JumpStartModel) else (None, [])
            yield from found
            yield from _check_declaration(placement, environment)
            yield from check_prompt_format(placement, lock)
            if isinstance(placement.model, FineTunedModel):
                yield from check_fine_tuning(placement, placement.model)
                yield from check_declared_values(placement, placement.model)
                if facts := recipe_facts(placement.model, lock):
                    yield from check_recipe(placement, placement.model, facts)
            yield from _check_import_fields(placement)
            if subject is not None:
                yield from _check_locked(subject, lock)
                if not placement.bedrock:
                    needed[placement.region, subject.instance_type] += placement.instance_count
        yield from check_quotas(environment, needed)
        yield from check_imported_models(environment)
        by_environment.append((environment, needed))
    yield from check_shared_quotas(by_environment)
    yield from check_import_room(placements(deployments))
    yield from check_reservations(deployments)


def _check_declaration(placement: AnyPlacement, environment: Environment) -> Iterator[Finding]:
    """Check the fields that need no catalogue."""
    model = placement.model
    if model.region is not None and model.region != environment.region:
        yield from check_region(f"{placement}.region", model.region, jumpstart=isinstance(model, JumpStartModel))
    if isinstance(model, JumpStartModel) and not placement.bedrock and model.instance_count is not None:
        yield from breaches("instance-count", str(placement), limits.instance_count(model.instance_count))
    yield from check_answers(placement)
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
            level=Level.WARNING,
        )


def _check_import_fields(placement: AnyPlacement) -> Iterator[Finding]:
    """Check the fields of an import into Bedrock, where there are any."""
    if placement.bedrock:
        yield from check_import(placement, placement.bedrock)
    match placement.model:
        case ImportedModel():
            yield from check_import_weights(placement, placement.model.weights)
        case FineTunedModel(bedrock=BedrockImport()):
            yield from check_unused_fields(placement, placement.model)


def _check_locked(subject: Subject, lock: Lock) -> Iterator[Finding]:
    """Check a declaration whose version the lock has."""
    weights = weigh(subject)
    yield from check_version(subject)
    if subject.placement.bedrock:
        yield from check_tuned_weights(subject, subject.placement.bedrock, weights, lock)
    else:
        yield from check_served(subject)
        yield from check_instances(subject, fits=fitting(subject, weights))
        yield from check_container(subject)
        yield from check_weights(subject, weights)
        yield from check_context(subject, weights)
