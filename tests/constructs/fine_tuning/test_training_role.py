"""The role of training jobs: their own data, recipe and runs, one image, SageMaker's own metrics."""

from typing import Any

import aws_cdk as cdk

from tests.app.state_machine_calls import text
from tests.constructs.fine_tuning.pipeline_parts import NAME, make
from tests.support.templates import rights, statements, template_of

_ROLE = "TrainingRole"


def test_reads_its_data_and_recipe_and_writes_its_runs_and_touches_no_other_object(stack: cdk.Stack) -> None:
    make(stack)

    found = rights(template_of(stack), _ROLE)
    names = {
        action: {arn.rpartition(":::")[2] or arn for arn in arns}
        for action, arns in found.items()
        if action.startswith("s3:")
    }
    cache = "jumpstart-cache-prod-us-west-2"
    [bucket] = [name for name in names["s3:ListBucket"] if name.startswith("<")]
    assert names["s3:ListBucket"] == {cache, bucket}
    # Of its own pipeline's jobs: reports and requests lie beside them.
    assert names["s3:PutObject"] == names["s3:AbortMultipartUpload"] == {f"{bucket}/training/runs/{NAME}-*"}
    assert names["s3:GetObject"] == {
        f"{bucket}/training/data/*",
        f"{bucket}/training/runs/{NAME}-*",
        f"{cache}/source-directory-tarballs/*",
        f"{cache}/*-training/*train-huggingface-llm-mistral-7b*",
    }


def test_pulls_the_training_image_of_the_regions_registry_only(stack: cdk.Stack) -> None:
    make(stack)

    assert rights(template_of(stack), _ROLE)["ecr:BatchGetImage"] == [
        "arn:aws:ecr:us-west-2:763104351884:repository/huggingface-pytorch-training"
    ]


def test_puts_metrics_into_sagemakers_namespaces_only(stack: cdk.Stack) -> None:
    make(stack)

    [metrics] = [one for one in statements(template_of(stack), _ROLE) if one.get("Sid") == "PutMetrics"]
    assert metrics["Action"] == "cloudwatch:PutMetricData"
    assert metrics["Condition"] == {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}}


def test_makes_grants_on_the_key_only_where_volumes_have_it(stack: cdk.Stack, context: dict[str, Any]) -> None:
    make(stack)
    other = cdk.Stack(cdk.App(context=context), "other", env=cdk.Environment(region="us-west-2"))
    make(other, job={"volume_key": True})

    assert "kms:CreateGrant" not in rights(template_of(stack), _ROLE)
    assert "kms:CreateGrant" in rights(template_of(other), _ROLE)


def test_manages_network_interfaces_only_in_a_vpc(stack: cdk.Stack, context: dict[str, Any]) -> None:
    make(stack)
    other = cdk.Stack(cdk.App(context=context), "other", env=cdk.Environment(region="us-west-2"))
    make(other, job={"in_vpc": True})

    assert "ec2:CreateNetworkInterface" not in rights(template_of(stack), _ROLE)
    assert "ec2:CreateNetworkInterface" in rights(template_of(other), _ROLE)


def test_only_sagemaker_may_assume_it_and_only_for_training_jobs(stack: cdk.Stack) -> None:
    make(stack)

    [role] = [
        one for name, one in template_of(stack)["Resources"].items() if name.startswith(_ROLE) and "Policy" not in name
    ]
    [statement] = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "sagemaker.amazonaws.com"}
    [source] = statement["Condition"]["ArnLike"].values()
    assert text(source) == "arn:aws:sagemaker:us-west-2:<AWS::AccountId>:training-job/*"


def test_is_granted_no_action_beyond_those_of_a_training(stack: cdk.Stack) -> None:
    make(stack)

    assert set(rights(template_of(stack), _ROLE)) == {
        *("s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
        *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
        *("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetAuthorizationToken"),
        *("ecr:GetDownloadUrlForLayer", "cloudwatch:PutMetricData"),
        *("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"),
    }
