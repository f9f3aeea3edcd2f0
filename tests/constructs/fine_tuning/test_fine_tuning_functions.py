"""Rights and settings of *prepare*, *verify* and *prune*."""

from typing import Any

import aws_cdk as cdk

from tests.constructs.fine_tuning.pipeline_parts import NAME, make
from tests.support.templates import resources, rights, template_of

_ACCOUNT = "us-west-2:<AWS::AccountId>"
_OWN = {"kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTelemetryRecords", "xray:PutTraceSegments"}


def _functions(stack: cdk.Stack) -> dict[str, dict[str, Any]]:
    return {one["Handler"]: one for one in resources(stack, "AWS::Lambda::Function").values()}


def test_prepare_reads_data_and_writes_reports_below_its_own_prefix(stack: cdk.Stack) -> None:
    make(stack)

    found = rights(template_of(stack), "FunctionsPrepareRole")
    [bucket] = found["s3:ListBucket"]
    assert found["s3:GetObject"] == [f"{bucket}/training/data/*", f"{bucket}/training/runs/recipes.json"]
    assert found["s3:PutObject"] == [f"{bucket}/training/runs/*"]


def test_prepare_finds_jobs_and_executions_of_its_own_pipeline(stack: cdk.Stack) -> None:
    make(stack)

    found = rights(template_of(stack), "FunctionsPrepareRole")
    assert found["sagemaker:DescribeTrainingJob"] == [
        f"arn:aws:sagemaker:{_ACCOUNT}:training-job/{NAME}-{'?' * 12}{attempt}" for attempt in ("", "-?", "-??")
    ]
    assert set(found) == {
        *_OWN,
        *("kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
        *("sagemaker:DescribeTrainingJob", "states:ListExecutions"),
    }
    assert found["states:ListExecutions"] == [f"arn:aws:states:{_ACCOUNT}:stateMachine:{NAME}"]


def test_verify_asks_its_endpoint_only(stack: cdk.Stack) -> None:
    make(stack)

    found = rights(template_of(stack), "FunctionsVerifyRole")
    assert set(found) == {*_OWN, "sagemaker:DescribeEndpoint", "sagemaker:InvokeEndpoint"}
    assert found["sagemaker:InvokeEndpoint"] == [f"arn:aws:sagemaker:{_ACCOUNT}:endpoint/{NAME}"]


def test_prune_deletes_models_and_configs_of_its_own_pipeline_only(stack: cdk.Stack) -> None:
    make(stack)

    found = rights(template_of(stack), "FunctionsPruneRole")
    assert found["sagemaker:DeleteModel"] == [f"arn:aws:sagemaker:{_ACCOUNT}:model/{NAME}-{'?' * 12}-{'?' * 6}"]
    assert found["sagemaker:DeleteEndpointConfig"] == [
        f"arn:aws:sagemaker:{_ACCOUNT}:endpoint-config/{NAME}-{'?' * 12}-{'?' * 6}"
    ]
    assert set(found["ssm:GetParameter"]) == {
        f"arn:aws:ssm:{_ACCOUNT}:parameter/jumpstack/dev/m/{name}" for name in ("served", "previous")
    }
    assert {action for action, arns in found.items() if arns == ["*"]} == {
        *("sagemaker:ListEndpointConfigs", "sagemaker:ListModels", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    }


def test_gives_each_function_its_settings(stack: cdk.Stack) -> None:
    make(stack)

    variables = {handler: one["Environment"]["Variables"] for handler, one in _functions(stack).items()}
    assert variables["training.prepare.handler"] == {"NAME_PREFIX": NAME, "METHOD": "domain"}
    assert variables["training.verify.handler"] == {"NAME_PREFIX": NAME, "CONTAINER": "tgi"}
    assert variables["training.prune.handler"] == {
        "NAME_PREFIX": NAME,
        "SERVED_PARAMETER": "/jumpstack/dev/m/served",
        "PREVIOUS_PARAMETER": "/jumpstack/dev/m/previous",
    }


def test_gives_prepare_memory_and_time_for_large_data(stack: cdk.Stack) -> None:
    make(stack)

    sizes = {handler: (one["MemorySize"], one["Timeout"]) for handler, one in _functions(stack).items()}
    assert sizes["training.prepare.handler"] == (3008, 900)
    assert sizes["training.verify.handler"] == sizes["training.prune.handler"] == (256, 300)
