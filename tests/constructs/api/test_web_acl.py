from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from constructs.api.web_acl import WebAcl

from catalog.limits.gateway import MANAGED_RULE_GROUPS

Properties = Callable[[cdk.Stack, str], list[dict[str, Any]]]


def test_lets_in_what_no_rule_blocks(stack: cdk.Stack, properties: Properties) -> None:
    WebAcl(stack, "Acl", managed_rule_groups=["AWSManagedRulesAmazonIpReputationList"], requests_per_address=500)

    [acl] = properties(stack, "AWS::WAFv2::WebACL")
    assert (acl["Scope"], acl["DefaultAction"]) == ("REGIONAL", {"Allow": {}})
    rate, reputation = acl["Rules"]
    assert rate["Action"] == {"Block": {}}
    assert rate["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 500,
    }
    group = reputation["Statement"]["ManagedRuleGroupStatement"]
    assert (group["VendorName"], group["Name"]) == ("AWS", "AWSManagedRulesAmazonIpReputationList")
    assert [rule["Priority"] for rule in acl["Rules"]] == [0, 1]


@pytest.mark.parametrize("name", [name for name, rules in MANAGED_RULE_GROUPS.items() if rules])
def test_only_counts_what_is_in_a_body_since_prompts_may_quote_anything(
    stack: cdk.Stack, properties: Properties, name: str
) -> None:
    WebAcl(stack, "Acl", managed_rule_groups=[name])

    [acl] = properties(stack, "AWS::WAFv2::WebACL")
    overrides = acl["Rules"][0]["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"]
    assert all(override["Name"].endswith("_BODY") for override in overrides)
    assert all(override["ActionToUse"] == {"Count": {}} for override in overrides)


def test_keeps_no_samples_which_would_show_the_callers_keys(stack: cdk.Stack, properties: Properties) -> None:
    WebAcl(stack, "Acl", managed_rule_groups=list(MANAGED_RULE_GROUPS), requests_per_address=10)

    [acl] = properties(stack, "AWS::WAFv2::WebACL")
    settings = [acl["VisibilityConfig"], *(rule["VisibilityConfig"] for rule in acl["Rules"])]
    assert len(settings) == len(MANAGED_RULE_GROUPS) + 2
    assert not any(one["SampledRequestsEnabled"] for one in settings)
    assert all(one["CloudWatchMetricsEnabled"] for one in settings)


def test_needs_no_limit_by_address(stack: cdk.Stack) -> None:
    WebAcl(stack, "Acl", managed_rule_groups=["AWSManagedRulesAnonymousIpList"])

    assertions.Template.from_stack(stack).resource_count_is("AWS::WAFv2::WebACL", 1)


def test_reports_everything_that_is_out_of_range_at_once(stack: cdk.Stack) -> None:
    group = "AWSManagedRulesCommonRuleSet"
    with pytest.raises(ValueError, match="managed_rule_groups") as refused:
        WebAcl(stack, "Acl", managed_rule_groups=["Common", group, group], requests_per_address=9)

    lines = str(refused.value).splitlines()
    assert lines[0].startswith("managed_rule_groups is 'Common': allowed is AWSManagedRulesAdminProtectionRuleSet, ")
    assert lines[1:] == [
        "managed_rule_groups is 'AWSManagedRulesCommonRuleSet', 2 times: allowed is each rule group once",
        "requests_per_address is 9: allowed is a whole number, 10 to 2000000000, or None",
    ]


def test_refuses_a_web_acl_without_any_rule(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="allowed is one of them, or no web ACL"):
        WebAcl(stack, "Acl", managed_rule_groups=[])
