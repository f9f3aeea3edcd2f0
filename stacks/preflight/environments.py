"""Checks of an environment: account, region, network and limits."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from catalog.limits import endpoint as limits
from catalog.limits.tags import tags
from catalog.nearest import nearest_number, similar
from catalog.regions import jumpstart_regions, regions
from stacks.declarations import JumpStartModel, Model
from stacks.environments import Environment, Network
from stacks.placement import placed
from stacks.preflight.accounts import at_most
from stacks.preflight.findings import Finding, Level, breaches

_ACCOUNT = re.compile(r"[0-9]{12}")
# EC2's ids: a prefix and 8 (old) or 17 hexadecimal digits.
_ID_DIGITS = r"([0-9a-f]{8}|[0-9a-f]{17})"


def check_environment(environment: Environment, models: Sequence[Model]) -> Iterator[Finding]:
    """Check one environment, and the sums over its models."""
    name = environment.name
    if environment.account is not None and not _ACCOUNT.fullmatch(environment.account):
        yield Finding(
            rule="account-form", place=f"{name}.account", value=repr(environment.account), allowed="12 digits, or None"
        )
    if environment.log_retention_days not in limits.LOG_RETENTION_DAYS:
        yield Finding(
            rule="log-retention",
            place=f"{name}.log_retention_days",
            value=f"{environment.log_retention_days}",
            allowed=", ".join(str(days) for days in limits.LOG_RETENTION_DAYS),
            suggestion=str(nearest_number(environment.log_retention_days, limits.LOG_RETENTION_DAYS)),
        )
    for field, days in (
        ("access_log_days", environment.access_log_days),
        ("old_version_days", environment.old_version_days),
    ):
        yield from breaches("expiration", name, limits.expiration_days(field, days))
    yield from breaches("instance-count", name, limits.instance_count(environment.instance_count))
    # Bedrock's imported models need no JumpStart.
    jumpstart = not models or any(isinstance(model, JumpStartModel) for model in models)
    yield from check_region(f"{name}.region", environment.region, jumpstart=jumpstart)
    yield from breaches("tag", name, tags(environment.tags))
    if environment.network is not None:
        yield from _check_network(f"{name}.network", environment.network)
    yield from _check_addresses(environment, [placement.instance_count for placement in placed(environment, models)])


def check_region(place: str, region: str, *, jumpstart: bool) -> Iterator[Finding]:
    """Check that a region exists and, where required, has JumpStart."""
    if region not in regions():
        yield Finding(
            rule="not-a-region",
            place=place,
            value=repr(region),
            message="AWS has no such region",
            suggestion=" or ".join(_meant(region)),
        )
    elif jumpstart and region not in jumpstart_regions():
        yield Finding(
            rule="no-jumpstart",
            place=place,
            value=repr(region),
            message="JumpStart has no bucket there",
            suggestion=" or ".join([near for near in jumpstart_regions() if near[:2] == region[:2]][:2]),
        )


def _meant(region: str) -> tuple[str, ...]:
    """Return the regions that a text may have been meant as: that one alone which it is but for case and hyphens."""
    bare = re.sub(r"[^a-z0-9]", "", region.lower())
    same = tuple(known for known in regions() if known.replace("-", "") == bare)
    return same or similar(region.strip().lower().replace("_", "-"), regions(), most=2)


def check_quotas(environment: Environment, needed: Counter[tuple[str, str]]) -> Iterator[Finding]:
    """Check the instances of an environment against the quotas that it declares.

    Args:
        environment: The environment.
        needed: Instances by region and instance type.
    """
    for instance_type, quota in environment.quotas.items():
        place = f"{environment.name}.quotas[{instance_type!r}]"
        if not instance_type.startswith("ml.") or quota < 0:
            yield Finding(
                rule="quota-form",
                place=place,
                value=f"{quota}",
                allowed="0 or more, by SageMaker's instance types such as 'ml.g5.2xlarge'",
            )
    for (region, instance_type), count in sorted(needed.items()):
        quota = environment.quotas.get(instance_type, count)
        if count > quota:
            yield Finding(
                rule="over-quota",
                place=f"{environment.name}.quotas[{instance_type!r}]",
                value=f"{quota}",
                message=f"the environment's models take {count} instances in {region}",
                allowed=at_most(quota, f"'{instance_type} for endpoint usage'"),
            )


def _check_network(place: str, network: Network) -> Iterator[Finding]:
    if not network.subnet_ids and not network.security_group_ids:
        yield Finding(
            rule="network-size", place=place, value="without any ids", allowed="subnets and security groups, or None"
        )
    yield from breaches("network-size", place, limits.network(network.subnet_ids, network.security_group_ids))
    for field, prefix, ids in [
        ("subnet_ids", "subnet", network.subnet_ids),
        ("security_group_ids", "sg", network.security_group_ids),
    ]:
        for one, count in Counter(ids).items():
            if not re.fullmatch(f"{prefix}-{_ID_DIGITS}", one):
                yield Finding(
                    rule="network-id",
                    place=f"{place}.{field}",
                    value=repr(one),
                    allowed=f"{prefix}- and 8 or 17 hexadecimal digits",
                )
            if count > 1:
                yield Finding(
                    rule="network-id", place=f"{place}.{field}", value=repr(one), message=f"it is listed {count} times"
                )


def _check_addresses(environment: Environment, instance_counts: Sequence[int]) -> Iterator[Finding]:
    network = environment.network
    if network is None or network.free_addresses is None:
        return
    needed = sum(instance_counts)
    field = f"{environment.name}.network.free_addresses"
    if needed > network.free_addresses:
        yield Finding(
            rule="address-room",
            place=field,
            value=f"{network.free_addresses}",
            message=f"the environment's models run on {needed} instances, which take an address each at least",
            suggestion="more or larger subnets",
        )
    # An update starts instances with the new endpoint config before it stops the old ones.
    elif needed + max(instance_counts, default=0) > network.free_addresses:
        yield Finding(
            rule="address-room",
            place=field,
            value=f"{network.free_addresses}",
            message=f"it is enough for {needed} instances, but not for updating an endpoint, which runs old and new "
            "instances side by side",
            suggestion="more or larger subnets",
            level=Level.WARNING,
        )
