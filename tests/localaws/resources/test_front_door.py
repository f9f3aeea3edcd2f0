"""Authorizers, usage plans, domain names and web ACLs are made, changed and removed as their templates say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.keyed_api import gateway, keyed_api
from tests.support.local_aws import StackDriver

Aws = Callable[..., Any]

ACCOUNT = "123456789012"
CERTIFICATE = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/1234abcd"


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def domain(name: str, **properties: Any) -> dict[str, Any]:
    return gateway(
        "DomainName",
        **{
            "DomainName": name,
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
            "RegionalCertificateArn": CERTIFICATE,
            "SecurityPolicy": "TLS_1_2",
            **properties,
        },
    )


def web_acl(limit: int = 2000, **properties: Any) -> dict[str, Any]:
    visibility = {"CloudWatchMetricsEnabled": True, "MetricName": "m", "SampledRequestsEnabled": False}
    rate = {"RateBasedStatement": {"AggregateKeyType": "IP", "Limit": limit, "EvaluationWindowSec": 300}}
    rule = {
        "Name": "rate",
        "Priority": 0,
        "Action": {"Block": {}},
        "Statement": rate,
        "VisibilityConfig": visibility,
    }
    return {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": visibility,
            "Rules": [rule],
            **properties,
        },
    }


def association() -> dict[str, Any]:
    stage = "arn:aws:apigateway:${AWS::Region}::/restapis/${Api}/stages/${Stage}"
    return {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": {"Fn::Sub": stage}, "WebACLArn": {"Fn::GetAtt": ["Acl", "Arn"]}},
    }


def test_a_usage_plan_is_changed_in_place_and_keeps_its_keys(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    client = aws("apigateway")
    before = {"Throttle": {"RateLimit": 5, "BurstLimit": 10}, "Quota": {"Limit": 3, "Period": "DAY"}}
    stacks.deploy(stack_name, keyed_api(plan=before))
    plan_id = stacks.physical_ids(stack_name)["Plan"]
    key = client.create_api_key(name="somebody", enabled=True)["id"]
    client.create_usage_plan_key(usagePlanId=plan_id, keyId=key, keyType="API_KEY")

    after = {"Throttle": {"RateLimit": 2.5, "BurstLimit": 7}, "Description": "new", "Tags": tags(a="b")}
    assert stacks.deploy(stack_name, keyed_api(plan=after)) == "UPDATE_COMPLETE", stacks.failures(stack_name)

    plan = client.get_usage_plan(usagePlanId=plan_id)
    assert plan["throttle"] == {"rateLimit": 2.5, "burstLimit": 7}
    assert (plan["description"], "quota" in plan) == ("new", False)
    assert client.get_usage_plan_keys(usagePlanId=plan_id)["items"][0]["id"] == key
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    assert client.get_api_key(apiKey=key)["id"] == key
    client.delete_api_key(apiKey=key)


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        ({"Quota": {"Limit": 5, "Period": "YEAR"}}, "Invalid quota period: YEAR"),
        ({"Quota": {"Limit": 0, "Period": "DAY"}}, "quota limit must be greater than 0"),
        ({"ApiStages": [{"ApiId": {"Ref": "Api"}, "Stage": "other"}]}, "API Stage not found"),
    ],
)
def test_a_usage_plan_that_api_gateway_would_refuse_fails(
    stacks: StackDriver, stack_name: str, plan: dict[str, Any], words: str
) -> None:
    resources = keyed_api()
    resources["Plan"]["Properties"] |= plan
    resources["Plan"]["DependsOn"] = "Stage"

    assert stacks.deploy(stack_name, resources) == "ROLLBACK_COMPLETE"
    assert words in stacks.failures(stack_name)


def test_an_authorizer_is_changed_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    stacks.deploy(stack_name, keyed_api(authorizer={"IdentityValidationExpression": "^a$"}))
    ids = stacks.physical_ids(stack_name)
    changed = {"AuthorizerResultTtlInSeconds": 60, "IdentityValidationExpression": "^b$"}

    assert stacks.deploy(stack_name, keyed_api(authorizer=changed)) == "UPDATE_COMPLETE", stacks.failures(stack_name)

    found = aws("apigateway").get_authorizer(restApiId=ids["Api"], authorizerId=ids["Authorizer"])
    assert (found["authorizerResultTtlInSeconds"], found["identityValidationExpression"]) == (60, "^b$")
    assert stacks.physical_ids(stack_name)["Authorizer"] == ids["Authorizer"]


@pytest.mark.parametrize(
    ("authorizer", "words"),
    [
        ({"AuthorizerResultTtlInSeconds": 3601}, "between 0 and 3600"),
        ({"IdentitySource": ""}, "Identity source is required"),
        ({"IdentityValidationExpression": "("}, "Invalid identity validation expression"),
        ({"Type": "COGNITO_USER_POOLS"}, "not supported here; allowed are TOKEN, REQUEST"),
    ],
)
def test_an_authorizer_that_cannot_be_fails(
    stacks: StackDriver, stack_name: str, authorizer: dict[str, Any], words: str
) -> None:
    assert stacks.deploy(stack_name, keyed_api(authorizer=authorizer)) == "ROLLBACK_COMPLETE"
    assert words in stacks.failures(stack_name)


def test_an_apis_own_address_is_switched_off_and_on_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    for disabled in (False, True, False):
        stacks.deploy(stack_name, keyed_api(DisableExecuteApiEndpoint=disabled, Tags=tags(state=str(disabled))))
        api = aws("apigateway").get_rest_api(restApiId=stacks.physical_ids(stack_name)["Api"])
        assert api["disableExecuteApiEndpoint"] is disabled
        assert api["tags"] == {"state": str(disabled)}


def test_a_domain_name_and_its_record_come_and_go(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    route53, name = aws("route53"), f"{stack_name}.example.com"
    zone = route53.create_hosted_zone(Name="example.com", CallerReference=stack_name)["HostedZone"]["Id"]
    zone = zone.rpartition("/")[2]
    alias = {
        "DNSName": {"Fn::GetAtt": ["Domain", "RegionalDomainName"]},
        "HostedZoneId": {"Fn::GetAtt": ["Domain", "RegionalHostedZoneId"]},
    }
    record = {"HostedZoneId": zone, "Name": f"{name}.", "Type": "A", "AliasTarget": alias}
    resources = {"Domain": domain(name), "Record": {"Type": "AWS::Route53::RecordSet", "Properties": record}}

    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE", stacks.failures(stack_name)

    made = aws("apigateway").get_domain_name(domainName=name)
    [found] = [
        one for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"] if one["Type"] == "A"
    ]
    assert (made["securityPolicy"], made["regionalCertificateArn"]) == ("TLS_1_2", CERTIFICATE)
    assert found["AliasTarget"]["DNSName"].rstrip(".") == made["regionalDomainName"]
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Invalid domain name"):
        aws("apigateway").get_domain_name(domainName=name)
    types = {one["Type"] for one in route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]}
    assert "A" not in types


def test_a_domain_name_needs_a_certificate_of_its_region_and_is_nobody_elses(
    stacks: StackDriver, stack_name: str
) -> None:
    elsewhere = domain("a.example.com", RegionalCertificateArn=CERTIFICATE.replace("us-east-1", "eu-west-1"))
    assert stacks.deploy(stack_name, {"Domain": elsewhere}) == "ROLLBACK_COMPLETE"
    assert "Certificate must be in 'us-east-1'" in stacks.failures(stack_name)

    name = f"{stack_name}.example.com"
    assert stacks.deploy(f"{stack_name}-one", {"Domain": domain(name)}) == "CREATE_COMPLETE"
    assert stacks.deploy(f"{stack_name}-two", {"Domain": domain(name)}) == "ROLLBACK_COMPLETE"
    assert "already exists" in stacks.failures(f"{stack_name}-two")


def test_a_web_acl_is_changed_in_place_and_stands_before_a_stage(
    stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    waf = aws("wafv2")
    resources = {**keyed_api(), "Acl": web_acl(), "Association": association()}
    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE", stacks.failures(stack_name)
    ids = stacks.physical_ids(stack_name)
    resources["Acl"] = web_acl(limit=100)

    assert stacks.deploy(stack_name, resources) == "UPDATE_COMPLETE", stacks.failures(stack_name)

    stage = f"arn:aws:apigateway:us-east-1::/restapis/{ids['Api']}/stages/prod"
    acl = waf.get_web_acl_for_resource(ResourceArn=stage)["WebACL"]
    assert acl["Rules"][0]["Statement"]["RateBasedStatement"]["Limit"] == 100
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"
    assert acl["Name"] not in {one["Name"] for one in waf.list_web_acls(Scope="REGIONAL")["WebACLs"]}


def test_a_web_acl_is_for_stages_of_apis_only(stacks: StackDriver, stack_name: str) -> None:
    resources = {"Acl": web_acl(), "Association": association()}
    resources["Association"]["Properties"]["ResourceArn"] = "arn:aws:s3:::some-bucket-somewhere"

    assert stacks.deploy(stack_name, resources) == "ROLLBACK_COMPLETE"
    assert "The ARN isn't valid" in stacks.failures(stack_name)
