"""Resolve the weights of an import to an S3 prefix: the declared one, or that of a SageMaker model or training job.

A model or job is described when the import runs. Its weights must be unpacked files below a prefix that the import's
roles may read. Sources: the API reference of DescribeModel (`ContainerDefinition`, `S3ModelDataSource`) and
DescribeTrainingJob (`ModelArtifacts`, `OutputDataConfig`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from model_import.artifacts.findings import shown
from model_import.artifacts.folder import FolderError

_ARN = re.compile(
    r"arn:aws[a-z-]*:sagemaker:[a-z0-9-]+:[0-9]{12}:(?P<kind>model|training-job)/"
    r"(?P<name>[a-zA-Z0-9](-*[a-zA-Z0-9])*)"
)
_LONGEST_NAME = 63
_KINDS = {"model": "SageMaker model", "training-job": "training job"}
_UNPACK = "unpack it below a prefix of its own, and import that prefix"
_UNCOMPRESSED = (
    f"{_UNPACK}; a training job leaves unpacked files with `disable_output_compression=True` in SageMaker's SDK, "
    "which is OutputDataConfig.CompressionType NONE"
)


def is_arn(weights: str) -> bool:
    """Report whether weights are named by an ARN, not by an S3 prefix."""
    return weights.startswith("arn:")


def resolve(weights: str, *, sagemaker: Any, readable: str = "") -> str:
    """Return the S3 prefix of the weights.

    Args:
        weights: `s3://bucket/prefix/`, or the ARN of a SageMaker model or of a training job.
        sagemaker: Client of SageMaker in the import's region; used for ARNs only.
        readable: The S3 prefix below which the import's roles may read; empty where it is not known.

    Returns:
        `s3://bucket/prefix/`; a given prefix is returned unchanged.

    Raises:
        FolderError: There is no such model or job, the job did not complete, the weights are packed, or they are
            outside of the prefix that the roles may read.
    """
    uri = _of_arn(weights, sagemaker) if is_arn(weights) else weights
    inside = uri if uri.endswith("/") else f"{uri}/"
    if readable and not inside.startswith(readable):
        found = f"the weights of {weights} are at {uri}" if is_arn(weights) else uri
        raise FolderError(
            "outside", f"{found}, outside of what the import's roles may read", f"{readable} and what is below it"
        )
    return uri


def _of_arn(arn: str, sagemaker: Any) -> str:
    match = _ARN.fullmatch(arn)
    if not match or len(match["name"]) > _LONGEST_NAME:
        raise FolderError(
            "source",
            f"{shown(arn)} is not the ARN of a SageMaker model or training job",
            "s3://bucket/prefix/, or arn:aws:sagemaker:REGION:ACCOUNT:model/NAME or …:training-job/NAME",
        )
    kind, name = match["kind"], match["name"]
    try:
        if kind == "model":
            described = sagemaker.describe_model(ModelName=name)
            _same(arn, described["ModelArn"])
            return _of_model(name, described)
        described = sagemaker.describe_training_job(TrainingJobName=name)
        _same(arn, described["TrainingJobArn"])
        return _of_training_job(name, described)
    except ClientError as error:
        raise FolderError(*_explained(error, kind, name)) from error
    except BotoCoreError as error:
        raise FolderError("source", f"SageMaker cannot be reached for {name}: {error}", "a network") from error


def _same(asked: str, answered: str) -> None:
    """Refuse an ARN of another account or region; SageMaker writes names in ARNs in lower case."""
    if asked.lower() != answered.lower():
        raise FolderError("source", f"{asked} is of another account or region", f"such as {answered}")


def _of_model(name: str, described: Mapping[str, Any]) -> str:
    """Return the prefix of the weights of a model's only container."""
    primary = described.get("PrimaryContainer")
    containers = [*([primary] if primary else []), *(described.get("Containers") or ())]
    if len(containers) != 1:
        raise FolderError(
            "source", f"the SageMaker model {name} has {len(containers)} containers", "a model with one container"
        )
    [container] = containers
    additional = [one["ChannelName"] for one in container.get("AdditionalModelDataSources") or ()]
    if additional:
        raise FolderError(
            "source",
            f"the SageMaker model {name} has additional data sources, unsupported by bedrock: {', '.join(additional)}",
            "a model whose weights are all below one prefix",
        )
    if container.get("Mode") == "MultiModel":
        raise FolderError("source", f"the SageMaker model {name} hosts many models", "a model with weights of its own")
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source:
        return _of_data_source(name, source)
    url = container.get("ModelDataUrl")
    if url:
        # A ModelDataUrl is always a gzip-compressed tar archive.
        raise FolderError("packed", f"{url}, the data of the SageMaker model {name}, is packed", _UNCOMPRESSED)
    package = container.get("ModelPackageName")
    problem = f"takes its data from the model package {package}" if package else "has no data"
    raise FolderError("source", f"the SageMaker model {name} {problem}", "a model with an S3 data source of its own")


def _of_data_source(name: str, source: Mapping[str, Any]) -> str:
    uri = str(source["S3Uri"])
    if source["CompressionType"] != "None":
        raise FolderError("packed", f"{uri}, the data of the SageMaker model {name}, is packed", _UNCOMPRESSED)
    if source.get("ManifestS3Uri"):
        problem = f"the data of the SageMaker model {name} are listed by the manifest {source['ManifestS3Uri']}"
        raise FolderError("source", problem, "files that are all below one prefix")
    if source["S3DataType"] != "S3Prefix":
        raise FolderError("source", f"{uri}, the data of the SageMaker model {name}, is one file", "a prefix of files")
    return uri


def _of_training_job(name: str, described: Mapping[str, Any]) -> str:
    """Return the prefix of the unpacked output of a completed job."""
    status = described["TrainingJobStatus"]
    if status != "Completed":
        reason = f": {described['FailureReason']}" if described.get("FailureReason") else ""
        raise FolderError("source", f"the training job {name} is {status}{reason}", "a job that is Completed")
    uri = (described.get("ModelArtifacts") or {}).get("S3ModelArtifacts")
    if not uri:
        raise FolderError("source", f"the training job {name} has left no model", "a job that leaves one")
    if (described.get("OutputDataConfig") or {}).get("CompressionType", "GZIP") != "NONE":
        raise FolderError("packed", f"{uri}, the output of the training job {name}, is packed", _UNCOMPRESSED)
    return uri if uri.endswith("/") else f"{uri}/"


def _explained(error: ClientError, kind: str, name: str) -> tuple[str, str, str]:
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    described = f"{_KINDS[kind]} {name}"
    if code == "AccessDeniedException":
        return "access", f"SageMaker refuses to describe the {described}: {message}", "the one that is declared"
    # API reference: DescribeTrainingJob has ResourceNotFound; DescribeModel lists no error: "Could not find model".
    if code == "ResourceNotFound" or (code == "ValidationException" and "not f" in message.lower()):
        return "source", f"there is no {described}: {message}", "a name of this account and region"
    return "source", f"SageMaker refuses to describe the {described}: {code}: {message}", "try again"
