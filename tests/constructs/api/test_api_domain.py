from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_apigateway as apigateway
from constructs.api.api_domain import ApiDomain

Properties = Callable[[cdk.Stack, str], list[dict[str, Any]]]

NAME = "mistral.models.example.com"
CERTIFICATE = "arn:aws:acm:us-west-2:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"


def _domain(stack: cdk.Stack, **props: Any) -> ApiDomain:
    return ApiDomain(stack, "Domain", **{"domain_name": NAME, "certificate_arn": CERTIFICATE, **props})


def test_answers_over_tls_1_2_or_newer_in_the_stacks_region(stack: cdk.Stack, properties: Properties) -> None:
    assert _domain(stack).url == f"https://{NAME}/"

    [domain] = properties(stack, "AWS::ApiGateway::DomainName")
    assert domain == {
        "DomainName": NAME,
        "EndpointConfiguration": {"Types": ["REGIONAL"]},
        "RegionalCertificateArn": CERTIFICATE,
        "SecurityPolicy": "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
        "EndpointAccessMode": "BASIC",
    }


def test_serves_an_apis_stage_at_its_root(stack: cdk.Stack, properties: Properties) -> None:
    api = apigateway.RestApi(stack, "Api", cloud_watch_role=False)
    api.root.add_method("ANY")
    _domain(stack).serve(api)

    [mapping] = properties(stack, "AWS::ApiGateway::BasePathMapping")
    assert set(mapping) == {"DomainName", "RestApiId", "Stage"}


def test_points_a_record_at_itself_where_there_is_a_zone(stack: cdk.Stack, properties: Properties) -> None:
    _domain(stack, hosted_zone_id="Z0123456789")

    [record] = properties(stack, "AWS::Route53::RecordSet")
    assert (record["HostedZoneId"], record["Name"], record["Type"]) == ("Z0123456789", f"{NAME}.", "A")
    assert set(record["AliasTarget"]) >= {"DNSName", "HostedZoneId"}


def test_leaves_dns_alone_without_a_zone(stack: cdk.Stack) -> None:
    _domain(stack)

    assertions.Template.from_stack(stack).resource_count_is("AWS::Route53::RecordSet", 0)


def test_reports_everything_that_is_wrong_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="domain_name") as refused:
        _domain(
            stack,
            domain_name="Models.example",
            certificate_arn=CERTIFICATE.replace("us-west-2", "us-east-1"),
            hosted_zone_id="example.com",
        )

    lines = str(refused.value).splitlines()
    assert lines[0].startswith("domain_name is 'Models.example': allowed is at most 253 characters: labels of lower")
    assert lines[1].endswith("certificate/1234abcd-12ab-34cd-56ef-1234567890ab': allowed is one of region us-west-2")
    assert lines[2] == "hosted_zone_id is 'example.com': allowed is Z and at most 31 upper-case letters and digits"


def test_takes_what_another_stack_knows(stack: cdk.Stack) -> None:
    _domain(stack, domain_name=cdk.Fn.import_value("name"), certificate_arn=cdk.Fn.import_value("certificate"))

    assertions.Template.from_stack(stack).resource_count_is("AWS::ApiGateway::DomainName", 1)
