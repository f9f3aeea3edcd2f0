"""Names: their form, and that no two things of one account and region get the same."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from catalog.limits import endpoint as limits
from stacks.declarations import FineTunedModel, JumpStartModel
from stacks.preflight.findings import Deployments, Finding, Place, Severity, place_of

# The stage of the accounts' own stacks, beside the environments, and the name of those stacks.
ACCOUNT_STAGE = "account"
_ACCOUNT_STACK = "jumpstack-account"

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FORM = "lower-case letters, digits and inner hyphens, a letter first"


def naming(deployments: Deployments) -> Iterator[Finding]:
    """Check every name, and all names together."""
    yield from _environments(deployments)
    places = [place_of(environment, model) for environment, models in deployments for model in models]
    for place in places:
        yield from _form(f"{place}.name", place.model.name)
        joined = f"{place.environment.name}-{place.model.name}"
        # What Bedrock serves has shorter names (`stacks.preflight.imports`, `stacks.preflight.fine_tuning`).
        if not place.bedrock and _NAME.fullmatch(place.environment.name) and _NAME.fullmatch(place.model.name):
            for breach in limits.endpoint_name(joined):
                yield Finding(
                    rule="name-too-long",
                    place=f"{place}.name",
                    value=repr(place.model.name),
                    message=f"with the environment's name it makes an endpoint's name of {len(joined)} characters",
                    allowed=breach.allowed,
                )
        if joined == _ACCOUNT_STACK:
            yield Finding(
                rule="name-taken",
                place=f"{place}.name",
                value=repr(place.model.name),
                message=f"the stack name {_ACCOUNT_STACK!r} is taken by the account's own stack",
            )
    for label, count in Counter(str(place) for place in places).items():
        if count > 1:
            yield Finding(
                rule="name-repeated",
                place=f"{label}.name",
                value=f"declared {count} times",
                allowed="each model's name once an environment",
            )
    yield from _collisions(places)
    yield from _duplicates(places)


def _environments(deployments: Deployments) -> Iterator[Finding]:
    for name, count in Counter(environment.name for environment, _ in deployments).items():
        yield from _form(f"{name}.name", name)
        if name == ACCOUNT_STAGE:
            yield Finding(
                rule="name-taken",
                place=f"{name}.name",
                value=repr(name),
                message="it is taken by the stage of the accounts' own stacks",
            )
        if count > 1:
            yield Finding(
                rule="name-repeated",
                place=f"{name}.name",
                value=f"declared {count} times",
                allowed="each environment's name once",
            )


def _form(place: str, name: str) -> Iterator[Finding]:
    if not _NAME.fullmatch(name):
        right = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        if right[:1].isdecimal():
            right = f"model-{right}"
        yield Finding(
            rule="name-form", place=place, value=repr(name), allowed=_FORM, suggestion=repr(right) if right else ""
        )


def _collisions(places: list[Place]) -> Iterator[Finding]:
    """Stacks, endpoints and key aliases are called `environment-model`: two pairs can give one name."""
    by_name: dict[str, list[Place]] = {}
    for place in places:
        by_name.setdefault(f"{place.environment.name}-{place.model.name}", []).append(place)
    for name, group in by_name.items():
        for one, other in combinations(group, 2):
            if str(one) == str(other) or one.region != other.region or not _may_share_account(one, other):
                continue
            yield Finding(
                rule="name-collision",
                place=f"{other}.name",
                value=repr(other.model.name),
                message=f"its stack {name!r} has the name of {one}'s, in the same account and region",
            )


def _may_share_account(one: Place, other: Place) -> bool:
    accounts = {one.environment.account, other.environment.account}
    return len(accounts) == 1 or None in accounts


def _duplicates(places: list[Place]) -> Iterator[Finding]:
    """The same model declared twice under two names pays for its instances twice."""
    seen: dict[tuple[object, ...], Place] = {}
    for place in places:
        model = place.model
        # Tuned on other data, a model is another one, and what is imported is known by its content only.
        if isinstance(model, FineTunedModel) or not isinstance(model, JumpStartModel):
            continue
        key = (
            *(place.environment.name, place.region, model.model_id, model.version, model.instance_type),
            *(model.prompt_format, frozenset(model.environment.items())),
        )
        first = seen.setdefault(key, place)
        if first.model.name != model.name:
            yield Finding(
                rule="duplicate-model",
                place=f"{place}.model_id",
                value=repr(model.model_id),
                message=f"{first} runs the same version with the same settings, on instances of its own",
                severity=Severity.WARNING,
            )
