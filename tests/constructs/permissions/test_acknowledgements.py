"""Reasons beside the resources, as the aspect of cdk-nag writes them, under the ids that cdk-nag finds."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from cdk_nag import WriteNagSuppressionsToCloudFormationAspect
from constructs.permissions.acknowledgements import acknowledge, acknowledge_wildcards, wildcard_findings
from constructs.permissions.statements import allow, service_principal
from constructs.values.arns import arn

from tests.support.templates import template_of


@pytest.fixture
def role(stack: cdk.Stack) -> iam.Role:
    role = iam.Role(stack, "Role", assumed_by=service_principal("lambda.amazonaws.com"))
    allow(role, "Look", ["s3:List*"], "arn:aws:s3:::b/*")
    return role


def _reasons(stack: cdk.Stack, resource_type: str) -> list[dict[str, str]]:
    """Return what is written beside the resource of a type, in its order."""
    cdk.Aspects.of(stack).add(WriteNagSuppressionsToCloudFormationAspect())
    [resource] = [one for one in template_of(stack)["Resources"].values() if one["Type"] == resource_type]
    found: list[dict[str, str]] = resource["Metadata"]["cdk_nag"]["rules_to_suppress"]
    return found


def test_writes_the_reasons_beside_the_policy_whatever_their_order(stack: cdk.Stack, role: iam.Role) -> None:
    acknowledge_wildcards(role, {"arn:aws:s3:::b/*": "why b", "*": "why all"}, actions={"s3:List*": "why list"})

    assert [(one["id"], one["reason"]) for one in _reasons(stack, "AWS::IAM::Policy")] == [
        ("AwsSolutions-IAM5[Action::s3:List*]", "why list"),
        ("AwsSolutions-IAM5[Resource::*]", "why all"),
        ("AwsSolutions-IAM5[Resource::arn:aws:s3:::b/*]", "why b"),
    ]


def test_acknowledges_a_finding_on_any_construct(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    acknowledge(key, {"AwsSolutions-KMS5": "rotated by hand"})

    [one] = _reasons(stack, "AWS::KMS::Key")
    assert (one["id"], one["reason"]) == ("AwsSolutions-KMS5", "rotated by hand")


def test_writes_references_as_cdk_nag_does(stack: cdk.Stack) -> None:
    key = kms.Key(stack, "Key")
    logical_id: Any = stack.resolve(key.key_arn)["Fn::GetAtt"][0]
    arns = {arn(stack, "logs", "log-group:*"): "a", f"{key.key_arn}:*": "b", "arn:aws:s3:::b/*": "c"}

    assert wildcard_findings(stack, arns) == {
        "AwsSolutions-IAM5[Resource::arn:aws:logs:us-west-2:<AWS::AccountId>:log-group:*]": "a",
        f"AwsSolutions-IAM5[Resource::<{logical_id}.Arn>:*]": "b",
        "AwsSolutions-IAM5[Resource::arn:aws:s3:::b/*]": "c",
    }
