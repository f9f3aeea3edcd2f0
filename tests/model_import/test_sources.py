"""The prefix of an import's weights: a declared one, or that of a model or training job as SageMaker describes it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from model_import import check
from model_import.artifacts.findings import ArtifactError
from model_import.artifacts.folder import FolderError
from model_import.failures import with_likely_cause
from model_import.sources import resolve

ACCOUNT, REGION = "111122223333", "us-west-2"
MODEL = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/Coder-1"
JOB = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/coder-1"
BELOW = "s3://models/coder/"
PREFIX = f"{BELOW}1/"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Asked:
    """SageMaker with one answer, which botocore validates against the API's model."""

    def __init__(self) -> None:
        self.client: Any = boto3.client(
            "sagemaker", region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing"
        )
        self.stub = Stubber(self.client)

    def model(self, *containers: dict[str, Any], arn: str = MODEL.lower(), **more: Any) -> None:
        """Answer with a model of these containers, in the form of the API."""
        given = {"PrimaryContainer": containers[0]} if len(containers) == 1 else {"Containers": list(containers)}
        answer = {"ModelName": "Coder-1", "CreationTime": NOW, "ModelArn": arn, **given, **more}
        self.stub.add_response("describe_model", answer, {"ModelName": "Coder-1"})

    def job(self, *, artifacts: str | None = None, compression: str | None = "NONE", **more: Any) -> None:
        """Answer with a training job."""
        output = {"S3OutputPath": "s3://models/coder", **({"CompressionType": compression} if compression else {})}
        answer = {
            "TrainingJobName": "coder-1",
            "TrainingJobArn": JOB,
            "ModelArtifacts": {"S3ModelArtifacts": artifacts or f"{PREFIX}output/model/"},
            "TrainingJobStatus": "Completed",
            "SecondaryStatus": "Completed",
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "OutputDataConfig": output,
            "ResourceConfig": {"VolumeSizeInGB": 1},
            "StoppingCondition": {},
            "CreationTime": NOW,
            **more,
        }
        self.stub.add_response("describe_training_job", answer, {"TrainingJobName": "coder-1"})

    def refuses(self, operation: str, code: str, message: str) -> None:
        """Answer with an error."""
        self.stub.add_client_error(operation, service_error_code=code, service_message=message)

    def prefix(self, arn: str, readable: str = BELOW) -> str:
        """Return the resolved prefix."""
        return resolve(arn, sagemaker=self.client, readable=readable)

    def said(self, arn: str, readable: str = BELOW) -> str:
        """Return the error message for weights that cannot be imported."""
        with pytest.raises(FolderError) as refused:
            self.prefix(arn, readable)
        return f"[{refused.value.rule}] {refused.value}"


@pytest.fixture
def asked() -> Iterator[Asked]:
    sagemaker = Asked()
    with sagemaker.stub:
        yield sagemaker
        sagemaker.stub.assert_no_pending_responses()


def _data(uri: str = PREFIX, data_type: str = "S3Prefix", compression: str = "None", **more: Any) -> dict[str, Any]:
    source = {"S3Uri": uri, "S3DataType": data_type, "CompressionType": compression, **more}
    return {"Image": "image", "ModelDataSource": {"S3DataSource": source}}


class TestPrefixes:
    @pytest.mark.parametrize("uri", [PREFIX, PREFIX.rstrip("/"), BELOW, BELOW.rstrip("/")])
    def test_are_taken_as_they_are(self, uri: str) -> None:
        assert resolve(uri, sagemaker=None, readable=BELOW) == uri

    @pytest.mark.parametrize("uri", ["s3://models/code/1/", "s3://models/coder2/", "s3://other/coder/1/"])
    def test_outside_of_what_may_be_read_are_refused(self, asked: Asked, uri: str) -> None:
        assert asked.said(uri) == (
            f"[outside] {uri}, outside of what the import's roles may read (s3://models/coder/ and what is below it)"
        )


class TestSageMakerModels:
    def test_give_the_prefix_of_their_unpacked_files(self, asked: Asked) -> None:
        asked.model(_data())

        assert asked.prefix(MODEL) == PREFIX

    def test_may_have_their_one_container_in_a_list(self, asked: Asked) -> None:
        asked.model(Containers=[_data()], PrimaryContainer={})

        assert asked.prefix(MODEL) == PREFIX

    @pytest.mark.parametrize(
        ("container", "uri"),
        [
            ({"Image": "image", "ModelDataUrl": f"{PREFIX}model.tar.gz"}, f"{PREFIX}model.tar.gz"),
            (_data(f"{PREFIX}model.tar.gz", "S3Object", "Gzip"), f"{PREFIX}model.tar.gz"),
        ],
    )
    def test_that_are_packed_are_refused_with_how_to_unpack(
        self, asked: Asked, container: dict[str, Any], uri: str
    ) -> None:
        asked.model(container)

        said = asked.said(MODEL)
        assert said.startswith(f"[packed] {uri}, the data of the SageMaker model Coder-1, is packed (unpack it below")
        assert "disable_output_compression=True" in said

    @pytest.mark.parametrize(
        ("container", "problem"),
        [
            (_data(f"{PREFIX}model.safetensors", "S3Object"), "Coder-1, is one file (a prefix of files)"),
            (_data(ManifestS3Uri="s3://models/list.csv"), "are listed by the manifest s3://models/list.csv"),
            ({"Image": "image"}, "the SageMaker model Coder-1 has no data"),
            ({"ModelPackageName": "p"}, "the SageMaker model Coder-1 takes its data from the model package p"),
            ({**_data(), "Mode": "MultiModel"}, "the SageMaker model Coder-1 hosts many models"),
            (
                {
                    **_data(),
                    "AdditionalModelDataSources": [
                        {"ChannelName": "draft", **_data()["ModelDataSource"]},
                        {"ChannelName": "adapter", **_data()["ModelDataSource"]},
                    ],
                },
                "additional data sources, unsupported by bedrock: draft, adapter",
            ),
        ],
    )
    def test_whose_weights_are_no_prefix_of_files_are_refused(
        self, asked: Asked, container: dict[str, Any], problem: str
    ) -> None:
        asked.model(container)

        assert problem in asked.said(MODEL)

    @pytest.mark.parametrize("containers", [(), (_data(), _data())])
    def test_with_no_container_or_several_are_refused(
        self, asked: Asked, containers: tuple[dict[str, Any], ...]
    ) -> None:
        asked.model(*containers)

        assert f"has {len(containers)} containers (a model with one container)" in asked.said(MODEL)

    def test_with_weights_elsewhere_are_refused_with_what_may_be_read(self, asked: Asked) -> None:
        asked.model(_data("s3://jumpstart/coder/"))

        assert asked.said(MODEL) == (
            f"[outside] the weights of {MODEL} are at s3://jumpstart/coder/, outside of what the import's roles may "
            "read (s3://models/coder/ and what is below it)"
        )

    def test_of_another_account_with_a_known_name_are_refused(self, asked: Asked) -> None:
        asked.model(_data(), arn=MODEL.replace(ACCOUNT, "444455556666"))

        assert "is of another account or region" in asked.said(MODEL)

    def test_that_are_missing_are_told_by_name(self, asked: Asked) -> None:
        asked.refuses("describe_model", "ValidationException", 'Could not find model "Coder-1".')

        assert asked.said(MODEL).startswith("[source] there is no SageMaker model Coder-1: Could not find model")


class TestTrainingJobs:
    @pytest.mark.parametrize("uri", [f"{PREFIX}output/model/", f"{PREFIX}output/model"])
    def test_give_the_prefix_that_they_left_unpacked(self, asked: Asked, uri: str) -> None:
        asked.job(artifacts=uri)

        assert asked.prefix(JOB) == f"{PREFIX}output/model/"

    @pytest.mark.parametrize("compression", ["GZIP", None])
    def test_whose_output_is_packed_are_refused_with_how_to_unpack(self, asked: Asked, compression: str | None) -> None:
        asked.job(artifacts=f"{PREFIX}output/model.tar.gz", compression=compression)

        said = asked.said(JOB)
        assert said.startswith(f"[packed] {PREFIX}output/model.tar.gz, the output of the training job coder-1, is pack")
        assert "disable_output_compression=True" in said

    @pytest.mark.parametrize("status", ["InProgress", "Failed", "Stopping", "Stopped"])
    def test_that_are_not_completed_are_refused(self, asked: Asked, status: str) -> None:
        asked.job(TrainingJobStatus=status, SecondaryStatus="Training")

        assert asked.said(JOB) == f"[source] the training job coder-1 is {status} (a job that is Completed)"

    def test_that_failed_are_refused_with_their_reason(self, asked: Asked) -> None:
        asked.job(TrainingJobStatus="Failed", SecondaryStatus="Failed", FailureReason="AlgorithmError: out of memory")

        assert "coder-1 is Failed: AlgorithmError: out of memory" in asked.said(JOB)

    def test_that_left_nothing_are_refused(self, asked: Asked) -> None:
        asked.job(ModelArtifacts={"S3ModelArtifacts": ""})

        assert "the training job coder-1 has left no model" in asked.said(JOB)

    def test_that_are_missing_are_told_by_name(self, asked: Asked) -> None:
        asked.refuses("describe_training_job", "ResourceNotFound", "Requested resource not found.")

        assert "there is no training job coder-1: Requested resource not found." in asked.said(JOB)

    def test_that_may_not_be_described_are_told_with_the_likely_cause(self, asked: Asked) -> None:
        message = "User is not authorized to perform: sagemaker:DescribeTrainingJob"
        asked.refuses("describe_training_job", "AccessDeniedException", message)

        said = asked.said(JOB)
        assert f"[access] SageMaker refuses to describe the training job coder-1: {message}" in said
        assert "likely cause: the import may ask about the one SageMaker model" in with_likely_cause(said)

    def test_that_cannot_be_asked_for_are_told_by_name(self, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(**_: Any) -> None:
            raise EndpointConnectionError(endpoint_url="https://api.sagemaker")

        monkeypatch.setattr(asked.client, "describe_training_job", broken)
        assert "SageMaker cannot be reached for coder-1: Could not connect" in asked.said(JOB)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/coder-1",
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/coder_1",
        f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/{64 * 'a'}",
        f"arn:aws:sagemaker:{REGION}::model/coder-1",
        f"arn:aws:bedrock:{REGION}:{ACCOUNT}:imported-model/coder-1",
        "arn:",
    ],
)
def test_no_other_arn_is_asked_for(asked: Asked, arn: str) -> None:
    assert "is not the ARN of a SageMaker model or training job" in asked.said(arn)


class TestCheck:
    @pytest.fixture(autouse=True)
    def _surroundings(self, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(check, "client_of", lambda _: asked.client)
        monkeypatch.setenv("READABLE", BELOW)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)

    def test_fails_with_the_source_and_what_is_wrong_with_it(self, asked: Asked) -> None:
        asked.job(TrainingJobStatus="Stopped", SecondaryStatus="Stopped")

        with pytest.raises(ArtifactError) as failed:
            check.handler({"weights": JOB, "region": REGION}, None)
        assert str(failed.value).splitlines() == [
            f"{JOB} cannot be imported, 1 error:",
            "- [source] the training job coder-1 is Stopped (a job that is Completed)",
        ]

    def test_reads_nothing_outside_of_what_may_be_read(self) -> None:
        with pytest.raises(ArtifactError, match=r"\[outside\] s3://other/, outside of what"):
            check.handler({"weights": "s3://other/", "region": REGION}, None)
