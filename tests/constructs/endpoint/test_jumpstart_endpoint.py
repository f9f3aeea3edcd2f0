from dataclasses import replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint

from catalog import Lock, ModelVersion


def _endpoint(stack: cdk.Stack, model: ModelVersion, **props: Any) -> JumpStartEndpoint:
    return JumpStartEndpoint(stack, "Endpoint", model=model, **{"endpoint_name": "dev-some-model", **props})


def _only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources(resource_type).values()
    return dict(resource)


def test_creates_the_model_from_the_locks_image_artifact_and_environment(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    _endpoint(stack, mistral)

    container = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert container["Image"] == (
        "763104351884.dkr.ecr.us-west-2.amazonaws.com/huggingface-pytorch-tgi-inference"
        ":2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
    )
    assert container["ModelDataSource"]["S3DataSource"] == {
        "CompressionType": "None",
        "S3DataType": "S3Prefix",
        "S3Uri": (
            "s3://jumpstart-cache-prod-us-west-2/huggingface-llm/huggingface-llm-mistral-7b-instruct"
            "/artifacts/inference-prepack/v1.0.0/"
        ),
    }
    assert container["Environment"]["MAX_INPUT_LENGTH"] == "8191"
    assert container["Environment"]["MAX_TOTAL_TOKENS"] == "8192"


def test_takes_image_and_artifact_of_its_stacks_region(context: dict[str, Any], mistral: ModelVersion) -> None:
    stack = cdk.Stack(cdk.App(context=context), "test-stack", env=cdk.Environment(region="ap-east-1"))
    _endpoint(stack, mistral)

    container = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert container["Image"].startswith("871362719292.dkr.ecr.ap-east-1.amazonaws.com/")
    assert container["ModelDataSource"]["S3DataSource"]["S3Uri"].startswith("s3://jumpstart-cache-prod-ap-east-1/")


def test_lays_overrides_over_the_models_environment(stack: cdk.Stack, mistral: ModelVersion) -> None:
    endpoint = _endpoint(stack, mistral, environment={"MAX_INPUT_LENGTH": "1024", "MAX_CONCURRENT_REQUESTS": "4"})

    environment = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert environment["MAX_INPUT_LENGTH"] == "1024"
    assert environment["MAX_CONCURRENT_REQUESTS"] == "4"
    assert environment["MAX_TOTAL_TOKENS"] == "8192"
    assert (endpoint.max_input_tokens, endpoint.max_total_tokens) == (1024, 8192)


def test_names_the_endpoint_and_leaves_names_that_must_survive_replacement_to_cloudformation(
    stack: cdk.Stack, mistral: ModelVersion
) -> None:
    _endpoint(stack, mistral)

    assert _only(stack, "AWS::SageMaker::Endpoint")["Properties"]["EndpointName"] == "dev-some-model"
    assert "ModelName" not in _only(stack, "AWS::SageMaker::Model")["Properties"]
    assert "EndpointConfigName" not in _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]


def test_isolates_the_container_from_the_network(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral)

    assert _only(stack, "AWS::SageMaker::Model")["Properties"]["EnableNetworkIsolation"] is True


def test_does_not_isolate_a_container_that_is_sent_to_a_hub(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral, environment={"HF_MODEL_ID": "mistralai/Mistral-7B-Instruct-v0.1"})

    assert _only(stack, "AWS::SageMaker::Model")["Properties"]["EnableNetworkIsolation"] is False


def test_waits_with_the_model_for_the_roles_policy(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral)

    [policy] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy")
    assert policy in _only(stack, "AWS::SageMaker::Model")["DependsOn"]


def test_uses_the_default_instance_type_and_one_instance(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral)

    [variant] = _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InstanceType"] == "ml.g5.2xlarge"
    assert variant["InitialInstanceCount"] == 1


def test_takes_timeouts_of_the_users_own(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(
        stack,
        mistral,
        download_timeout=cdk.Duration.minutes(7),
        startup_timeout=cdk.Duration.minutes(9),
    )

    [variant] = _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["ModelDataDownloadTimeoutInSeconds"] == 420
    assert variant["ContainerStartupHealthCheckTimeoutInSeconds"] == 540


def test_joins_a_vpc_when_given_subnets(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral, subnet_ids=["subnet-1", "subnet-2"], security_group_ids=["sg-1"])

    assert _only(stack, "AWS::SageMaker::Model")["Properties"]["VpcConfig"] == {
        "SecurityGroupIds": ["sg-1"],
        "Subnets": ["subnet-1", "subnet-2"],
    }


def test_leaves_the_key_out_where_the_instance_type_has_local_nvme(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral, encryption_key=kms.Key(stack, "Key"))

    assert "KmsKeyId" not in _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]


def test_runs_the_quantized_falcon_180b_on_an_instance_type_that_its_version_does_not_list(
    stack: cdk.Stack, lock: Lock
) -> None:
    _endpoint(
        stack,
        lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17"),
        instance_type="ml.p4d.24xlarge",
        allow_unlisted_instance_type=True,
        environment={"HF_MODEL_QUANTIZE": "bitsandbytes"},
    )

    environment = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]["Environment"]
    assert environment["SM_NUM_GPUS"] == "8"
    assert environment["HF_MODEL_QUANTIZE"] == "bitsandbytes"


def _packaged(model: ModelVersion, **changes: Any) -> ModelVersion:
    arn = "arn:aws:sagemaker:us-west-2:594846645681:model-package/some-model-v1"
    return replace(model, model_packages={"us-west-2": arn}, **changes)


def test_names_a_model_package_in_place_of_image_and_artifact(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, _packaged(mistral, variant_images={}, images={}, artifact_key=None))

    created = _only(stack, "AWS::SageMaker::Model")["Properties"]
    assert created["Containers"] == [
        {"ModelPackageName": "arn:aws:sagemaker:us-west-2:594846645681:model-package/some-model-v1"}
    ]
    assert "PrimaryContainer" not in created
    assert created["EnableNetworkIsolation"] is True


def test_lets_the_role_of_a_model_package_only_report(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, _packaged(mistral))

    statements = _only(stack, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]
    assert {statement["Sid"] for statement in statements} == {"WriteLogs", "PutMetrics"}


def test_takes_the_specs_word_on_network_isolation(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, replace(mistral, network_isolation=False))

    assert _only(stack, "AWS::SageMaker::Model")["Properties"]["EnableNetworkIsolation"] is False


def test_asks_for_the_volume_and_the_machine_image_of_the_spec(stack: cdk.Stack, mistral: ModelVersion) -> None:
    model = replace(mistral, volume_size=256, inference_ami_version="al2-ami-sagemaker-inference-gpu-3-1")
    _endpoint(stack, model, instance_type="ml.p3.8xlarge", allow_unlisted_instance_type=True)

    [variant] = _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["VolumeSizeInGB"] == 256
    assert variant["InferenceAmiVersion"] == "al2-ami-sagemaker-inference-gpu-3-1"


def test_asks_for_no_volume_where_the_instance_type_takes_none(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, replace(mistral, volume_size=256))

    [variant] = _only(stack, "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert "VolumeSizeInGB" not in variant
