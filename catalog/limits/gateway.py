"""Limits of the front door: API Gateway's keys and domains, AWS WAF and certificates, as pure rules.

Like `catalog.limits.endpoint`: the constructs raise on a breach, the preflight gives it its place.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from catalog.limits.endpoint import Breach

ACCOUNT_REQUESTS_PER_SECOND = 10_000
"""API Gateway's default quota of an account and region, over all its APIs ("Amazon API Gateway quotas")."""
ACCOUNT_BURST = 5_000
"""The burst that belongs to it."""
MOST_GENERATIONS = 128
"""OpenAI's limit of `n`, and the invoke shim's of MAX_GENERATIONS."""
QUOTA_PERIODS = ("DAY", "WEEK", "MONTH")
"""API CreateUsagePlan, QuotaSettings.period."""
LEAST_REQUESTS_PER_ADDRESS = 10
MOST_REQUESTS_PER_ADDRESS = 2_000_000_000
"""API CreateWebACL of AWS WAF, RateBasedStatement.Limit."""

# QuotaSettings.limit is an Integer, which has 32 bits.
_MOST_REQUESTS = 2**31 - 1

MANAGED_RULE_GROUPS: dict[str, tuple[str, ...]] = {
    "AWSManagedRulesAdminProtectionRuleSet": (),
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesAnonymousIpList": (),
    "AWSManagedRulesCommonRuleSet": (
        "CrossSiteScripting_BODY",
        "EC2MetaDataSSRF_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "SizeRestrictions_BODY",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (
        "JavaDeserializationRCE_BODY",
        "Log4JRCE_BODY",
        "ReactJSRCE_BODY",
    ),
    "AWSManagedRulesLinuxRuleSet": (),
    "AWSManagedRulesPHPRuleSet": ("PHPHighRiskMethodsVariables_BODY",),
    "AWSManagedRulesSQLiRuleSet": ("SQLiExtendedPatterns_BODY", "SQLi_BODY"),
    "AWSManagedRulesUnixRuleSet": ("UNIXShellCommandsVariables_BODY",),
    "AWSManagedRulesWindowsRuleSet": ("PowerShellCommands_BODY", "WindowsShellCommands_BODY"),
    "AWSManagedRulesWordPressRuleSet": (),
}
"""AWS's managed rule groups that take no configuration, each with its rules about a request's body (AWS WAF developer
guide, "AWS Managed Rules rule groups list"). Groups against bots and fraud need settings, and cost by the request."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
# RFC 1035, section 2.3.4, without the trailing dot.
_LONGEST_DOMAIN = 253
_PARTITIONS = r"arn:aws(?:-cn|-us-gov)?"
_CERTIFICATE = re.compile(
    _PARTITIONS + r":acm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):certificate/[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*"
)
_WEB_ACL = re.compile(
    _PARTITIONS
    + r":wafv2:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):regional/webacl/[\w-]{1,128}/[0-9a-f]+(?:-[0-9a-f]+)*"
)
# API CreateHostedZone: ids of at most 32 characters.
_HOSTED_ZONE = re.compile(r"Z[A-Z0-9]{1,31}")


def throttle(requests_per_second: float, burst: int) -> Iterator[Breach]:
    """Check a usage plan's throttle (API CreateUsagePlan, ThrottleSettings)."""
    if not (_is_number(requests_per_second) and math.isfinite(requests_per_second) and requests_per_second > 0):
        yield _breach("requests_per_second", repr(requests_per_second), "a number, more than 0")
    if not _is_whole(burst, most=_MOST_REQUESTS):
        yield _breach("burst", repr(burst), "a whole number, 1 or more")


def quota(requests: int, period: str) -> Iterator[Breach]:
    """Check a usage plan's quota (API CreateUsagePlan, QuotaSettings)."""
    if not _is_whole(requests, most=_MOST_REQUESTS):
        yield _breach("quota", repr(requests), f"a whole number, 1 to {_MOST_REQUESTS}")
    if period not in QUOTA_PERIODS:
        yield _breach("quota_period", repr(period), ", ".join(QUOTA_PERIODS))


def web_acl(managed_rule_groups: Sequence[str], requests_per_address: int | None) -> Iterator[Breach]:
    """Check a web ACL (API CreateWebACL of AWS WAF)."""
    for name, count in Counter(managed_rule_groups).items():
        if name not in MANAGED_RULE_GROUPS:
            yield _breach("managed_rule_groups", repr(name), ", ".join(MANAGED_RULE_GROUPS))
        if count > 1:
            yield _breach("managed_rule_groups", f"{name!r}, {count} times", "each rule group once")
    limit = requests_per_address
    allowed = f"a whole number, {LEAST_REQUESTS_PER_ADDRESS} to {MOST_REQUESTS_PER_ADDRESS}, or None"
    if limit is not None and not _is_whole(limit, least=LEAST_REQUESTS_PER_ADDRESS, most=MOST_REQUESTS_PER_ADDRESS):
        yield _breach("requests_per_address", repr(limit), allowed)
    if not managed_rule_groups and limit is None:
        yield _breach("managed_rule_groups", "empty, and requests_per_address None", "one of them, or no web ACL")


def domain_name(name: str) -> Iterator[Breach]:
    """Check a domain name (RFC 1035; API CreateDomainName takes lower case)."""
    if not _DOMAIN.fullmatch(name) or len(name) > _LONGEST_DOMAIN:
        allowed = f"at most {_LONGEST_DOMAIN} characters: labels of lower-case letters, digits and inner hyphens, "
        yield _breach("domain_name", repr(name), f"{allowed}with a dot between them")


def hosted_zone_id(zone: str) -> Iterator[Breach]:
    """Check the id of a hosted zone of Route 53."""
    if not _HOSTED_ZONE.fullmatch(zone):
        yield _breach("hosted_zone_id", repr(zone), "Z and at most 31 upper-case letters and digits")


def certificate(arn: str, *, region: str, account: str | None) -> Iterator[Breach]:
    """Check the certificate of a regional domain.

    Args:
        arn: The certificate's ARN.
        region: The domain's region; its certificate must be there too.
        account: The domain's account, 12 digits, where it is known; the certificate must be in it.
    """
    form = f"arn:aws:acm:{region}:<account>:certificate/<id>"
    yield from _arn("certificate_arn", arn, _CERTIFICATE, form, region=region, account=account)


def web_acl_arn(arn: str, *, region: str, account: str | None) -> Iterator[Breach]:
    """Check the ARN of a web ACL for regional resources; arguments as in `certificate`."""
    form = f"arn:aws:wafv2:{region}:<account>:regional/webacl/<name>/<id>"
    yield from _arn("web_acl_arn", arn, _WEB_ACL, form, region=region, account=account)


def _arn(
    subject: str, arn: str, pattern: re.Pattern[str], form: str, *, region: str, account: str | None
) -> Iterator[Breach]:
    match = pattern.fullmatch(arn)
    if match is None:
        yield _breach(subject, repr(arn), form)
        return
    if match["region"] != region:
        yield _breach(subject, repr(arn), f"one of region {region}")
    if account is not None and match["account"] != account:
        yield _breach(subject, repr(arn), f"one of account {account}")


def _breach(subject: str, value: str, allowed: str) -> Breach:
    return Breach(subject, value, allowed, f"{subject} is {value}: allowed is {allowed}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object, *, least: int = 1, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def generations_per_request(count: int) -> Iterator[Breach]:
    """Check the most generations of one request."""
    if not 1 <= count <= MOST_GENERATIONS:
        allowed = f"1 to {MOST_GENERATIONS}"
        sentence = f"generations_per_request is {count}: allowed are {allowed}"
        yield Breach("generations_per_request", f"{count}", allowed, sentence)
