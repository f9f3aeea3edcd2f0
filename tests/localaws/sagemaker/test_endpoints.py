"""SageMaker: models, endpoint configurations and endpoints with the service's rules, and invocations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws import constraints
from localaws.sagemaker.endpoints import config_problem
from localaws.sagemaker.models import artifact_of
from tests.localaws.sagemaker.sagemaker_driver import (
    ACCOUNT,
    LMI,
    REGION,
    STATEMENTS,
    TGI,
    WEIGHTS,
    SageMakerDriver,
    container,
    invoke,
    name,
    set_policy,
    variant,
)


@pytest.fixture
def sagemaker(driver: SageMakerDriver) -> Any:
    return driver.control


@pytest.fixture
def runtime(driver: SageMakerDriver) -> Any:
    return driver.runtime


@pytest.fixture
def make_role(driver: SageMakerDriver) -> Callable[..., str]:
    return driver.role


@pytest.fixture
def make_config(driver: SageMakerDriver) -> Callable[..., str]:
    return driver.config


@pytest.fixture
def make_endpoint(driver: SageMakerDriver) -> Callable[..., str]:
    return driver.endpoint


class TestConstraints:
    def test_accept_the_instance_types_of_the_api(self) -> None:
        for instance_type in ("ml.g5.2xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge", "ml.p5.48xlarge"):
            parameters = {"ProductionVariants": [variant("m", InstanceType=instance_type)]}
            assert constraints.refusal("sagemaker", "CreateEndpointConfig", parameters) is None

    def test_report_every_violation(self) -> None:
        wrong = variant(
            "bad name", InstanceType="ml.g99.large", ModelDataDownloadTimeoutInSeconds=3601, InitialInstanceCount=0
        )
        refusal = constraints.refusal("sagemaker", "CreateEndpointConfig", {"ProductionVariants": [wrong]})
        assert refusal is not None
        count, _, text = refusal.partition(" validation errors detected: ")
        problems = text.split("; ")
        assert count == "4"
        assert [problem.partition(" failed")[0] for problem in problems] == [
            "Value 'bad name' at 'productionVariants.1.member.modelName'",
            "Value '0' at 'productionVariants.1.member.initialInstanceCount'",
            "Value 'ml.g99.large' at 'productionVariants.1.member.instanceType'",
            "Value '3601' at 'productionVariants.1.member.modelDataDownloadTimeoutInSeconds'",
        ]
        assert "Member must have value less than or equal to 3600" in problems[3]

    @pytest.mark.parametrize("instance_type", ["ml.g5.2xlarge", "ml.g6.xlarge", "ml.p4d.24xlarge", "ml.p4de.24xlarge"])
    def test_take_a_key_and_refuse_a_volume_for_local_storage(self, instance_type: str) -> None:
        variants = [variant("m", InstanceType=instance_type)]
        assert config_problem({"ProductionVariants": variants, "KmsKeyId": "k"}) is None
        sized = [{**variants[0], "VolumeSizeInGB": 100}]
        assert "VolumeSizeInGB" in (config_problem({"ProductionVariants": sized}) or "")

    def test_accept_a_key_for_an_attached_volume(self) -> None:
        variants = [variant("m", InstanceType="ml.m5.large", VolumeSizeInGB=100)]
        assert config_problem({"ProductionVariants": variants, "KmsKeyId": "k"}) is None


class TestModelData:
    def test_is_a_prefix_or_an_archive(self) -> None:
        prefix = artifact_of(container())
        assert prefix is not None
        assert (prefix.bucket, prefix.is_prefix) == (f"jumpstart-cache-prod-{REGION}", True)
        archive = artifact_of({"ModelDataUrl": "s3://bucket/a/model.tar.gz"})
        assert archive is not None
        assert (archive.key, archive.is_prefix) == ("a/model.tar.gz", False)
        assert artifact_of({"Image": TGI}) is None

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"S3Uri": "s3://bucket/weights"}, "must end with a forward slash"),
            ({"CompressionType": "Gzip"}, "use S3DataType S3Object"),
        ],
    )
    def test_is_refused_when_malformed(self, changes: Mapping[str, str], problem: str) -> None:
        source = {"S3Uri": WEIGHTS, "S3DataType": "S3Prefix", "CompressionType": "None", **changes}
        with pytest.raises(ValueError, match=problem):
            artifact_of({"ModelDataSource": {"S3DataSource": source}})

    def test_is_refused_when_no_archive(self) -> None:
        with pytest.raises(ValueError, match=r"must name a gzip compressed tar archive \(.tar.gz\)"):
            artifact_of({"ModelDataUrl": "s3://bucket/model.zip"})


class TestModel:
    def test_is_described_as_it_was_created(self, sagemaker: Any, make_role: Callable[..., str]) -> None:
        model, role = name(), make_role()
        sagemaker.create_model(
            ModelName=model, ExecutionRoleArn=role, PrimaryContainer=container(), EnableNetworkIsolation=True
        )
        description = sagemaker.describe_model(ModelName=model)
        assert description["EnableNetworkIsolation"] is True
        assert description["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"] == WEIGHTS
        with pytest.raises(ClientError, match="Cannot create already existing model"):
            sagemaker.create_model(ModelName=model, ExecutionRoleArn=role, PrimaryContainer=container())
        sagemaker.delete_model(ModelName=model)

    @pytest.mark.parametrize(
        ("missing", "changes", "problem"),
        [
            (("read",), {}, "Could not access model data at s3://jumpstart-cache-prod-us-east-1/"),
            (("list",), {}, 'please ensure that the role has "s3:ListBucket" permission'),
            (("pull",), {}, "does not have ecr:BatchCheckLayerAvailability, ecr:BatchGetImage"),
            (("token",), {}, "does not have ecr:GetAuthorizationToken"),
            ((), {"Image": "docker.io/library/tgi:1"}, "Using non-ECR image"),
            ((), {"Image": TGI.replace(REGION, "eu-west-1")}, "needs an image in us-east-1"),
        ],
    )
    def test_is_refused_when_its_role_or_image_cannot_work(
        self,
        sagemaker: Any,
        make_role: Callable[..., str],
        missing: tuple[str, ...],
        changes: Mapping[str, Any],
        problem: str,
    ) -> None:
        with pytest.raises(ClientError, match=problem) as refused:
            sagemaker.create_model(
                ModelName=name(), ExecutionRoleArn=make_role(*missing), PrimaryContainer=container(**changes)
            )
        assert refused.value.response["Error"]["Code"] == "ValidationException"

    @pytest.mark.parametrize("service", ["lambda.amazonaws.com", None])
    def test_is_refused_when_its_role_is_not_for_sagemaker(
        self, sagemaker: Any, make_role: Callable[..., str], service: str | None
    ) -> None:
        role = make_role(service=service) if service else f"arn:aws:iam::{ACCOUNT}:role/nobody"
        with pytest.raises(ClientError, match=f"Could not assume role {role}"):
            sagemaker.create_model(ModelName=name(), ExecutionRoleArn=role, PrimaryContainer=container())

    def test_is_refused_when_a_licence_is_not_accepted(
        self, aws: Callable[..., Any], sagemaker: Any, make_role: Callable[..., str]
    ) -> None:
        role = make_role()
        gated = f"jumpstart-private-cache-prod-{REGION}"
        statement = {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": f"arn:aws:s3:::{gated}*",
        }
        others = [{"Effect": "Allow", **elements} for elements in STATEMENTS.values()]
        set_policy(aws("iam"), role, [statement, *others])
        source = {"S3Uri": f"s3://{gated}/llama/", "S3DataType": "S3Prefix", "CompressionType": "None"}

        def create(**access: Any) -> None:
            weights = {"S3DataSource": {**source, **access}}
            sagemaker.create_model(
                ModelName=name(), ExecutionRoleArn=role, PrimaryContainer=container(ModelDataSource=weights)
            )

        with pytest.raises(ClientError, match=r"needs ModelAccessConfig.AcceptEula to be true"):
            create()
        create(ModelAccessConfig={"AcceptEula": True})

    def test_is_refused_when_its_weights_are_not_there(
        self, aws: Callable[..., Any], sagemaker: Any, make_role: Callable[..., str]
    ) -> None:
        bucket = name()
        aws("s3").create_bucket(Bucket=bucket)
        role = make_role()
        set_policy(aws("iam"), role, [{"Effect": "Allow", "Action": ["s3:*", "ecr:*"], "Resource": "*"}])
        weights = {"ModelDataSource": None, "ModelDataUrl": f"s3://{bucket}/model.tar.gz"}
        image = {key: value for key, value in container(**weights).items() if value is not None}
        with pytest.raises(ClientError, match=f"Could not find model data at s3://{bucket}/model.tar.gz"):
            sagemaker.create_model(ModelName=name(), ExecutionRoleArn=role, PrimaryContainer=image)
        aws("s3").put_object(Bucket=bucket, Key="model.tar.gz", Body=b"")
        sagemaker.create_model(ModelName=name(), ExecutionRoleArn=role, PrimaryContainer=image)
        aws("s3").delete_object(Bucket=bucket, Key="model.tar.gz")
        aws("s3").delete_bucket(Bucket=bucket)


class TestEndpointConfig:
    def test_is_refused_for_a_value_out_of_its_range(self, sagemaker: Any) -> None:
        too_long = variant("m", ContainerStartupHealthCheckTimeoutInSeconds=3601)
        with pytest.raises(ClientError, match="1 validation error detected: Value '3601' at 'productionVariants"):
            sagemaker.create_endpoint_config(EndpointConfigName=name(), ProductionVariants=[too_long])

    def test_is_refused_for_a_model_that_there_is_not(self, sagemaker: Any) -> None:
        with pytest.raises(ClientError, match="Could not find model"):
            sagemaker.create_endpoint_config(EndpointConfigName=name(), ProductionVariants=[variant("nothing")])

    def test_may_be_deleted_while_in_use(self, sagemaker: Any, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        endpoint = make_endpoint()
        config = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        sagemaker.delete_endpoint_config(EndpointConfigName=config)
        sagemaker.delete_model(ModelName=config)
        assert invoke(runtime, endpoint, {"inputs": "Hi"})


class TestEndpoint:
    def test_comes_into_service_under_its_name(self, sagemaker: Any, make_endpoint: Callable[..., str]) -> None:
        endpoint = make_endpoint()
        description = sagemaker.describe_endpoint(EndpointName=endpoint)
        assert description["EndpointStatus"] == "InService"
        assert description["EndpointArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{endpoint}"
        assert description["ProductionVariants"][0]["CurrentInstanceCount"] == 1
        config = description["EndpointConfigName"]
        with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
            sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)

    def test_fails_with_a_reason_when_its_container_cannot_start(
        self, sagemaker: Any, runtime: Any, make_endpoint: Callable[..., str]
    ) -> None:
        endpoint = make_endpoint(Environment={"HF_MODEL_ID": "/opt/ml/model", "HF_MODEL_QUANTIZE": "int3"})
        description = sagemaker.describe_endpoint(EndpointName=endpoint)
        assert description["EndpointStatus"] == "Failed"
        assert "did not pass the ping health check" in description["FailureReason"]
        assert "HF_MODEL_QUANTIZE='int3'" in description["FailureReason"]
        with pytest.raises(ClientError, match=f"Endpoint {endpoint} of account {ACCOUNT} not found"):
            invoke(runtime, endpoint, {"inputs": "Hi"})

    def test_moves_to_another_configuration(
        self,
        driver: SageMakerDriver,
        sagemaker: Any,
        runtime: Any,
        make_endpoint: Callable[..., str],
        make_config: Callable[..., str],
    ) -> None:
        endpoint = make_endpoint()
        assert isinstance(invoke(runtime, endpoint, {"inputs": "Hi"}), list)
        lmi = make_config(Image=LMI)
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=lmi)
        assert driver.settled(endpoint)["EndpointConfigName"] == lmi
        assert isinstance(invoke(runtime, endpoint, {"inputs": "Hi"}), dict)

    def test_rolls_back_when_the_other_configuration_cannot_start(
        self,
        driver: SageMakerDriver,
        sagemaker: Any,
        runtime: Any,
        make_endpoint: Callable[..., str],
        make_config: Callable[..., str],
    ) -> None:
        endpoint = make_endpoint()
        before = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=make_config(Environment={}))
        description = driver.settled(endpoint)
        assert (description["EndpointStatus"], description["EndpointConfigName"]) == ("InService", before)
        assert "HF_MODEL_ID must be set" in description["FailureReason"]
        assert invoke(runtime, endpoint, {"inputs": "Hi"})

    def test_is_gone_when_deleted(self, sagemaker: Any, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        endpoint = make_endpoint()
        sagemaker.delete_endpoint(EndpointName=endpoint)
        with pytest.raises(ClientError, match="Could not find endpoint"):
            sagemaker.describe_endpoint(EndpointName=endpoint)
        with pytest.raises(ClientError, match="not found"):
            invoke(runtime, endpoint, {"inputs": "Hi"})
        with pytest.raises(ClientError, match="Could not find endpoint"):
            sagemaker.delete_endpoint(EndpointName=endpoint)


class TestInvocation:
    def test_answers_with_what_the_container_says(self, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        answer = runtime.invoke_endpoint(
            EndpointName=make_endpoint(), ContentType="application/json", Body=json.dumps({"inputs": "Hi"})
        )
        assert answer["InvokedProductionVariant"] == "AllTraffic"
        assert answer["ContentType"] == "application/json"
        assert "Stand-in answer" in json.loads(answer["Body"].read())[0]["generated_text"]

    def test_turns_an_error_of_the_container_into_a_model_error(
        self, runtime: Any, make_endpoint: Callable[..., str]
    ) -> None:
        endpoint = make_endpoint()
        with pytest.raises(runtime.exceptions.ModelError) as failed:
            invoke(runtime, endpoint, {"inputs": "Hi", "parameters": {"top_p": 1.0}})
        response = failed.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == 422
        assert json.loads(response["OriginalMessage"])["error_type"] == "validation"
        assert response["Error"]["Message"].startswith("Received client error (422) from primary with message ")
        assert f"/aws/sagemaker/Endpoints/{endpoint}" in response["LogStreamArn"]

    def test_tells_a_server_error_of_the_container_apart(self, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        with pytest.raises(runtime.exceptions.ModelError, match=r"Received server error \(503\) from primary"):
            invoke(runtime, make_endpoint(), {"inputs": "[[stand-in status=503]]"})

    def test_is_refused_for_an_unknown_endpoint(self, runtime: Any) -> None:
        with pytest.raises(runtime.exceptions.ValidationError, match="Endpoint none of account 123456789012 not found"):
            invoke(runtime, "none", {"inputs": "Hi"})

    def test_is_refused_for_an_unknown_variant(self, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        endpoint = make_endpoint()
        assert invoke(runtime, endpoint, {"inputs": "Hi"}, TargetVariant="AllTraffic")
        with pytest.raises(runtime.exceptions.ValidationError, match="Variant other of endpoint"):
            invoke(runtime, endpoint, {"inputs": "Hi"}, TargetVariant="other")

    def test_is_refused_above_six_megabytes(self, runtime: Any, make_endpoint: Callable[..., str]) -> None:
        with pytest.raises(runtime.exceptions.ValidationError, match="length less than or equal to 6291456"):
            invoke(runtime, make_endpoint(), {"inputs": "x" * 6_291_456})

    def test_is_refused_without_permission_for_this_endpoint(
        self, aws: Callable[..., Any], local_aws: str, make_role: Callable[..., str], make_endpoint: Callable[..., str]
    ) -> None:
        mine, other = make_endpoint(), make_endpoint()
        role = make_role()
        allow = {
            "Effect": "Allow",
            "Action": "sagemaker:InvokeEndpoint",
            "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{mine}",
        }
        set_policy(aws("iam"), role, [allow])
        session = aws("sts").assume_role(RoleArn=role, RoleSessionName="caller")["Credentials"]
        caller = boto3.client(
            "sagemaker-runtime",
            region_name=REGION,
            endpoint_url=local_aws,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        assert invoke(caller, mine, {"inputs": "Hi"})
        with pytest.raises(ClientError, match="is not authorized to perform: sagemaker:InvokeEndpoint") as refused:
            invoke(caller, other, {"inputs": "Hi"})
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
