"""Faults of a recorded release that AWS refuses: refused here, too, and taken as they are mended today."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.localaws.sagemaker.training_driver import Training
from tests.support.local_aws import ClientFactory as Aws
from tests.support.local_aws import StackDriver
from tests.support.state_machine_driver import allow, make_role
from tests.support.templates import statements
from tests.training.training_account import ENVIRONMENT
from tests.upgrade.recorded import Assembly

pytestmark = pytest.mark.xdist_group("upgrade")

TUNED = "dev/mistral-7b-dolly"
# It has a pipeline and an import: two state machines that log.
TUNED_IMPORT = "dev/llama-3-2-3b-10k"
# The resource policy of log delivery is a region's, and other tests use the same local AWS.
FULL_REGION = "eu-north-1"


@pytest.fixture
def training(aws: Aws, local_aws: str) -> Iterator[Training]:
    training = Training(aws, local_aws)
    training.behave(seconds=0.02)
    yield training
    training.steer("DELETE", None)


def _ended(training: Training, aws: Aws, assembly: Assembly) -> dict[str, Any]:
    """Train with a key for the output, and a role with the release's rights on it."""
    [use] = [one for one in statements(assembly.templates()[TUNED], "TrainingRole") if one.get("Sid") == "UseKey"]
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    training.role = make_role(
        aws("iam"), "sagemaker.amazonaws.com", [allow("s3:*", "ecr:*", "logs:*"), {**use, "Resource": key}]
    )
    output = {"S3OutputPath": f"s3://{training.bucket}/runs/", "CompressionType": "NONE", "KmsKeyId": key}
    return training.run(OutputDataConfig=output)


def test_the_old_training_role_may_not_encrypt_the_output_and_todays_may(
    old: Assembly, new: Assembly, training: Training, aws: Aws
) -> None:
    refused = _ended(training, aws, old)

    assert refused["TrainingJobStatus"] == "Failed"
    assert "not authorized to perform: kms:Encrypt" in refused["FailureReason"]
    assert _ended(training, aws, new)["TrainingJobStatus"] == "Completed"


# Prints the names of the data channels that the job has which a release's own code builds from these settings.
_CHANNELS = """
import json, sys
from training.jobs import _job
from training.settings import Settings
settings = Settings.from_environment(json.loads(sys.argv[1]))
print(json.dumps(list(_job(settings, "s3://b/training/data/", {}).channels)))
"""


def _channels(assembly: Assembly) -> list[str]:
    """Return the names of the data channels that a release trains Mistral on."""
    [code] = [file.parents[1] for file in assembly.folder.glob("asset.*/training/jobs.py")]
    command = [sys.executable, "-c", _CHANNELS, json.dumps(ENVIRONMENT)]
    own = {**os.environ, "PYTHONPATH": str(code)}
    printed = subprocess.run(command, env=own, cwd=code, capture_output=True, check=True)
    names: list[str] = json.loads(printed.stdout)
    return names


def _trained_on(training: Training, names: list[str]) -> dict[str, Any]:
    """Train Mistral, with the same data in each channel."""
    # Nothing is in JumpStart's bucket before somebody has asked for it.
    training.aws("s3").list_objects_v2(Bucket="jumpstart-cache-prod-us-east-1")
    uris = dict.fromkeys(names, f"s3://{training.bucket}/data/")
    uris["model"] = "s3://jumpstart-cache-prod-us-east-1/huggingface-training/train-huggingface-llm-mistral-7b.tar.gz"
    inputs = [
        {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}
        for name, uri in uris.items()
    ]
    return training.run(InputDataConfig=inputs)


def test_the_old_code_names_a_channel_that_mistrals_script_does_not_read_and_todays_the_right_one(
    old: Assembly, new: Assembly, training: Training
) -> None:
    refused = _trained_on(training, _channels(old))

    assert refused["TrainingJobStatus"] == "Failed"
    assert "KeyError: 'SM_CHANNEL_TRAIN'" in refused["FailureReason"]
    assert _trained_on(training, _channels(new))["TrainingJobStatus"] == "Completed"


def _logging_machines(assembly: Assembly, role: str) -> dict[str, Any]:
    """Return a release's log groups of state machines, without keys, and trivial machines that log into them."""
    resources = assembly.templates()[TUNED_IMPORT]["Resources"]
    found: dict[str, Any] = {}
    for name, resource in resources.items():
        logging = resource.get("Properties", {}).get("LoggingConfiguration")
        if resource["Type"] != "AWS::StepFunctions::StateMachine" or logging is None:
            continue
        [destination] = logging["Destinations"]
        group = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0]
        named = {key: value for key, value in resources[group]["Properties"].items() if key == "LogGroupName"}
        found[group] = {"Type": "AWS::Logs::LogGroup", "Properties": named}
        definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
        properties = {"RoleArn": role, "Definition": definition, "LoggingConfiguration": logging}
        found[name] = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    assert len(found) == 4
    return found


def test_old_state_machines_fill_the_resource_policy_of_log_delivery_and_todays_do_not(
    old: Assembly, new: Assembly, aws: Aws
) -> None:
    stacks = StackDriver(aws("cloudformation", region=FULL_REGION))
    role = make_role(aws("iam"), "states.amazonaws.com", [])
    name, cycles, before, today = "dev-llama-3-2-3b-10k", 0, _logging_machines(old, role), _logging_machines(new, role)

    while stacks.deploy(name, before) == "CREATE_COMPLETE":
        cycles += 1
        assert cycles < 30
        stacks.delete(name)

    # Two entries of some 110 characters a deployment, of 5120.
    assert cycles > 15
    assert "Resource Policy size was exceeded" in stacks.failures(name)
    stacks.delete(name)
    for _ in range(2):
        assert stacks.deploy(name, today) == "CREATE_COMPLETE"
        assert stacks.delete(name) == "DELETE_COMPLETE"


def test_a_stack_that_is_deployed_anew_does_not_meet_the_log_groups_that_the_one_before_left(
    new: Assembly, aws: Aws
) -> None:
    stacks = StackDriver(aws("cloudformation", region="eu-south-1"))
    resources = _logging_machines(new, make_role(aws("iam"), "states.amazonaws.com", []))
    for resource in resources.values():
        if resource["Type"] == "AWS::Logs::LogGroup":
            resource["DeletionPolicy"] = "RetainExceptOnCreate"
    name = "prod-llama-3-2-3b-10k"

    for _ in range(2):
        assert stacks.deploy(name, resources) == "CREATE_COMPLETE"
        stacks.delete(name)

    prefix = "/aws/vendedlogs/states/"
    kept = aws("logs", region="eu-south-1").describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    assert len(kept) == 4
