"""Weights of SageMaker on the local AWS: a training job and a model are described and imported."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model_import.sources import resolve
from tests.model_import.import_world import PREFIX, Resource, World, deploy, wait_scale
from tests.support.bedrock_models import ACCOUNT, REGION, Bedrock, name, prepared
from tests.support.state_machine_driver import allow, make_role

# One worker: what the module sets up takes its time.
pytestmark = [pytest.mark.sweep, pytest.mark.xdist_group("import-sources")]

_REGISTRY = f"763104351884.dkr.ecr.{REGION}.amazonaws.com"
_TRAIN = f"{_REGISTRY}/huggingface-pytorch-training:2.0.0-transformers4.28.1-gpu-py310"
_SERVE = f"{_REGISTRY}/huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
_DEADLINE_SECONDS = 30


class SageMaker:
    """SageMaker beside the importer."""

    def __init__(self, bedrock: Bedrock) -> None:
        self.client = bedrock.clients("sagemaker", region=REGION)
        self._bucket = bedrock.bucket
        self._role = make_role(bedrock.clients("iam"), "sagemaker.amazonaws.com", [allow("s3:*", "ecr:*", "logs:*")])

    def train(self, job: str, **output: str) -> str:
        """Train; return the job's ARN once it has ended."""
        self.client.create_training_job(
            TrainingJobName=job,
            AlgorithmSpecification={"TrainingImage": _TRAIN, "TrainingInputMode": "File"},
            RoleArn=self._role,
            OutputDataConfig={"S3OutputPath": f"s3://{self._bucket}/{PREFIX}", **output},
            ResourceConfig={"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 256},
            StoppingCondition={"MaxRuntimeInSeconds": 3600},
        )
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            described = self.client.describe_training_job(TrainingJobName=job)
            if described["TrainingJobStatus"] not in ("InProgress", "Stopping"):
                assert described["TrainingJobStatus"] == "Completed", described
                return str(described["TrainingJobArn"])
            time.sleep(0.05)
        raise AssertionError(f"{job} did not end in {_DEADLINE_SECONDS} s")

    def model(self, uri: str, **source: str) -> str:
        """Make a model of weights; return its ARN."""
        data = {"S3DataType": "S3Prefix", "CompressionType": "None", **source, "S3Uri": uri}
        answer = self.client.create_model(
            ModelName=name("model"),
            ExecutionRoleArn=self._role,
            PrimaryContainer={"Image": _SERVE, "ModelDataSource": {"S3DataSource": data}},
        )
        return str(answer["ModelArn"])


@pytest.fixture(scope="module")
def bedrock(local_aws: str, aws: Callable[..., Any]) -> Bedrock:
    wait_scale(local_aws, 0.002)
    return prepared(local_aws, aws)


@pytest.fixture(scope="module")
def sagemaker(bedrock: Bedrock) -> SageMaker:
    return SageMaker(bedrock)


@pytest.fixture(scope="module")
def job() -> str:
    return name("job")


@pytest.fixture(scope="module")
def module_world(bedrock: Bedrock, job: str, tmp_path_factory: pytest.TempPathFactory) -> World:
    # The stand-in trainer's models have no chat template.
    return deploy(bedrock, tmp_path_factory.mktemp("weights"), body="completion", sources={"training_job": job})


@pytest.fixture(scope="module")
def arn(sagemaker: SageMaker, job: str) -> str:
    return sagemaker.train(job, CompressionType="NONE")


@pytest.fixture
def world(module_world: World) -> Iterator[World]:
    module_world.bedrock.steer("DELETE")
    module_world.bedrock.behave(import_seconds=0.05, warm_up_seconds=0.05)
    yield module_world
    module_world.clean()


def test_imports_what_the_declared_training_job_has_left(world: World, arn: str, job: str) -> None:
    execution = world.run(arn)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    imported = json.loads(execution["output"])["modelArn"]
    bedrock = world.client("bedrock")
    source = bedrock.get_imported_model(modelIdentifier=imported)["modelDataSource"]["s3DataSource"]["s3Uri"]
    assert source == f"s3://{world.bedrock.bucket}/{PREFIX}{job}/output/model/"
    tags = {tag["key"]: tag["value"] for tag in bedrock.list_tags_for_resource(resourceARN=imported)["tags"]}
    assert tags == {"jumpstack:model": world.model, "jumpstack:source": arn}


def test_asks_about_nothing_but_the_declared_training_job(world: World, sagemaker: SageMaker) -> None:
    execution = world.run(sagemaker.train(name("job"), CompressionType="NONE"))

    assert (execution["status"], execution["error"]) == ("FAILED", "ArtifactError")
    assert "SageMaker refuses to describe the training job" in execution["cause"]
    assert "likely cause: the import may ask about the one SageMaker model or training job" in execution["cause"]


def test_goes_back_to_what_a_training_job_left_without_asking_about_it(world: World, arn: str) -> None:
    resource = Resource(world)
    before = resource.create(arn)
    runs = world.client("stepfunctions").list_executions(stateMachineArn=world.machine_arn)["executions"]

    # What CloudFormation asks for after an update from the job to other weights has failed.
    assert resource.update("s3://elsewhere/", arn) == before
    assert world.client("stepfunctions").list_executions(stateMachineArn=world.machine_arn)["executions"] == runs


def test_imports_a_training_job_anew_where_a_prefix_is_served(world: World, arn: str) -> None:
    resource = Resource(world)
    uploaded = world.upload()
    first = resource.create(uploaded)

    second = resource.update(uploaded, arn)
    assert second["ModelArn"] == world.parameter("target") != first["ModelArn"]
    assert world.parameter("previous") == first["Version"]


class TestDescriptions:
    """The answers of the stand-in SageMaker about its models and jobs."""

    def test_of_a_model_name_its_prefix(self, world: World, sagemaker: SageMaker) -> None:
        weights = world.upload()

        assert resolve(sagemaker.model(weights), sagemaker=sagemaker.client) == weights

    def test_of_a_packed_job_are_refused(self, sagemaker: SageMaker) -> None:
        with pytest.raises(Exception, match=r"output/model\.tar\.gz, the output of .* is packed \(unpack it below"):
            resolve(sagemaker.train(name("job")), sagemaker=sagemaker.client)

    @pytest.mark.parametrize(("kind", "what"), [("model", "SageMaker model"), ("training-job", "training job")])
    def test_that_are_missing_are_told_by_name(self, sagemaker: SageMaker, kind: str, what: str) -> None:
        with pytest.raises(Exception, match=f"there is no {what} nothing-here: "):
            resolve(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/nothing-here", sagemaker=sagemaker.client)
