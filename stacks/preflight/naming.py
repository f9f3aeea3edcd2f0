"""Checks of names: their form, and collisions within an account and region."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from catalog.limits import endpoint as limits
from stacks.declarations import FineTunedModel, JumpStartModel
from stacks.placement import ACCOUNT_SCOPE, AnyPlacement, Deployments, placements
from stacks.preflight.findings import Finding, Level

# The name of the accounts' own stacks, which have a scope of their own beside the environments.
_ACCOUNT_STACK = "jumpstack-account"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FORM = "lower-case letters, digits and inner hyphens, a letter first"


def check_names(deployments: Deployments) -> Iterator[Finding]:
    """Check every name, and all names together."""
    yield from _check_environments(deployments)
    declared = placements(deployments)
    for placement in declared:
        yield from _check_form(f"{placement}.name", placement.model.name)
        # Models that Bedrock serves have shorter names (`stacks.preflight.imports`, `stacks.preflight.fine_tuning`).
        names = (placement.environment.name, placement.model.name)
        if not placement.bedrock and all(_NAME.fullmatch(name) for name in names):
            for breach in limits.endpoint_name(placement.name):
                yield Finding(
                    rule="name-too-long",
                    place=f"{placement}.name",
                    value=repr(placement.model.name),
                    message="with the environment's name it makes an endpoint's name of "
                    f"{len(placement.name)} characters",
                    allowed=breach.allowed,
                )
        if placement.name == _ACCOUNT_STACK:
            yield Finding(
                rule="name-taken",
                place=f"{placement}.name",
                value=repr(placement.model.name),
                message=f"the stack name {_ACCOUNT_STACK!r} is taken by the account's own stack",
            )
    for label, count in Counter(str(placement) for placement in declared).items():
        if count > 1:
            yield Finding(
                rule="name-repeated",
                place=f"{label}.name",
                value=f"declared {count} times",
                allowed="each model's name once an environment",
            )
    yield from _check_collisions(declared)
    yield from _check_duplicates(declared)


def _check_environments(deployments: Deployments) -> Iterator[Finding]:
    for name, count in Counter(environment.name for environment, _ in deployments).items():
        yield from _check_form(f"{name}.name", name)
        if name == ACCOUNT_SCOPE:
            yield Finding(
                rule="name-taken",
                place=f"{name}.name",
                value=repr(name),
                message="it is taken by the accounts' own stacks",
            )
        if count > 1:
            yield Finding(
                rule="name-repeated",
                place=f"{name}.name",
                value=f"declared {count} times",
                allowed="each environment's name once",
            )


def _check_form(place: str, name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        right = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if right[:1].isdecimal():
            right = f"model-{right}"
        yield Finding(
            rule="name-form", place=place, value=repr(name), allowed=_FORM, suggestion=repr(right) if right else ""
        )


def _check_collisions(declared: Sequence[AnyPlacement]) -> Iterator[Finding]:
    """Check for two models with one name of anything that is called after them."""
    by_name: dict[tuple[str, str], list[AnyPlacement]] = {}
    for placement in declared:
        for thing in derived_names(placement):
            by_name.setdefault(thing, []).append(placement)
    told: set[tuple[str, str]] = set()
    for (kind, name), group in by_name.items():
        for one, other in combinations(group, 2):
            if str(one) == str(other) or one.region != other.region or not _may_share_account(one, other):
                continue
            # Of two models whose stacks have one name, all else has one name, too.
            if (str(one), str(other)) not in told:
                told.add((str(one), str(other)))
                yield Finding(
                    rule="name-collision",
                    place=f"{other}.name",
                    value=repr(other.model.name),
                    message=f"its {kind} {name!r} has the name of {one}'s, in the same account and region",
                )


def derived_names(placement: AnyPlacement) -> Iterator[tuple[str, str]]:
    """Yield kind and name of what is called after a model alone: its stack first, which key and endpoint are called as.

    Everything else has a random part, a tag or the stack's name within a path.
    """
    yield "stack", placement.name
    if isinstance(placement.model, FineTunedModel):
        yield "state machine", placement.name
    if placement.bedrock:
        yield "state machine", f"{placement.name}-import"


def _may_share_account(one: AnyPlacement, other: AnyPlacement) -> bool:
    accounts = {one.account, other.account}
    return len(accounts) == 1 or None in accounts


def _check_duplicates(declared: Sequence[AnyPlacement]) -> Iterator[Finding]:
    """Check for models declared twice under two names, whose instances are paid for twice."""
    seen: dict[tuple[object, ...], AnyPlacement] = {}
    for placement in declared:
        model = placement.model
        # A model tuned on other data is another one, and imported models differ by their content only.
        if isinstance(model, FineTunedModel) or not isinstance(model, JumpStartModel):
            continue
        key = (
            *(placement.environment.name, placement.region, model.model_id, model.version, model.instance_type),
            *(model.prompt_format, frozenset(model.environment.items())),
        )
        first = seen.setdefault(key, placement)
        if first.model.name != model.name:
            yield Finding(
                rule="duplicate-model",
                place=f"{placement}.model_id",
                value=repr(model.model_id),
                message=f"{first} runs the same version with the same settings, on instances of its own",
                level=Level.WARNING,
            )
