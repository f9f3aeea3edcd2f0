"""The version of a run: it changes with everything that the trained weights depend on, and with nothing else."""

import copy
from typing import Any

import pytest

from training.versions import version_of


def _channel(name: str, uri: str) -> dict[str, Any]:
    return {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}}


REQUEST: dict[str, Any] = {
    "TrainingJobName": "dev-mistral-7b-dolly",
    "RoleArn": "arn:aws:iam::123456789012:role/training",
    "AlgorithmSpecification": {"TrainingImage": "registry/training:2.0", "TrainingInputMode": "File"},
    "Environment": {"SM_TASK": "tuning"},
    "HyperParameters": {"epoch": "1", "sagemaker_job_name": "dev-mistral-7b-dolly", "sagemaker_region": "us-west-2"},
    "InputDataConfig": [
        _channel("training", "s3://own-bucket/data/"),
        _channel("model", "s3://cache/model.tar.gz"),
        _channel("code", "s3://cache/code.tar.gz"),
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://own-bucket/runs/"},
    "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 256},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    "Tags": [{"Key": "model", "Value": "mistral-7b-dolly"}],
}


def _version(changes: dict[str, Any] | None = None, **named: str) -> str:
    """Compute the version of the request above, with members replaced by their dotted paths."""
    request = copy.deepcopy(REQUEST)
    for path, value in (changes or {}).items():
        *outer, last = path.split(".")
        place = request
        for name in outer:
            place = place[name]
        place[last] = value
    given = {"model_id": "mistral-7b", "model_version": "2.1.0", "data_sha256": "0" * 64, **named}
    return version_of(request, **given)


def test_is_12_hexadecimal_digits_that_never_change() -> None:
    # Another value would train and register every deployed model again.
    assert _version() == "2c7bc4b68dbc"


@pytest.mark.parametrize(
    "changes",
    [
        {"AlgorithmSpecification.TrainingImage": "registry/training:2.1"},
        {"Environment": {"SM_TASK": "other"}},
        {"Environment": {}},
        {"HyperParameters.epoch": "2"},
        {"ResourceConfig.InstanceType": "ml.g5.48xlarge"},
        {"ResourceConfig.InstanceCount": 2},
        {"InputDataConfig": [*REQUEST["InputDataConfig"], _channel("validation", "s3://own-bucket/more/")]},
        {"InputDataConfig": [*REQUEST["InputDataConfig"][:2], _channel("code", "s3://cache/other.tar.gz")]},
        {"InputDataConfig": [REQUEST["InputDataConfig"][0], _channel("model", "s3://cache/other.tar.gz")]},
    ],
    ids=str,
)
def test_changes_with_what_the_weights_depend_on(changes: dict[str, Any]) -> None:
    assert _version(changes) != _version()


@pytest.mark.parametrize("named", [{"model_id": "other"}, {"model_version": "2.2.0"}, {"data_sha256": "1" * 64}])
def test_changes_with_the_base_model_and_the_data(named: dict[str, str]) -> None:
    assert _version({}, **named) != _version()


@pytest.mark.parametrize(
    "changes",
    [
        {"TrainingJobName": "prod-mistral-7b-dolly-2"},
        {"RoleArn": "arn:aws:iam::123456789012:role/another"},
        {"HyperParameters.sagemaker_job_name": "another"},
        {"HyperParameters.sagemaker_region": "us-east-1"},
        {"InputDataConfig": [_channel("training", "s3://elsewhere/"), *REQUEST["InputDataConfig"][1:]]},
        {"InputDataConfig": [_channel("train", "s3://own-bucket/data/"), *REQUEST["InputDataConfig"][1:]]},
        {"OutputDataConfig": {"S3OutputPath": "s3://elsewhere/", "KmsKeyId": "key"}},
        {"ResourceConfig.VolumeSizeInGB": 512},
        {"ResourceConfig.VolumeKmsKeyId": "key"},
        {"StoppingCondition": {"MaxRuntimeInSeconds": 60}},
        {"Tags": []},
        {"EnableManagedSpotTraining": True},
    ],
    ids=str,
)
def test_stays_whoever_runs_the_job_and_wherever_its_data_comes_from(
    changes: dict[str, Any],
) -> None:
    assert _version(changes) == _version()


def test_an_environment_that_is_left_out_is_an_empty_one() -> None:
    request = {name: value for name, value in REQUEST.items() if name != "Environment"}
    version = version_of(request, model_id="mistral-7b", model_version="2.1.0", data_sha256="0" * 64)
    assert version == _version({"Environment": {}})
