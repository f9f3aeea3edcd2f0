"""Checks of what one caller may take from the others: reserved executions of Lambda, and throttles of APIs.

An account's functions share one number of executions in a region. A function with a reservation gets no more than it,
and the others together lose it; Lambda refuses a reservation that leaves fewer than 100 to them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.limits import endpoint as limits
from stacks.declarations import Model
from stacks.environments import Environment
from stacks.placement import Deployments, placed
from stacks.preflight.accounts import account_of, in_words, is_certain, names, shared
from stacks.preflight.findings import Finding, Level, breaches


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Executions that one environment reserves in one region.

    Attributes:
        environment: The environment.
        region: Such as `us-west-2`.
        models: Number of models there.
    """

    environment: Environment
    region: str
    models: int

    @property
    def authorizers(self) -> int:
        """Executions of all key authorizers."""
        keys = self.environment.front_door.api_keys
        return self.models * ((keys.authorizer_concurrency or 0) if keys else 0)

    @property
    def total(self) -> int:
        """Executions of all functions with a reservation."""
        return self.models * (self.environment.reserved_concurrency or 0) + self.authorizers


Shared = dict[tuple[str, str], list[Reservation]]
"""Reservations by account and region."""


def reservations(deployments: Deployments) -> Shared:
    """Return what environments reserve, by the account that they are counted in, and by region.

    Args:
        deployments: Environments with the models that each runs.
    """
    found: Shared = {}
    for environment, models in deployments:
        regions = [placement.region for placement in placed(environment, models)]
        for region in dict.fromkeys(regions):
            one = Reservation(environment=environment, region=region, models=regions.count(region))
            found.setdefault((account_of(environment), region), []).append(one)
    return found


def check_concurrency(environment: Environment, models: Sequence[Model]) -> Iterator[Finding]:
    """Check the numbers of one environment, and warn where nothing protects the callers of other models."""
    name, keys = environment.name, environment.front_door.api_keys
    yield from breaches("reserved-concurrency", name, limits.reserved_concurrency(environment.reserved_concurrency))
    if keys:
        found = limits.reserved_concurrency(keys.authorizer_concurrency)
        at = f"{name}.front_door.api_keys"
        yield from breaches("reserved-concurrency", at, found, subject="authorizer_concurrency")
    quota = environment.lambda_concurrency
    if quota < 1:
        yield Finding(rule="quota-form", place=f"{name}.lambda_concurrency", value=f"{quota}", allowed="1 or more")
    if not models:
        return
    if environment.reserved_concurrency is None:
        yield _unreserved(
            f"{name}.reserved_concurrency",
            "the callers of one model",
            quota,
            then=", and then no other function runs there",
        )
    if keys and keys.authorizer_concurrency is None:
        yield _unreserved(f"{name}.front_door.api_keys.authorizer_concurrency", "whoever sends wrong keys", quota)


def _unreserved(place: str, who: str, quota: int, *, then: str = "") -> Finding:
    return Finding(
        rule="no-reserved-concurrency",
        place=place,
        value="None",
        message=f"{who} may take all {quota} executions of Lambda that the account has in a region{then}",
        suggestion="a number",
        level=Level.WARNING,
    )


def check_reservations(deployments: Deployments) -> Iterator[Finding]:
    """Check the sums of all reservations against the accounts' executions.

    Environments that name no account are counted in one, but what only follows from that is a warning.

    Args:
        deployments: Environments with the models that each runs.
    """
    for group in reservations(deployments).values():
        environments = [one.environment for one in group]
        alone = [] if is_certain(environments) else [found for one in group for found in _check([one])]
        yield from alone or (shared(finding, environments) for finding in _check(group))


def _check(group: Sequence[Reservation]) -> Iterator[Finding]:
    """Check the reservations in one account and region."""
    strictest = min((one.environment for one in group), key=lambda environment: environment.lambda_concurrency)
    quota, total = strictest.lambda_concurrency, sum(one.total for one in group)
    # A number that is out of range has a finding of its own.
    if total <= quota - limits.UNRESERVED_CONCURRENCY or not total or quota < 1:
        return
    yield Finding(
        rule="reserved-concurrency-total",
        place=f"{strictest.name}.lambda_concurrency",
        value=f"{quota}",
        message=f"{described(group)}, and Lambda keeps {limits.UNRESERVED_CONCURRENCY} free",
        allowed=f"{total + limits.UNRESERVED_CONCURRENCY} or more, with a raised quota 'Concurrent executions' "
        "(L-B99A9384)",
        suggestion=remedy(group, quota),
    )


def described(group: Sequence[Reservation]) -> str:
    """Say who reserves how much in one account and region."""
    who = in_words(names(one.environment for one in group))
    total, authorizers = sum(one.total for one in group), sum(one.authorizers for one in group)
    of_which = f", {authorizers} of them for key authorizers" if authorizers else ""
    models = sum(one.models for one in group)
    counted = "the model" if models == 1 else f"the {models} models"
    return f"{counted} of {who} in {group[0].region} reserve {total} executions{of_which}"


def remedy(group: Sequence[Reservation], quota: int) -> str:
    """Return the declaration that fits into a number of executions: one for each model, or none.

    Args:
        group: The reservations in one account and region.
        quota: Executions at a time that Lambda gives the account there.
    """
    reserving = sum(one.models for one in group if one.environment.reserved_concurrency)
    room = quota - limits.UNRESERVED_CONCURRENCY - sum(one.authorizers for one in group)
    if reserving and room >= reserving:
        return f"reserved_concurrency={room // reserving}"
    return "reserved_concurrency=None and authorizer_concurrency=None, which protect nobody"
