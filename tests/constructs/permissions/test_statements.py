import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from constructs.permissions.statements import allow, allow_pass_role, service_principal

from tests.support.templates import only, resources


@pytest.fixture
def role(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Role", assumed_by=service_principal("lambda.amazonaws.com"))


def test_grants_actions_on_resources_under_conditions(stack: cdk.Stack, role: iam.Role) -> None:
    allow(role, "Look", ["s3:ListBucket", "s3:GetObject"], "arn:aws:s3:::b", StringEquals={"aws:SourceAccount": "1"})

    [statement] = only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert statement == {
        "Sid": "Look",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": "arn:aws:s3:::b",
        "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
    }


def test_passes_a_role_to_one_service_only(stack: cdk.Stack, role: iam.Role) -> None:
    passed = iam.Role(stack, "Passed", assumed_by=service_principal("sagemaker.amazonaws.com"))
    allow_pass_role(role, passed, service="sagemaker.amazonaws.com")

    [statement] = only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    assert statement["Action"] == "iam:PassRole"
    assert statement["Resource"]["Fn::GetAtt"][0].startswith("Passed")
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_a_service_has_one_principal_for_all_roles(stack: cdk.Stack) -> None:
    for name in ("A", "B"):
        iam.Role(stack, name, assumed_by=service_principal("lambda.amazonaws.com"))

    principals = [
        role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        for role in resources(stack, "AWS::IAM::Role").values()
    ]
    assert principals == [{"Service": "lambda.amazonaws.com"}] * 2
