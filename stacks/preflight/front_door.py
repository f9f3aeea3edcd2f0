"""Checks of an environment's front door: keys, web ACL and domain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from catalog.limits import answers as answer_limits
from catalog.limits import gateway as limits
from catalog.nearest import similar
from stacks.declarations import Model
from stacks.environments import ApiKeys, Cors, Domain, Environment, Throttle, WebAcl
from stacks.placement import AnyPlacement, Deployments, placed, placements
from stacks.preflight.findings import Finding, Level, breaches


def check_front_door(environment: Environment, models: Sequence[Model]) -> Iterator[Finding]:
    """Check the front door of one environment, for the regions that its models run in."""
    place = f"{environment.name}.front_door"
    door = environment.front_door
    here = placed(environment, models)
    regions = tuple(dict.fromkeys(placement.region for placement in here))
    if door.api_keys is not None:
        yield from _check_api_keys(f"{place}.api_keys", door.api_keys)
    rule = limits.generations_per_request(door.generations_per_request)
    yield from breaches("generations-per-request", place, rule)
    yield from _check_api_throttle(f"{place}.throttle", door.throttle, environment, models)
    if isinstance(door.web_acl, WebAcl):
        yield from _check_web_acl(f"{place}.web_acl", door.web_acl)
    elif door.web_acl is not None:
        yield from _check_web_acl_arns(f"{place}.web_acl", door.web_acl, environment, regions)
    if door.domain is not None:
        yield from _check_domain(f"{place}.domain", door.domain, environment, here, regions)
    if door.cors is not None:
        yield from _check_cors(f"{place}.cors", door.cors)


def check_domains(deployments: Deployments) -> Iterator[Finding]:
    """Check that no two environments give the same domain name to two models."""
    first: dict[str, AnyPlacement] = {}
    for placement in placements(deployments):
        environment = placement.environment.name
        domain = placement.environment.front_door.domain
        if domain is None:
            continue
        name = f"{placement.model.name}.{domain.name}"
        holder = first.setdefault(name, placement)
        if holder.environment.name != environment:
            yield Finding(
                rule="domain-taken",
                place=f"{environment}.front_door.domain.name",
                value=repr(domain.name),
                message=f"{placement} would answer at {name}, as {holder} does",
            )


def _check_cors(place: str, cors: Cors) -> Iterator[Finding]:
    yield from breaches("cors-origins", place, answer_limits.origins(cors.origins))
    if answer_limits.ANY_ORIGIN in cors.origins:
        yield Finding(
            rule="cors-any-origin",
            place=f"{place}.origins",
            value="'*'",
            message="pages of any site may call the models, with a key or credentials that they have",
            suggestion="the origins of your pages, such as 'https://chat.example.com'",
            level=Level.WARNING,
        )


def _check_api_keys(place: str, keys: ApiKeys) -> Iterator[Finding]:
    throttle, quota = keys.throttle, keys.quota
    found = [] if throttle is None else list(_wrong_throttle(f"{place}.throttle", throttle))
    if quota is not None:
        names = {"quota": "quota.requests", "quota_period": "quota.per"}
        for breach in limits.quota(quota.requests, quota.per):
            found += breaches("request-quota", place, iter([breach]), subject=names[breach.subject])
    yield from found
    if found:
        return
    if throttle is not None:
        yield from _check_account(f"{place}.throttle", throttle)
    if throttle is not None and quota is not None and quota.requests < throttle.burst:
        yield Finding(
            rule="quota-below-burst",
            place=f"{place}.quota.requests",
            value=f"{quota.requests}",
            message=f"a key has used it up for the whole {quota.per.lower()} with one burst of {throttle.burst}",
            level=Level.WARNING,
        )


def _check_api_throttle(
    place: str, throttle: Throttle | None, environment: Environment, models: Sequence[Model]
) -> Iterator[Finding]:
    """Check the throttle of each model's API, which holds for all of its callers together."""
    if throttle is None:
        if models:
            yield Finding(
                rule="no-api-throttle",
                place=place,
                value="None",
                message=f"the callers of one model may take all {limits.ACCOUNT_REQUESTS_PER_SECOND} requests a second "
                "that API Gateway gives an account in a region for all of its APIs",
                suggestion="Throttle(requests_per_second=50, burst=16)",
                level=Level.WARNING,
            )
        return
    found = list(_wrong_throttle(place, throttle))
    yield from found
    if found:
        return
    yield from _check_account(place, throttle)
    at_a_time = environment.reserved_concurrency
    if at_a_time is not None and throttle.burst > at_a_time > 0:
        yield Finding(
            rule="burst-over-concurrency",
            place=f"{place}.burst",
            value=f"{throttle.burst}",
            message=f"{environment.name}.reserved_concurrency is {at_a_time}, so that of a burst some get 503 from "
            "Lambda, where API Gateway would answer 429",
            suggestion=f"{at_a_time}",
            level=Level.WARNING,
        )


def _wrong_throttle(place: str, throttle: Throttle) -> Iterator[Finding]:
    yield from breaches("throttle", place, limits.throttle(throttle.requests_per_second, throttle.burst))


def _check_account(place: str, throttle: Throttle) -> Iterator[Finding]:
    """Warn of a throttle that the account's own comes before."""
    for name, value, most in [
        ("requests_per_second", throttle.requests_per_second, limits.ACCOUNT_REQUESTS_PER_SECOND),
        ("burst", throttle.burst, limits.ACCOUNT_BURST),
    ]:
        if value > most:
            yield Finding(
                rule="throttle-over-account",
                place=f"{place}.{name}",
                value=f"{value:g}",
                message="API Gateway throttles all APIs of an account and region together at "
                f"{most} unless the quota was raised",
                suggestion=f"{most}",
                level=Level.WARNING,
            )


def _check_web_acl(place: str, acl: WebAcl) -> Iterator[Finding]:
    for finding in breaches("web-acl", place, limits.web_acl(acl.managed_rule_groups, acl.requests_per_address)):
        near = similar(finding.value.strip("'"), limits.MANAGED_RULE_GROUPS, most=1)
        yield replace(finding, suggestion=near[0]) if near and "times" not in finding.value else finding


def _check_web_acl_arns(
    place: str, arns: Mapping[str, str], environment: Environment, regions: Sequence[str]
) -> Iterator[Finding]:
    yield from _check_regions(rule="web-acl-region", place=place, known=arns, regions=regions, what="a web ACL")
    for region, arn in arns.items():
        rule = limits.web_acl_arn(arn, region=region, account=environment.account)
        for finding in breaches("web-acl-arn", place, rule):
            yield replace(finding, place=f"{place}[{region!r}]")


def _check_domain(
    place: str, domain: Domain, environment: Environment, models: Sequence[AnyPlacement], regions: Sequence[str]
) -> Iterator[Finding]:
    found = list(breaches("domain-name", place, limits.domain_name(domain.name), subject="name"))
    yield from found
    for placement in models if not found else ():
        name = f"{placement.model.name}.{domain.name}"
        for finding in breaches("domain-name", place, limits.domain_name(name), subject="name"):
            yield replace(finding, message=f"{placement} would answer at {name!r}, which is no domain name")
    yield from _check_regions(
        rule="certificate-region",
        place=f"{place}.certificates",
        known=domain.certificates,
        regions=regions,
        what="a certificate",
    )
    for region, arn in domain.certificates.items():
        rule = limits.certificate(arn, region=region, account=environment.account)
        for finding in breaches("certificate-arn", place, rule):
            yield replace(finding, place=f"{place}.certificates[{region!r}]")
    if domain.hosted_zone_id is not None:
        yield from breaches("hosted-zone", place, limits.hosted_zone_id(domain.hosted_zone_id))


def _check_regions(
    *, rule: str, place: str, known: Mapping[str, str], regions: Sequence[str], what: str
) -> Iterator[Finding]:
    for region in regions:
        if region not in known:
            yield Finding(
                rule=rule,
                place=place,
                value=f"for {', '.join(known) or 'no region'}",
                message=f"models run in {region} too, and an API takes {what} of its own region only",
                suggestion=f"adding {region}",
            )
