"""Models, endpoint configurations and endpoints are deployed, moved and deleted by their templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]

IMAGE = (
    "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:"
    "2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
)
# The container ends without it (Text Generation Inference: the model to load).
ENVIRONMENT = {"HF_MODEL_ID": "/opt/ml/model"}


def resources(
    *, instance_type: str = "ml.g5.2xlarge", environment: dict[str, str] | None = None, **endpoint: Any
) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "sagemaker.amazonaws.com"}}
    allow = {"Effect": "Allow", "Action": ["ecr:*", "s3:*"], "Resource": "*"}
    policy = {"PolicyName": "pull", "PolicyDocument": {"Version": "2012-10-17", "Statement": [allow]}}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}, "Policies": [policy]}
    source = {"S3Uri": "s3://jumpstart-cache-prod-us-east-1/x/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {
        "Image": IMAGE,
        "ModelDataSource": {"S3DataSource": source},
        "Environment": ENVIRONMENT if environment is None else environment,
    }
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Fn::GetAtt": ["Model", "ModelName"]},
        "InstanceType": instance_type,
        "InitialInstanceCount": "1",
        "InitialVariantWeight": 1,
    }
    return {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "PrimaryContainer": container},
        },
        "Config": {"Type": "AWS::SageMaker::EndpointConfig", "Properties": {"ProductionVariants": [variant]}},
        "Endpoint": {
            "Type": "AWS::SageMaker::Endpoint",
            "Properties": {"EndpointConfigName": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}, **endpoint},
        },
    }


OUTPUTS = {
    "Endpoint": {"Value": {"Fn::GetAtt": ["Endpoint", "EndpointName"]}},
    "Config": {"Value": {"Fn::GetAtt": ["Config", "EndpointConfigName"]}},
}


def test_an_endpoint_moves_to_a_new_configuration_and_goes_with_its_stack(
    stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    sagemaker = aws("sagemaker")
    status = stacks.deploy(stack_name, resources(), Outputs=OUTPUTS)
    assert status == "CREATE_COMPLETE", stacks.failures(stack_name)
    before = stacks.outputs(stack_name)
    assert sagemaker.describe_endpoint(EndpointName=before["Endpoint"])["EndpointStatus"] == "InService"

    status = stacks.deploy(stack_name, resources(instance_type="ml.g5.4xlarge"), Outputs=OUTPUTS)
    assert status == "UPDATE_COMPLETE", stacks.failures(stack_name)
    after = stacks.outputs(stack_name)
    assert after["Endpoint"] == before["Endpoint"]
    endpoint = sagemaker.describe_endpoint(EndpointName=after["Endpoint"])
    assert (endpoint["EndpointConfigName"], endpoint["EndpointStatus"]) == (after["Config"], "InService")
    configurations = [entry["EndpointConfigName"] for entry in sagemaker.list_endpoint_configs()["EndpointConfigs"]]
    assert before["Config"] not in configurations

    assert stacks.delete(stack_name) == "DELETE_COMPLETE", stacks.failures(stack_name)
    names = [entry["EndpointName"] for entry in sagemaker.list_endpoints()["Endpoints"]]
    assert after["Endpoint"] not in names


def test_an_endpoint_whose_container_fails_rolls_the_stack_back(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    # A name with capitals: the endpoint's ARN has it in lower case, and it must be found all the same.
    declared = resources(environment={}, EndpointName=f"Named-{stack_name}")

    assert stacks.deploy(stack_name, declared) == "ROLLBACK_COMPLETE"
    assert "NotStabilized" in stacks.failures(stack_name)
    names = [entry["EndpointName"] for entry in aws("sagemaker").list_endpoints()["Endpoints"]]
    assert f"Named-{stack_name}" not in names
