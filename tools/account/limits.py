"""Room for a deployment in the account: quotas, instance types in its zones, addresses in subnets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stacks.preflight.findings import Finding, Level
from tools.account.questions import (
    Asked,
    ClientFactory,
    NotAnsweredError,
    Planned,
    ask,
    grouped,
    places,
)

ENDPOINT_QUOTA_CODES: Mapping[str, str] = {
    "ml.g5.xlarge": "L-1928E07B",
    "ml.g5.2xlarge": "L-9614C779",
    "ml.g5.4xlarge": "L-C1B9A48D",
    "ml.g5.12xlarge": "L-65C4BD00",
    "ml.g5.48xlarge": "L-0100B823",
    "ml.g6.xlarge": "L-D470D954",
    "ml.g6.2xlarge": "L-98BDE811",
    "ml.g6.4xlarge": "L-DFB10FDE",
    "ml.g6.12xlarge": "L-0A29AACF",
    "ml.g6e.xlarge": "L-B0729CB4",
    "ml.g6e.2xlarge": "L-F8D7F460",
    "ml.g6e.4xlarge": "L-93531071",
    "ml.g6e.8xlarge": "L-96A28D02",
    "ml.g6e.12xlarge": "L-60313EA3",
    "ml.g6e.16xlarge": "L-2930A179",
    "ml.g6e.24xlarge": "L-AE407E8B",
    "ml.g6e.48xlarge": "L-E0C458EA",
    "ml.p4d.24xlarge": "L-09F79647",
    "ml.p4de.24xlarge": "L-456B4C5F",
    "ml.p5.48xlarge": "L-16AF71F1",
}
"""Codes of the quotas "<instance type> for endpoint usage". Second-hand, from public texts up to August 2026, and
therefore only compared with the quota that is found by its name."""

_ZONE = "availability-zone"
_NO_SUBNET = "InvalidSubnetID.NotFound"


def identity(planned: Sequence[Asked], client: ClientFactory) -> Iterator[Finding]:
    """Check that the credentials belong to the declared account."""
    accounts = grouped(planned, lambda one: one.place.environment.account)
    wanted = {account: stacks for account, stacks in accounts.items() if account is not None}
    if not wanted:
        return
    try:
        sts = client("sts", region=planned[0].place.region)
        own = ask("sts:GetCallerIdentity", sts.get_caller_identity)["Account"]
    except NotAnsweredError as error:
        yield Finding(level=Level.NOT_CHECKED, place=places(planned), message=f"account of the credentials: {error}")
        return
    for account, stacks in wanted.items():
        if account != own:
            yield Finding(
                level=Level.ERROR,
                place=places(stacks),
                message=f"the credentials belong to account {own}: declared is {account}",
            )


def quotas(planned: Sequence[Planned], client: ClientFactory) -> Iterator[Finding]:
    """Compare the instances declared, by type and region, with Service Quotas.

    The quota holds for the whole account: endpoints of other environments and apps count too, and are not seen here.
    """
    for region, stacks in grouped(planned, lambda one: one.place.region).items():
        types = grouped(stacks, lambda one: one.deployment.instance_type)
        names = {instance_type: f"{instance_type} for endpoint usage" for instance_type in types}
        try:
            found = _quotas_by_name(client("service-quotas", region=region), set(names.values()))
        except NotAnsweredError as error:
            yield Finding(
                level=Level.NOT_CHECKED, place=places(stacks), message=f"endpoint quotas in {region}: {error}"
            )
            continue
        for instance_type, users in types.items():
            yield from _quota_findings(instance_type, region, users, found.get(names[instance_type]))


def _quota_findings(
    instance_type: str, region: str, users: Sequence[Planned], quota: Mapping[str, Any] | None
) -> Iterator[Finding]:
    where = places(users)
    name = f"{instance_type} for endpoint usage"
    if quota is None:
        yield Finding(level=Level.NOT_CHECKED, place=where, message=f"service quotas has no quota {name!r} in {region}")
        return
    needed = sum(one.place.instance_count for one in users)
    allowed = int(quota["Value"])
    code = quota["QuotaCode"]
    known = ENDPOINT_QUOTA_CODES.get(instance_type, code)
    if needed > allowed:
        text = f"quota {name!r} in {region} is {allowed}: needed are {needed}, ask for an increase of {code}"
        yield Finding(level=Level.ERROR, place=where, message=text)
    elif 2 * needed > allowed:
        # UpdateEndpoint replaces instances blue/green: the new fleet runs before the old one goes.
        text = f"quota {name!r} in {region} is {allowed}: enough for {needed}, not for replacing all of them at once"
        yield Finding(level=Level.HINT, place=where, message=text)
    if code != known:
        text = f"quota {name!r} in {region} has code {code}: known is {known}, so look at it before asking for more"
        yield Finding(level=Level.WARNING, place=where, message=text)


def _quotas_by_name(quotas: Any, names: set[str]) -> dict[str, Mapping[str, Any]]:
    """Return the quotas with these names: the applied one, or the default where AWS lists no applied one."""
    found: dict[str, Mapping[str, Any]] = {}
    for action, operation in (
        ("servicequotas:ListServiceQuotas", "list_service_quotas"),
        ("servicequotas:ListAWSDefaultServiceQuotas", "list_aws_default_service_quotas"),
    ):
        token: dict[str, str] = {}
        while names - found.keys():
            page = ask(action, getattr(quotas, operation), ServiceCode="sagemaker", MaxResults=100, **token)
            for quota in page["Quotas"]:
                if quota["QuotaName"] in names:
                    found.setdefault(quota["QuotaName"], quota)
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
    return found


def capacity(planned: Sequence[Planned], client: ClientFactory) -> Iterator[Finding]:
    """Check that EC2 offers the instance types in all zones: a hint only, for SageMaker's capacity is its own."""
    for region, stacks in grouped(planned, lambda one: one.place.region).items():
        types = grouped(stacks, lambda one: one.deployment.instance_type)
        try:
            ec2 = client("ec2", region=region)
            zones = _offering_zones(ec2, [instance_type.removeprefix("ml.") for instance_type in types])
            answer = ask("ec2:DescribeAvailabilityZones", ec2.describe_availability_zones)
        except NotAnsweredError as error:
            yield Finding(
                level=Level.NOT_CHECKED, place=places(stacks), message=f"ec2's offerings in {region}: {error}"
            )
            continue
        every = {zone["ZoneName"] for zone in answer["AvailabilityZones"] if zone.get("ZoneType") in (None, _ZONE)}
        for instance_type, users in types.items():
            offered = zones.get(instance_type.removeprefix("ml."), set())
            if every <= offered:
                continue
            where = f"in {', '.join(sorted(offered))} only" if offered else "in none of its zones"
            text = f"ec2 offers {instance_type.removeprefix('ml.')} in {region} {where}"
            yield Finding(level=Level.HINT, place=places(users), message=f"{text}; sagemaker's own capacity may differ")


def subnets(planned: Sequence[Asked], client: ClientFactory) -> Iterator[Finding]:
    """Check that the declared subnets are there, with an address for each instance of an endpoint."""
    with_network = [one for one in planned if one.place.environment.network]
    for region, stacks in grouped(with_network, lambda one: one.place.region).items():
        network = stacks[0].place.environment.network
        ids = list(network.subnet_ids) if network else []
        try:
            answer = ask("ec2:DescribeSubnets", client("ec2", region=region).describe_subnets, SubnetIds=ids)
        except NotAnsweredError as error:
            level = Level.ERROR if error.code == _NO_SUBNET else Level.NOT_CHECKED
            yield Finding(level=level, place=places(stacks), message=f"subnets {', '.join(ids)} in {region}: {error}")
            continue
        free = sum(subnet["AvailableIpAddressCount"] for subnet in answer["Subnets"])
        needed = sum(one.place.instance_count for one in stacks)
        if needed > free:
            text = (
                f"subnets {', '.join(ids)} in {region} have {free} free addresses: needed is one an instance, {needed}"
            )
            yield Finding(level=Level.ERROR, place=places(stacks), message=text)


def _offering_zones(ec2: Any, instance_types: Sequence[str]) -> dict[str, set[str]]:
    zones: dict[str, set[str]] = {}
    token: dict[str, str] = {}
    while True:
        page = ask(
            "ec2:DescribeInstanceTypeOfferings",
            ec2.describe_instance_type_offerings,
            LocationType=_ZONE,
            Filters=[{"Name": "instance-type", "Values": list(instance_types)}],
            **token,
        )
        for offering in page["InstanceTypeOfferings"]:
            zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
        if not page.get("NextToken"):
            return zones
        token = {"NextToken": page["NextToken"]}
