"""Image, model data and environment of a container, in the forms that the SageMaker SDK uses."""

from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sagemaker as sagemaker
from constructs.endpoint.container_definition import container_definition

from catalog import Lock, ModelVersion
from tests.support.templates import only

_TARBALL = ("huggingface-llm-falcon-180b-chat-bf16", "1.6.17")
_EULA = "fmhMetadata/eula/someEula.txt"


def _container(model: ModelVersion, **props: Any) -> dict[str, Any]:
    """Return the definition as CloudFormation gets it."""
    deployment = model.resolve(region="us-west-2")
    stack = cdk.Stack()
    sagemaker.CfnModel(
        stack,
        "Model",
        primary_container=container_definition(deployment, {"A": "1"}, **{"accept_eula": False, **props}),
    )
    return dict(only(stack, "AWS::SageMaker::Model")["PrimaryContainer"])


def test_a_plain_tarball_is_a_model_data_url(lock: Lock) -> None:
    container = _container(lock.model(*_TARBALL))

    assert container["ModelDataUrl"].endswith(".tar.gz")
    assert "ModelDataSource" not in container
    assert container["Environment"] == {"A": "1"}


def test_a_prefix_is_a_source_of_unpacked_files(mistral: ModelVersion) -> None:
    container = _container(mistral)

    source = container["ModelDataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Prefix", "None")
    assert source["S3Uri"].endswith("/")
    assert "ModelDataUrl" not in container


@pytest.mark.parametrize("accepted", [True, False])
def test_a_licence_is_accepted_in_the_template(mistral: ModelVersion, accepted: bool) -> None:
    container = _container(replace(mistral, eula_key=_EULA), accept_eula=accepted)

    assert container["ModelDataSource"]["S3DataSource"]["ModelAccessConfig"] == {"AcceptEula": accepted}


def test_a_licensed_tarball_is_a_source_too(lock: Lock) -> None:
    container = _container(replace(lock.model(*_TARBALL), eula_key=_EULA), accept_eula=True)

    source = container["ModelDataSource"]["S3DataSource"]
    assert (source["S3DataType"], source["CompressionType"]) == ("S3Object", "Gzip")
    assert source["ModelAccessConfig"] == {"AcceptEula": True}
    assert "ModelDataUrl" not in container


def test_says_nothing_of_a_licence_for_a_model_without_one(mistral: ModelVersion) -> None:
    container = _container(mistral, accept_eula=True)

    assert "ModelAccessConfig" not in container["ModelDataSource"]["S3DataSource"]


def test_a_model_package_needs_neither_image_nor_data(mistral: ModelVersion) -> None:
    arn = "arn:aws:sagemaker:us-west-2:594846645681:model-package/some-model-v1"
    container = _container(replace(mistral, model_packages={"us-west-2": arn}))

    assert container == {"ModelPackageName": arn, "Environment": {"A": "1"}}
