"""Training jobs: what SageMaker refuses, the statuses, and a tiny real model in S3, by state machines too."""

from __future__ import annotations

import io
import json
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from safetensors.numpy import load
from tokenizers import Tokenizer

from tests.localaws.sagemaker.training_driver import DEADLINE_SECONDS, Training
from tests.support.state_machine_driver import StateMachines, allow, make_role
from tools import artifacts

Aws = Callable[..., Any]

SERVE_IMAGE = (
    "763104351884.dkr.ecr.us-east-1.amazonaws.com/huggingface-pytorch-tgi-inference:"
    "2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
)
MANAGED_RULE = allow("events:PutTargets", "events:PutRule", "events:DescribeRule")
JOBS = allow(
    *("sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob", "iam:PassRole"),
)


@pytest.fixture(scope="module")
def module_training(aws: Aws, local_aws: str) -> Training:
    return Training(aws, local_aws)


@pytest.fixture
def training(module_training: Training) -> Iterator[Training]:
    module_training.behave(seconds=0, faults=[], reads_any_channel=False)
    yield module_training
    module_training.steer("DELETE")


class TestJobs:
    def test_go_from_starting_to_completed(self, training: Training) -> None:
        job = training.run(Tags=[{"Key": "a", "Value": "b"}])
        assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
        statuses = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
        assert statuses == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
        assert job["CreationTime"] <= job["TrainingStartTime"] <= job["TrainingEndTime"]
        uri = f"s3://{training.bucket}/runs/{job['TrainingJobName']}/output/model/"
        assert job["ModelArtifacts"] == {"S3ModelArtifacts": uri}
        assert job["HyperParameters"] == {"epoch": '"1"'}
        tags = training.sagemaker.list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
        assert tags == [{"Key": "a", "Value": "b"}]

    def test_write_a_model_that_its_libraries_read(self, training: Training) -> None:
        job = training.run(TrainingJobName=f"mistral-{uuid4().hex[:8]}")
        config = json.loads(training.file(job, "config.json"))
        assert (config["architectures"], config["model_type"]) == (["MistralForCausalLM"], "mistral")
        weights = load(training.file(job, "model.safetensors"))
        tokenizer = Tokenizer.from_str(training.file(job, "tokenizer.json").decode())
        assert weights["lm_head.weight"].shape == (tokenizer.get_vocab_size(), config["hidden_size"])
        assert config["vocab_size"] == tokenizer.get_vocab_size()
        assert tokenizer.decode(tokenizer.encode("why, Ünicode?").ids) == "why, Ünicode?"
        assert json.loads(training.file(job, "tokenizer_config.json"))["model_max_length"] == 2048

    def test_write_a_model_that_can_be_imported_and_chats_as_its_base_does(
        self, training: Training, tmp_path: Path
    ) -> None:
        tag = {"Key": "sagemaker-sdk:jumpstart-model-id", "Value": "meta-textgeneration-llama-3-2-3b-instruct"}
        job = training.run(Tags=[tag])
        for name in training.files(job):
            (tmp_path / name).write_bytes(training.file(job, name))
        report = artifacts.check(str(tmp_path), region="us-west-2")
        assert (report.errors, report.warnings) == ((), ())
        assert report.facts["chatTemplate"]
        assert report.facts["converse"]

    def test_give_the_same_model_for_the_same_data_and_another_for_other(self, training: Training) -> None:
        first, second = (training.file(training.run(), "model.safetensors") for _ in range(2))
        other = training.file(training.run(HyperParameters={"epoch": '"2"'}), "model.safetensors")
        assert first == second
        assert first != other

    def test_compress_unless_told_otherwise(self, training: Training) -> None:
        job = training.run(OutputDataConfig={"S3OutputPath": f"s3://{training.bucket}/packed"})
        uri = job["ModelArtifacts"]["S3ModelArtifacts"]
        key = f"packed/{job['TrainingJobName']}/output/model.tar.gz"
        assert uri == f"s3://{training.bucket}/{key}"
        body = training.aws("s3").get_object(Bucket=training.bucket, Key=key)["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            assert "config.json" in archive.getnames()

    def test_fail_as_the_test_asks(self, training: Training) -> None:
        training.behave(faults=[{"reason": "AlgorithmError: out of memory", "times": 1}])
        job = training.run()
        assert (job["TrainingJobStatus"], job["FailureReason"]) == ("Failed", "AlgorithmError: out of memory")
        assert "ModelArtifacts" not in job
        assert training.run()["TrainingJobStatus"] == "Completed"

    def test_fail_when_the_role_may_not_read(self, training: Training) -> None:
        statements = [allow("s3:ListBucket"), allow("ecr:*")]
        role = make_role(training.aws("iam"), "sagemaker.amazonaws.com", statements)
        assert "Data download failed: AccessDenied" in training.run(RoleArn=role)["FailureReason"]

    def test_fail_when_the_role_may_not_write(self, training: Training) -> None:
        statements = [allow("s3:ListBucket", "s3:GetObject"), allow("ecr:*")]
        role = make_role(training.aws("iam"), "sagemaker.amazonaws.com", statements)
        assert "Artifact upload failed: AccessDenied" in training.run(RoleArn=role)["FailureReason"]

    def test_stop(self, training: Training) -> None:
        training.behave(seconds=60)
        name = training.start()
        training.sagemaker.stop_training_job(TrainingJobName=name)
        assert training.ended(name)["TrainingJobStatus"] == "Stopped"
        with pytest.raises(ClientError, match="because the training job is in status Stopped"):
            training.sagemaker.stop_training_job(TrainingJobName=name)

    def test_are_listed_by_name_and_status(self, training: Training) -> None:
        part = uuid4().hex[:8]
        training.behave(faults=[{"reason": "no", "job_name_contains": f"b-{part}"}])
        names = [f"{letter}-{part}" for letter in "abc"]
        for name in names:
            training.run(TrainingJobName=name)

        def listed(**filters: Any) -> list[str]:
            answer = training.sagemaker.list_training_jobs(NameContains=part, **filters)
            return [job["TrainingJobName"] for job in answer["TrainingJobSummaries"]]

        assert listed() == names
        assert listed(StatusEquals="Failed") == [names[1]]
        assert listed(SortBy="Name", SortOrder="Descending", MaxResults=2) == [names[2], names[1]]


MISTRAL = "huggingface-training/train-huggingface-llm-mistral-7b.tar.gz"
LLAMA = "s3://jumpstart-private-cache-prod-us-east-1/meta-training/train-meta-textgeneration-llama-3-2-3b.tar.gz"


class TestScripts:
    def channels(self, training: Training, *names: str, weights: str = "") -> list[dict[str, Any]]:
        """Return data channels of these names, and JumpStart's weights in the channel `model`."""
        data = training.request()["InputDataConfig"][0]
        channels = [{**data, "ChannelName": name} for name in names]
        if weights:
            bucket = "jumpstart-cache-prod-us-east-1"
            # Nothing is there before somebody has asked for the bucket.
            training.aws("s3").list_objects_v2(Bucket=bucket)
            source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{weights}"}
            channels.append({"ChannelName": "model", "DataSource": {"S3DataSource": source}})
        return channels

    def test_of_mistral_fail_without_the_channel_train(self, training: Training) -> None:
        job = training.run(InputDataConfig=self.channels(training, "training", "validation", weights=MISTRAL))
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1")
        assert "KeyError: 'SM_CHANNEL_TRAIN'" in job["FailureReason"]
        # The instances have started by then, and are billed.
        assert job["TrainingStartTime"]

    def test_of_mistral_read_train_and_validation(self, training: Training) -> None:
        job = training.run(InputDataConfig=self.channels(training, "train", "validation", weights=MISTRAL))
        assert job["TrainingJobStatus"] == "Completed", job

    def test_of_llama_fail_without_the_channel_training(self, training: Training) -> None:
        environment = {"SageMakerGatedModelS3Uri": LLAMA, "accept_eula": "true"}
        job = training.run(InputDataConfig=self.channels(training, "train"), Environment=environment)
        assert "KeyError: 'SM_CHANNEL_TRAINING'" in job["FailureReason"]
        right = training.run(InputDataConfig=self.channels(training, "training"), Environment=environment)
        assert right["TrainingJobStatus"] == "Completed"

    def test_take_no_data_from_a_channel_that_they_do_not_read(self, training: Training) -> None:
        training.aws("s3").put_object(Bucket=training.bucket, Key="other/more.jsonl", Body=b'{"question": "who?"}\n')
        other = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{training.bucket}/other/"}}
        channels = self.channels(training, "train", weights=MISTRAL)
        ignored = [*channels, {"ChannelName": "training", "DataSource": other}]
        first, second = (training.run(InputDataConfig=inputs) for inputs in (channels, ignored))
        assert training.file(first, "model.safetensors") == training.file(second, "model.safetensors")

    def test_read_any_channel_when_the_test_asks(self, training: Training) -> None:
        training.behave(reads_any_channel=True)
        job = training.run(InputDataConfig=self.channels(training, "training", weights=MISTRAL))
        assert job["TrainingJobStatus"] == "Completed", job


class TestRefusals:
    def test_of_a_name_that_is_taken(self, training: Training) -> None:
        name = training.start()
        assert "ResourceInUse" in training.refusal(TrainingJobName=name)

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"TrainingJobName": "an_underscore"}, "regular expression pattern"),
            ({"RoleArn": "arn:aws:iam::123456789012:role/none"}, "Could not assume role"),
            ({"AlgorithmSpecification": {"TrainingImage": "a/b:c", "TrainingInputMode": "File"}}, "non-ECR image"),
            (
                {"ResourceConfig": {"InstanceType": "ml.g9.huge", "InstanceCount": 1, "VolumeSizeInGB": 1}},
                "enum value set",
            ),
            (
                {
                    "ResourceConfig": {
                        "InstanceType": "ml.g5.12xlarge",
                        "InstanceCount": 1,
                        "VolumeSizeInGB": 1,
                        "VolumeKmsKeyId": "key",
                    }
                },
                "VolumeKmsKeyId is not supported",
            ),
            ({"EnableManagedSpotTraining": True}, "Invalid MaxWaitTimeInSeconds"),
            ({"Environment": {"SageMakerGatedModelS3Uri": "s3://b/k"}}, "accept_eula must be 'true'"),
        ],
    )
    def test_of_what_breaks_the_rules(self, training: Training, changes: Any, problem: str) -> None:
        assert problem in training.refusal(**changes)

    def test_of_data_that_is_not_there(self, training: Training) -> None:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{training.bucket}/nothing/"}
        channel = {"ChannelName": "training", "DataSource": {"S3DataSource": source}}
        assert "No S3 objects found under S3 URL" in training.refusal(InputDataConfig=[channel])

    def test_of_faults_that_are_not_understood(self, training: Training) -> None:
        with pytest.raises(urllib.error.HTTPError) as caught:
            training.behave(seconds=-1, faults=[{"stage": "Dreaming"}])
        told = caught.value.read().decode()
        caught.value.close()
        assert "seconds is -1: a number of at least 0" in told
        assert "faults[0].stage is 'Dreaming': one of Starting, Downloading, Training, Uploading" in told


class TestStateMachines:
    @pytest.fixture
    def machines(self, aws: Aws, local_aws: str) -> Iterator[StateMachines]:
        made = StateMachines(aws, local_aws)
        yield made
        made.close()

    def state(self, training: Training, **changes: Any) -> dict[str, Any]:
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": training.request(**changes),
            "End": True,
        }

    def test_wait_for_the_job_and_give_its_description(self, training: Training, machines: StateMachines) -> None:
        execution = machines.run({"Train": self.state(training)}, {}, JOBS, MANAGED_RULE)
        assert execution["status"] == "SUCCEEDED", execution
        output = execution["output"]
        assert output["TrainingJobStatus"] == "Completed"
        assert output["ModelArtifacts"]["S3ModelArtifacts"].endswith("/output/model/")
        assert output["CreationTime"] > 1_600_000_000_000
        types = [event["type"] for event in machines.events(execution["executionArn"])]
        assert types[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]

    def test_fail_with_the_description_of_a_failed_job(self, training: Training, machines: StateMachines) -> None:
        training.behave(faults=[{"reason": "AlgorithmError: no"}])
        execution = machines.run({"Train": self.state(training)}, {}, JOBS, MANAGED_RULE)
        assert (execution["status"], execution["error"]) == ("FAILED", "States.TaskFailed")
        assert json.loads(execution["cause"])["FailureReason"] == "AlgorithmError: no"

    def test_fail_with_sagemaker_s_error_when_it_refuses(self, training: Training, machines: StateMachines) -> None:
        state = self.state(training, EnableManagedSpotTraining=True)
        execution = machines.run({"Train": state}, {}, JOBS, MANAGED_RULE)
        assert execution["error"] == "SageMaker.AmazonSageMakerException"
        assert "Error Code: ValidationException" in execution["cause"]

    @pytest.mark.parametrize(
        "condition",
        [
            {"ForAllValues:StringEquals": {"sagemaker:InstanceTypes": ["ml.g5.2xlarge"]}},
            {"NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": "3599"}},
            {"Bool": {"sagemaker:NetworkIsolation": "true"}},
            {"ArnEquals": {"sagemaker:OutputKmsKey": "arn:aws:kms:us-east-1:123456789012:key/other"}},
        ],
    )
    def test_need_a_request_that_meets_the_conditions_of_their_role(
        self, training: Training, machines: StateMachines, condition: dict[str, Any]
    ) -> None:
        state = {**self.state(training), "Resource": "arn:aws:states:::aws-sdk:sagemaker:createTrainingJob"}
        held = {**allow("sagemaker:CreateTrainingJob"), "Condition": condition}
        execution = machines.run({"Train": state}, {}, held, allow("iam:PassRole"))
        assert execution["error"] == "SageMaker.SageMakerException"
        assert "is not authorized to perform: sagemaker:CreateTrainingJob" in execution["cause"]

    def test_need_permission_to_pass_the_job_s_role(self, training: Training, machines: StateMachines) -> None:
        execution = machines.run({"Train": self.state(training)}, {}, allow("sagemaker:*"), MANAGED_RULE)
        assert "is not authorized to perform: iam:PassRole" in execution["cause"]

    def test_stop_the_job_when_they_are_stopped(self, training: Training, machines: StateMachines) -> None:
        training.behave(seconds=60)
        state = self.state(training)
        machine = machines.create({"Train": state}, JOBS, MANAGED_RULE)
        execution = machines.start(machine)
        machines.wait_for_event(execution, "TaskSubmitted")
        machines.states.stop_execution(executionArn=execution)
        assert training.ended(state["Parameters"]["TrainingJobName"])["TrainingJobStatus"] == "Stopped"


class TestServing:
    def model(self, training: Training, uri: str) -> str:
        name = f"model-{uuid4().hex[:12]}"
        source = {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
        training.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=training.role,
            PrimaryContainer={
                "Image": SERVE_IMAGE,
                "ModelDataSource": {"S3DataSource": source},
                "Environment": {"HF_MODEL_ID": "/opt/ml/model"},
            },
        )
        variant = {
            "VariantName": "AllTraffic",
            "ModelName": name,
            "InstanceType": "ml.g5.2xlarge",
            "InitialInstanceCount": 1,
        }
        training.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name

    def deployment(self, *alarms: str) -> dict[str, Any]:
        routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
        return {
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm} for alarm in alarms]},
        }

    def settled(self, training: Training, endpoint: str) -> dict[str, Any]:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            described: dict[str, Any] = training.sagemaker.describe_endpoint(EndpointName=endpoint)
            if described["EndpointStatus"] in ("InService", "Failed"):
                return described
            time.sleep(0.02)
        raise AssertionError(f"{endpoint} did not settle")

    @pytest.fixture
    def endpoint(self, training: Training) -> Iterator[str]:
        name = f"tuned-{uuid4().hex[:12]}"
        config = self.model(training, training.run()["ModelArtifacts"]["S3ModelArtifacts"])
        training.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        assert self.settled(training, name)["EndpointStatus"] == "InService"
        yield name
        training.sagemaker.delete_endpoint(EndpointName=name)

    def answer(self, training: Training, endpoint: str) -> Any:
        answer = training.aws("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Body=b'{"inputs": "hello"}'
        )
        return json.loads(answer["Body"].read())

    def test_a_tuned_model_answers(self, training: Training, endpoint: str) -> None:
        assert self.answer(training, endpoint)

    def test_an_update_without_a_readable_model_keeps_the_old_one(self, training: Training, endpoint: str) -> None:
        before = training.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        config = self.model(training, f"s3://{training.bucket}/data/")
        training.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        after = self.settled(training, endpoint)
        assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", before)
        assert "did not pass the ping health check" in after["FailureReason"]
        assert "config.json" in after["FailureReason"]
        assert self.answer(training, endpoint)

    @pytest.mark.parametrize(("state", "moves"), [("OK", True), ("ALARM", False)])
    def test_an_alarm_rolls_an_update_back(self, training: Training, endpoint: str, state: str, moves: bool) -> None:
        cloudwatch, alarm = training.aws("cloudwatch"), f"alarm-{uuid4().hex[:12]}"
        cloudwatch.put_metric_alarm(
            AlarmName=alarm, Namespace="n", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1,
            Threshold=1, ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        cloudwatch.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="the test says so")
        before = training.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        config = self.model(training, training.run()["ModelArtifacts"]["S3ModelArtifacts"])
        training.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=self.deployment(alarm)
        )
        after = self.settled(training, endpoint)
        assert (after["EndpointStatus"], after["EndpointConfigName"]) == ("InService", config if moves else before)
        assert (alarm in after.get("FailureReason", "")) is not moves

    def test_an_execution_role_that_may_not_read_the_alarms_refuses_the_update(
        self, training: Training, endpoint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        readable = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:other"
        own = [allow("s3:*", "ecr:*", "logs:*"), allow("cloudwatch:DescribeAlarms", resource=readable)]
        monkeypatch.setattr(training, "role", make_role(training.aws("iam"), "sagemaker.amazonaws.com", own))
        config = self.model(training, training.run()["ModelArtifacts"]["S3ModelArtifacts"])
        with pytest.raises(ClientError, match=r"perform: cloudwatch:DescribeAlarms on \S+:alarm:mine"):
            training.sagemaker.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=self.deployment("other", "mine")
            )

    def test_models_are_listed_by_a_part_of_their_name(self, training: Training, endpoint: str) -> None:
        config = training.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
        listed = training.sagemaker.list_models(NameContains=config)["Models"]
        assert [model["ModelName"] for model in listed] == [config]
