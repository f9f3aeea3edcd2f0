"""Executions of Lambda in an account, against those that the declarations reserve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.limits.endpoint import UNRESERVED_CONCURRENCY
from stacks.placement import Deployments
from stacks.preflight.accounts import account_of, names
from stacks.preflight.capacity import Reservation, described, remedy, reservations
from stacks.preflight.findings import Finding, Level
from tools.account.questions import Asked, ClientFactory, NotAnsweredError, ask, grouped, places


def concurrency(asked: Sequence[Asked], deployments: Deployments, client: ClientFactory) -> Iterator[Finding]:
    """Compare the reservations of all environments that share the account with what Lambda gives it.

    Args:
        asked: The declared models of one environment.
        deployments: All environments with the models that each runs.
        client: Makes boto3 clients.
    """
    declared = reservations(deployments)
    for region, users in grouped(asked, lambda one: one.place.region).items():
        group = declared[account_of(users[0].place.environment), region]
        try:
            lambda_ = client("lambda", region=region)
            limit = ask("lambda:GetAccountSettings", lambda_.get_account_settings)["AccountLimit"]
        except NotAnsweredError as error:
            text = f"executions of Lambda in {region}: {error}"
            yield Finding(level=Level.NOT_CHECKED, place=places(users), message=text)
            continue
        environment = users[0].place.environment.name
        yield from _compare(environment, group, limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"])


def _compare(environment: str, group: Sequence[Reservation], limit: int, unreserved: int) -> Iterator[Finding]:
    own = [one for one in group if one.environment.name == environment]
    total, reserved = sum(one.total for one in group), limit - unreserved
    concerned = tuple(names(one.environment for one in group))
    gives = f"Lambda gives the account {limit} executions at a time in {group[0].region}, of which all over "
    gives += f"{UNRESERVED_CONCURRENCY} may be reserved"
    needed = sum(one.total for one in own)
    if needed > max(limit - UNRESERVED_CONCURRENCY, 0):
        yield Finding(
            place=f"{environment}.reserved_concurrency",
            message=f"{described(own)}: {gives}, and the deployment fails",
            suggestion=f"{remedy(own, limit)}, or a raised quota 'Concurrent executions' (L-B99A9384)",
        )
    elif total > max(limit - UNRESERVED_CONCURRENCY, 0):
        yield Finding(
            level=Level.WARNING,
            place=f"{environment}.reserved_concurrency",
            message=f"{described(group)}: {gives}, so that not all of them fit",
            suggestion=f"{remedy(group, limit)}, or a raised quota 'Concurrent executions' (L-B99A9384)",
            concerns=concerned,
        )
    elif reserved < total and total > unreserved - UNRESERVED_CONCURRENCY:
        yield Finding(
            level=Level.HINT,
            place=f"{environment}.reserved_concurrency",
            message=f"{described(group)}: {gives}, and {reserved} are reserved already, by these models or by others; "
            "if by others, not all of them fit",
        )
    for one in own:
        if one.environment.lambda_concurrency > limit:
            yield Finding(
                level=Level.WARNING,
                place=f"{environment}.lambda_concurrency",
                value=f"{one.environment.lambda_concurrency}",
                message=f"Lambda gives the account {limit} executions at a time in {one.region}",
                suggestion=f"{limit}",
            )
