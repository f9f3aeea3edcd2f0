"""Deleting releases that are neither served nor kept, in moto's account."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from training.prune import handler
from training.releases import release_names

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")

PIPELINE = "dev-mistral-7b-dolly"
RELEASES = [f"{number:012x}-abcdef" for number in range(5)]
PARAMETERS = {"SERVED_PARAMETER": "/jumpstack/dev/m/served", "PREVIOUS_PARAMETER": "/jumpstack/dev/m/previous"}


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account with five releases, of which one is served and one was."""
    settings = {"AWS_DEFAULT_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    for name, value in {**settings, **PARAMETERS, "NAME_PREFIX": PIPELINE}.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("sagemaker")
        for name in [*(f"{PIPELINE}-{release}" for release in RELEASES), f"{PIPELINE}-large-{RELEASES[0]}"]:
            client.create_model(
                ModelName=name, ExecutionRoleArn="arn:aws:iam::123456789012:role/r", PrimaryContainer={"Image": "i"}
            )
            variant = {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
            client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        ssm = boto3.client("ssm")
        ssm.put_parameter(Name=PARAMETERS["SERVED_PARAMETER"], Value=RELEASES[3], Type="String")
        ssm.put_parameter(Name=PARAMETERS["PREVIOUS_PARAMETER"], Value=RELEASES[2], Type="String")
        yield client


def test_keeps_the_served_release_the_one_before_and_the_runs_own(sagemaker: Any) -> None:
    answer = handler({"keep": RELEASES[4]}, None)

    assert answer == {"deleted": [f"{PIPELINE}-{release}" for release in RELEASES[:2]]}
    for kind in ("Model", "EndpointConfig"):
        kept = set(release_names(sagemaker, PIPELINE, kind=kind))
        assert kept == {f"{PIPELINE}-{release}" for release in RELEASES[2:]}


def test_leaves_a_pipeline_alone_whose_name_begins_like_this_ones(sagemaker: Any) -> None:
    handler({"keep": RELEASES[4]}, None)

    assert list(release_names(sagemaker, f"{PIPELINE}-large", kind="Model")) == [f"{PIPELINE}-large-{RELEASES[0]}"]


def test_keeps_everything_that_it_is_told_of_before_a_first_release_is_served(sagemaker: Any) -> None:
    ssm = boto3.client("ssm")
    for name in PARAMETERS.values():
        ssm.put_parameter(Name=name, Value="none", Type="String", Overwrite=True)

    handler({"keep": RELEASES[0]}, None)

    assert list(release_names(sagemaker, PIPELINE, kind="Model")) == [f"{PIPELINE}-{RELEASES[0]}"]
