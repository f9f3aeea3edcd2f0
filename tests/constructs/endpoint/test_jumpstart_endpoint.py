import json
import re
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs.endpoint.execution_role import ExecutionRole
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint, default_timeout
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint

from catalog import Lock, ModelVersion
from catalog.spec import AdditionalDataSource


def _endpoint(stack: cdk.Stack, model: ModelVersion, **props: Any) -> JumpStartEndpoint:
    return JumpStartEndpoint(stack, "Endpoint", model=model, **{"endpoint_name": "dev-some-model", **props})


def _only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources(resource_type).values()
    return dict(resource)


def _problems(stack: cdk.Stack, model: ModelVersion, **props: Any) -> list[str]:
    with pytest.raises(ValueError, match=r".") as refused:
        _endpoint(stack, model, **props)
    return str(refused.value).splitlines()


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


def test_hands_over_a_tarball_as_model_data_url(stack: cdk.Stack, lock: Lock) -> None:
    _endpoint(stack, lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17"))

    container = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert container["ModelDataUrl"].endswith(".tar.gz")
    assert "ModelDataSource" not in container


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


def test_gives_a_small_model_ten_minutes_and_falcon_180b_the_longest_timeouts(
    stack: cdk.Stack, mistral: ModelVersion, lock: Lock
) -> None:
    falcon = lock.model("huggingface-llm-falcon-180b-chat-bf16", "1.6.17")

    assert default_timeout(mistral.resolve(region="us-west-2")).to_seconds() == 600
    assert default_timeout(falcon.resolve(region="us-west-2")).to_seconds() == 3600


def test_works_an_unknown_size_out_from_the_gpus_it_must_fit_into(lock: Lock) -> None:
    falcon = lock.model("huggingface-llm-falcon-40b-bf16", "2.0.2").resolve(region="us-west-2")

    # 4 GPUs of 22,888 MiB at 94 MB/s.
    assert default_timeout(falcon).to_seconds() == 1022
    assert default_timeout(replace(falcon, instance_type="ml.unheard.of")).to_seconds() == 3600


def test_takes_timeouts_of_the_users_own(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(
        stack,
        mistral,
        model_data_download_timeout=cdk.Duration.minutes(7),
        container_startup_timeout=cdk.Duration.minutes(9),
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


def test_refuses_an_instance_type_that_the_version_does_not_list(stack: cdk.Stack, mistral: ModelVersion) -> None:
    [problem] = _problems(stack, mistral, instance_type="ml.g5.12xlarge")

    assert "'ml.g5.12xlarge' is not supported" in problem
    assert "ml.g5.16xlarge, ml.g5.2xlarge, ml.g5.4xlarge, ml.g5.8xlarge" in problem


def test_refuses_a_region_without_the_models_image(context: dict[str, Any], mistral: ModelVersion) -> None:
    stack = cdk.Stack(cdk.App(context=context), "test-stack", env=cdk.Environment(region="mx-central-1"))

    [problem] = _problems(stack, mistral)

    assert "no image in region 'mx-central-1'" in problem
    assert "us-west-2" in problem


def test_refuses_a_stack_without_a_region(mistral: ModelVersion) -> None:
    assert _problems(cdk.Stack(), mistral) == [
        "region is unresolved: image and artifact depend on it, so the stack's env must name a region"
    ]


def test_refuses_a_licensed_model_until_its_licence_is_accepted(stack: cdk.Stack, mistral: ModelVersion) -> None:
    licensed = replace(mistral, eula_key="fmhMetadata/eula/someEula.txt")

    [problem] = _problems(stack, licensed)

    assert "accept_eula is False" in problem
    assert "fmhMetadata/eula/someEula.txt" in problem
    assert "you are then responsible" in problem


def test_says_in_the_template_that_the_licence_is_accepted(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, replace(mistral, eula_key="fmhMetadata/eula/someEula.txt"), accept_eula=True)

    container = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert container["ModelDataSource"]["S3DataSource"]["ModelAccessConfig"] == {"AcceptEula": True}


def test_says_nothing_of_a_licence_for_a_model_without_one(stack: cdk.Stack, mistral: ModelVersion) -> None:
    _endpoint(stack, mistral, accept_eula=True)

    container = _only(stack, "AWS::SageMaker::Model")["Properties"]["PrimaryContainer"]
    assert "ModelAccessConfig" not in container["ModelDataSource"]["S3DataSource"]


@pytest.mark.parametrize("name", ["", "-a", "a-", "a_b", "a" * 64, "a.b"])
def test_refuses_a_name_that_sagemaker_would_refuse(stack: cdk.Stack, mistral: ModelVersion, name: str) -> None:
    assert _problems(stack, mistral, endpoint_name=name) == [
        f"endpoint_name is {name!r}: allowed are 1 to 63 letters, digits and hyphens, no hyphen at either end"
    ]


@pytest.mark.parametrize("seconds", [59, 3601])
def test_refuses_timeouts_that_sagemaker_would_refuse(stack: cdk.Stack, mistral: ModelVersion, seconds: int) -> None:
    assert _problems(stack, mistral, container_startup_timeout=cdk.Duration.seconds(seconds)) == [
        f"container_startup_timeout is {seconds} s: allowed are 60 to 3600 s"
    ]


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"1BAD": "x"}, "'1BAD'"),
        ({"A-B": "x"}, "'A-B'"),
        ({"LONG": "x" * 1025}, "1025 characters"),
        ({f"V{number}": "x" for number in range(101)}, "101 variables"),
    ],
)
def test_refuses_environment_variables_that_sagemaker_would_refuse(
    stack: cdk.Stack, mistral: ModelVersion, environment: dict[str, str], named: str
) -> None:
    [problem] = _problems(stack, mistral, environment=environment)

    assert named in problem
    assert re.search(r"allowed|at most", problem)


@pytest.mark.parametrize(
    ("subnets", "groups", "named"),
    [
        ([], ["sg-1"], "subnet_ids has 0 subnets"),
        (["subnet-1"], [], "security_group_ids has 0 groups"),
        ([f"subnet-{number}" for number in range(17)], ["sg-1"], "subnet_ids has 17 subnets"),
        (["subnet-1"], [f"sg-{number}" for number in range(6)], "security_group_ids has 6 groups"),
    ],
)
def test_refuses_networks_that_sagemaker_would_refuse(
    stack: cdk.Stack, mistral: ModelVersion, subnets: list[str], groups: list[str], named: str
) -> None:
    [problem] = _problems(stack, mistral, subnet_ids=subnets, security_group_ids=groups)

    assert named in problem


def test_refuses_an_input_limit_that_leaves_no_token_to_generate(stack: cdk.Stack, mistral: ModelVersion) -> None:
    assert _problems(stack, mistral, environment={"MAX_TOTAL_TOKENS": "8191"}) == [
        "MAX_INPUT_LENGTH is 8191: allowed is less than MAX_TOTAL_TOKENS, 8191"
    ]


def test_reports_all_problems_at_once(stack: cdk.Stack, mistral: ModelVersion) -> None:
    problems = _problems(
        stack,
        replace(mistral, eula_key="some/eula.txt"),
        endpoint_name="not_a_name",
        instance_count=0,
        instance_type="ml.t3.medium",
    )

    assert len(problems) == 5
    for word in ("endpoint_name", "instance_count", "not supported", "no image for instance type", "accept_eula"):
        assert any(word in problem for problem in problems), word


def test_grants_invoke_on_this_endpoint_only(stack: cdk.Stack, mistral: ModelVersion) -> None:
    role = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))

    grant = _endpoint(stack, mistral, endpoint_name="Dev-Some-Model").grant_invoke(role)

    assert grant.success
    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
                        "Effect": "Allow",
                        "Resource": {
                            "Fn::Join": [
                                "",
                                [
                                    "arn:aws:sagemaker:us-west-2:",
                                    {"Ref": "AWS::AccountId"},
                                    ":endpoint/dev-some-model",
                                ],
                            ]
                        },
                    }
                ]
            }
        },
    )


def test_is_watched_by_its_name_and_variant(stack: cdk.Stack, mistral: ModelVersion) -> None:
    endpoint = _endpoint(stack, mistral)

    for metric, name in [
        (endpoint.metric_invocations(), "Invocations"),
        (endpoint.metric_invocation_4xx_errors(), "Invocation4XXErrors"),
        (endpoint.metric_invocation_5xx_errors(), "Invocation5XXErrors"),
        (endpoint.metric_model_latency(), "ModelLatency"),
        (endpoint.metric_gpu_utilization(), "GPUUtilization"),
    ]:
        assert metric.metric_name == name
        assert metric.dimensions == {"EndpointName": "dev-some-model", "VariantName": "AllTraffic"}


def test_an_endpoint_that_exists_already_can_be_invoked_without_defining_anything(stack: cdk.Stack) -> None:
    endpoint = SageMakerEndpoint.from_endpoint_name(stack, "Theirs", "their-endpoint")
    role = iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    endpoint.grant_invoke(role)

    template = assertions.Template.from_stack(stack)
    template.resource_count_is("AWS::SageMaker::Endpoint", 0)
    [policy] = template.find_resources("AWS::IAM::Policy").values()
    [statement] = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Resource"]["Fn::Join"][1][-1] == ":endpoint/their-endpoint"


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


def test_refuses_variables_for_a_model_package_that_is_sold(stack: cdk.Stack, mistral: ModelVersion) -> None:
    model = _packaged(mistral, variant_images={}, images={}, artifact_key=None)

    assert _problems(stack, model, environment={"SM_NUM_GPUS": "1"}) == [
        "environment sets SM_NUM_GPUS, but huggingface-llm-mistral-7b-instruct 2.0.0 is sold as a model package, which "
        "has its variables inside: set none"
    ]


def test_refuses_a_region_without_the_model_package(context: dict[str, Any], mistral: ModelVersion) -> None:
    elsewhere = cdk.Stack(cdk.App(context=context), "elsewhere", env=cdk.Environment(region="eu-west-1"))

    assert _problems(elsewhere, _packaged(mistral)) == [
        "huggingface-llm-mistral-7b-instruct 2.0.0 has no model package in region 'eu-west-1': allowed are us-west-2"
    ]


def test_refuses_a_draft_model_which_cloudformation_cannot_express(stack: cdk.Stack, mistral: ModelVersion) -> None:
    source = AdditionalDataSource(channel_name="draft_model", key="draft/")
    model = replace(mistral, additional_data_sources=(source,), configs=("lmi", "lmi-optimized"))

    assert _problems(stack, model) == [
        "huggingface-llm-mistral-7b-instruct 2.0.0 needs additional model data (draft_model), which "
        "AWS::SageMaker::Model has no property for: choose another config of lmi, lmi-optimized"
    ]


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


def test_lets_the_role_read_a_draft_model_beside_the_artifact(stack: cdk.Stack, mistral: ModelVersion) -> None:
    source = AdditionalDataSource(channel_name="draft_model", key="draft/model.tar.gz", data_type="S3Object")
    model = replace(mistral, additional_data_sources=(source,))
    ExecutionRole(stack, "Role", deployment=model.resolve(region="us-west-2"), endpoint_name="dev-some-model")

    statements = _only(stack, "AWS::IAM::Policy")["Properties"]["PolicyDocument"]["Statement"]
    resources = {statement["Sid"]: json.dumps(statement["Resource"]) for statement in statements}
    assert ':s3:::sagemaker-sd-models-prod-us-west-2"' in resources["ListArtifacts"]
    assert ':s3:::sagemaker-sd-models-prod-us-west-2/draft/model.tar.gz"' in resources["ReadArtifact"]
    assert ":s3:::jumpstart-cache-prod-us-west-2/" in resources["ReadArtifact"]
