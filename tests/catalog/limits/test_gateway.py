"""Limits of keys, web ACLs, domains and certificates, on both sides of each."""

from collections.abc import Iterator
from typing import Any

import pytest

from catalog.limits import gateway as limits
from catalog.limits.endpoint import Breach

CERTIFICATE = "arn:aws:acm:us-west-2:111122223333:certificate/0a1b-2c3d"
WEB_ACL = "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/name/0a1b-2c3d"
GROUP = "AWSManagedRulesAmazonIpReputationList"
MOST = 2**31 - 1
HERE: dict[str, Any] = {"region": "us-west-2", "account": "111122223333"}
DOMAIN = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])


@pytest.mark.parametrize(
    "breaches",
    [
        limits.throttle(0.1, 1),
        limits.throttle(10_000, MOST),
        limits.quota(1, "DAY"),
        limits.quota(MOST, "MONTH"),
        limits.generations_per_request(1),
        limits.generations_per_request(128),
        limits.web_acl([GROUP], None),
        limits.web_acl([], 10),
        limits.web_acl([], 2_000_000_000),
        limits.domain_name("a.b"),
        limits.domain_name(DOMAIN),
        limits.hosted_zone_id("Z0"),
        limits.hosted_zone_id(f"Z{'A' * 31}"),
        limits.certificate(CERTIFICATE, **HERE),
        limits.certificate(CERTIFICATE, region="us-west-2", account=None),
        limits.web_acl_arn(WEB_ACL, **HERE),
    ],
)
def test_takes_values_up_to_a_limit(breaches: Iterator[Breach]) -> None:
    assert list(breaches) == []


@pytest.mark.parametrize(
    ("breaches", "subjects"),
    [
        (limits.throttle(0, 1), ["requests_per_second"]),
        (limits.throttle(float("inf"), 1), ["requests_per_second"]),
        (limits.throttle(float("nan"), 1), ["requests_per_second"]),
        (limits.throttle(True, 1), ["requests_per_second"]),
        (limits.throttle(1, 0), ["burst"]),
        (limits.throttle(1, True), ["burst"]),
        (limits.throttle(1, MOST + 1), ["burst"]),
        (limits.quota(0, "DAY"), ["quota"]),
        (limits.quota(MOST + 1, "DAY"), ["quota"]),
        (limits.quota(1, "YEAR"), ["quota_period"]),
        (limits.generations_per_request(0), ["generations_per_request"]),
        (limits.generations_per_request(129), ["generations_per_request"]),
        (limits.web_acl([], None), ["managed_rule_groups"]),
        (limits.web_acl(["no-such-group"], None), ["managed_rule_groups"]),
        (limits.web_acl([GROUP, GROUP], None), ["managed_rule_groups"]),
        (limits.web_acl([], 9), ["requests_per_address"]),
        (limits.web_acl([GROUP], 2_000_000_001), ["requests_per_address"]),
        (limits.domain_name("localhost"), ["domain_name"]),
        (limits.domain_name("A.example.com"), ["domain_name"]),
        (limits.domain_name("-a.example.com"), ["domain_name"]),
        (limits.domain_name(f"{'a' * 64}.example.com"), ["domain_name"]),
        (limits.domain_name(f"{DOMAIN}d"), ["domain_name"]),
        (limits.hosted_zone_id("Z"), ["hosted_zone_id"]),
        (limits.hosted_zone_id("A0"), ["hosted_zone_id"]),
        (limits.hosted_zone_id(f"Z{'A' * 32}"), ["hosted_zone_id"]),
        (limits.certificate("arn:aws:acm:us-west-2", **HERE), ["certificate_arn"]),
        (limits.certificate(CERTIFICATE, region="us-east-1", account=None), ["certificate_arn"]),
        (limits.certificate(CERTIFICATE, region="us-west-2", account="999999999999"), ["certificate_arn"]),
        (limits.certificate(CERTIFICATE, region="us-east-1", account="999999999999"), ["certificate_arn"] * 2),
        (limits.web_acl_arn(WEB_ACL.replace("regional", "global"), **HERE), ["web_acl_arn"]),
    ],
)
def test_refuses_values_beyond_a_limit(breaches: Iterator[Breach], subjects: list[str]) -> None:
    assert [breach.subject for breach in breaches] == subjects
