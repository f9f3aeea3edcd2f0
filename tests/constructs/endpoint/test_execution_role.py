import json
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.endpoint.execution_role import ExecutionRole

from catalog import Lock, ModelVersion
from catalog.spec import AdditionalDataSource
from tests.app.state_machine_calls import text
from tests.support.templates import listed


def _statements(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    [policy] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    return {statement["Sid"]: statement for statement in policy["Properties"]["PolicyDocument"]["Statement"]}


def _role(stack: cdk.Stack, model: ModelVersion, *, in_vpc: bool = False) -> None:
    ExecutionRole(
        stack,
        "Role",
        deployment=model.resolve(region="us-west-2"),
        endpoint_name="dev-some-model",
        in_vpc=in_vpc,
    )


def test_only_sagemaker_may_assume_it_and_only_for_the_account_and_region(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    _role(stack, mistral)

    [role] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    [source] = statement["Condition"]["ArnLike"].values()
    # SageMaker sends the asterisk as it stands: it must not be a model's or an endpoint's name.
    assert text(source) == "arn:aws:sagemaker:us-west-2:<AWS::AccountId>:*"


def test_has_no_managed_policy(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    [role] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Role").values()
    assert "ManagedPolicyArns" not in role["Properties"]


def test_reads_the_one_artifact_prefix_and_nothing_else_in_the_bucket(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    assert _statements(stack)["ReadArtifact"]["Resource"] == (
        "arn:aws:s3:::jumpstart-cache-prod-us-west-2/huggingface-llm/huggingface-llm-mistral-7b-instruct"
        "/artifacts/inference-prepack/v1.0.0/*"
    )


def test_reads_a_tarball_by_its_exact_key(stack: cdk.Stack, lock: Lock) -> None:
    _role(stack, lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17"))

    assert _statements(stack)["ReadArtifact"]["Resource"].endswith(
        "/infer-prepack-huggingface-llm-falcon-180b-chat-bf16.tar.gz"
    )


def test_pulls_from_the_one_repository_in_the_registrys_account(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    assert _statements(stack)["PullImage"]["Resource"] == (
        "arn:aws:ecr:us-west-2:763104351884:repository/huggingface-pytorch-tgi-inference"
    )


def test_names_a_wildcard_resource_only_where_iam_has_none(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    assert {sid for sid, statement in _statements(stack).items() if statement["Resource"] == "*"} == {
        "PutMetrics",
        "RegistryToken",
    }


def test_puts_metrics_into_sagemakers_namespaces_only(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    assert _statements(stack)["PutMetrics"]["Condition"] == {
        "StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}
    }


def test_may_touch_network_interfaces_only_when_it_runs_in_a_vpc(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)
    other = cdk.Stack(cdk.App(), "other", env=cdk.Environment(region="us-west-2"))
    _role(other, mistral, in_vpc=True)

    assert "ManageNetworkInterfaces" not in _statements(stack)
    assert "ec2:CreateNetworkInterface" in _statements(other)["ManageNetworkInterfaces"]["Action"]


def test_lets_the_role_read_a_draft_model_beside_the_artifact(stack: cdk.Stack, mistral: ModelVersion) -> None:
    source = AdditionalDataSource(channel_name="draft_model", key="draft/model.tar.gz", data_type="S3Object")
    model = replace(mistral, additional_data_sources=(source,))
    _role(stack, model)

    statements = _statements(stack).values()
    resources = {statement["Sid"]: json.dumps(statement["Resource"]) for statement in statements}
    assert ':s3:::sagemaker-sd-models-prod-us-west-2"' in resources["ListArtifacts"]
    assert ':s3:::sagemaker-sd-models-prod-us-west-2/draft/model.tar.gz"' in resources["ReadArtifact"]
    assert ":s3:::jumpstart-cache-prod-us-west-2/" in resources["ReadArtifact"]


def test_is_granted_what_sagemaker_documents_and_no_more(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral, in_vpc=True)

    # SageMaker developer guide, "CreateModel API: execution role permissions".
    assert {sid: set(listed(statement["Action"])) for sid, statement in _statements(stack).items()} == {
        "ListArtifacts": {"s3:ListBucket"},
        "ReadArtifact": {"s3:GetObject"},
        "PullImage": {"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
        "RegistryToken": {"ecr:GetAuthorizationToken"},
        "WriteLogs": {
            *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
        },
        "PutMetrics": {"cloudwatch:PutMetricData"},
        "ManageNetworkInterfaces": {
            *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
            *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
        },
        "DescribeNetwork": {
            *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
            *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
        },
    }


def test_writes_the_log_group_of_its_endpoint_only(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _role(stack, mistral)

    group = "arn:aws:logs:us-west-2:<AWS::AccountId>:log-group:/aws/sagemaker/Endpoints/dev-some-model"
    assert [text(arn) for arn in _statements(stack)["WriteLogs"]["Resource"]] == [group, f"{group}:*"]
