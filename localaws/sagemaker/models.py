"""Checks of CreateModel: the role can be assumed, and reads the image and the weights."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from localaws import clients, iam, settings
from localaws.clients import role_client
from localaws.iam.policy import Decision, Request, evaluate

_SERVICE: Final = "sagemaker.amazonaws.com"
_ECR_IMAGE: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+)[:@].+"
)

# What `docker pull` needs of a repository (ECR documentation, "Repository policy examples").
_PULL_ACTIONS: Final = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")

# The artifacts of models with an end-user licence agreement lie in these buckets.
_GATED_BUCKET_PREFIX: Final = "jumpstart-private-cache-prod-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """The place of a model's weights.

    Attributes:
        uri: The S3 URI as it was given.
        bucket: Its bucket.
        key: Its key; of a prefix the prefix.
        is_prefix: Whether it stands for all objects below it.
    """

    uri: str
    bucket: str
    key: str
    is_prefix: bool


def container_of(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container that a model's `PrimaryContainer` or its only one of `Containers` describes.

    Raises:
        ValueError: If there is none, or an inference pipeline of several.
    """
    containers = [parameters["PrimaryContainer"]] if parameters.get("PrimaryContainer") else []
    containers += parameters.get("Containers") or []
    if len(containers) != 1:
        raise ValueError(f"the local AWS runs models with one container: this one has {len(containers)}")
    container: Mapping[str, Any] = containers[0]
    return container


def problem(parameters: Mapping[str, Any], *, region: str) -> str | None:
    """Return why CreateModel refuses `parameters`, or None.

    The wording about the role and the model data is AWS's, as users quote it; the one about images of another region,
    missing ECR permissions and a licence that was not accepted is a guess: AWS documents the rule, not the words.
    """
    try:
        container = container_of(parameters)
        artifact = artifact_of(container)
    except ValueError as error:
        return str(error)
    role_arn = parameters.get("ExecutionRoleArn", "")
    return (
        role_problem(role_arn, source=hosting_source(region))
        or image_problem(container.get("Image", ""), role_arn=role_arn, region=region)
        or (_artifact_problem(artifact, container, role_arn=role_arn, region=region) if artifact else None)
    )


def artifact_of(container: Mapping[str, Any]) -> Artifact | None:
    """Return where a container's weights lie, or None if it has none.

    Source of the rules: the API reference of `S3ModelDataSource` and `ContainerDefinition`.

    Raises:
        ValueError: If the data source is malformed.
    """
    url = container.get("ModelDataUrl")
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if url is not None and source is not None:
        raise ValueError("ModelDataUrl and ModelDataSource cannot be given together")
    if source is not None:
        is_prefix = source["S3DataType"] == "S3Prefix"
        uri = source["S3Uri"]
        if is_prefix and not uri.endswith("/"):
            raise ValueError(f"S3Uri {uri} with S3DataType S3Prefix must end with a forward slash")
        if is_prefix and source["CompressionType"] == "Gzip":
            raise ValueError(f"S3Uri {uri} with CompressionType Gzip must name one object: use S3DataType S3Object")
    elif url is not None:
        is_prefix, uri = False, url
        if not uri.endswith(".tar.gz"):
            raise ValueError(f"ModelDataUrl {uri} must name a gzip compressed tar archive (.tar.gz)")
    else:
        return None
    parts = urlsplit(uri)
    return Artifact(uri=uri, bucket=parts.netloc, key=parts.path.removeprefix("/"), is_prefix=is_prefix)


def hosting_source(region: str) -> str:
    """Return the source that SageMaker names when it takes on the role of a model.

    Developer guide, "Cross-service confused deputy prevention", section on inference: the ARN's asterisk does not stand
    for a wildcard, so that a trust policy which names a model or an endpoint is not met.
    """
    return f"arn:aws:sagemaker:{region}:{settings.ACCOUNT}:*"


def role_problem(role_arn: str, *, source: str) -> str | None:
    """Return why SageMaker cannot take on a role, or None.

    Args:
        role_arn: The role.
        source: ARN of what SageMaker works for, for the trust policy's `aws:SourceArn`.
    """
    context = {"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": source}
    if iam.can_be_assumed_by(role_arn, _SERVICE, context=context):
        return None
    return (
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        f"'{_SERVICE}' to assume the role."
    )


def image_problem(image: str, *, role_arn: str, region: str) -> str | None:
    """Return why an image cannot be pulled with a role, or None."""
    match = _ECR_IMAGE.fullmatch(image)
    if match is None:
        return f'Using non-ECR image "{image}" without Vpc repository access mode is not supported.'
    if match["region"] != region:
        return f'The image "{image}" is in {match["region"]}: a model in {region} needs an image in {region}.'
    repository = f"arn:aws:ecr:{region}:{match['account']}:repository/{match['repository']}"
    missing = [action for action in _PULL_ACTIONS if not _may(role_arn, action, repository)]
    if not _may(role_arn, "ecr:GetAuthorizationToken", "*"):
        missing.append("ecr:GetAuthorizationToken")
    if missing:
        return f'Could not access image "{image}": the role "{role_arn}" does not have {", ".join(missing)}.'
    return None


def _artifact_problem(artifact: Artifact, container: Mapping[str, Any], *, role_arn: str, region: str) -> str | None:
    objects = f"arn:aws:s3:::{artifact.bucket}/{artifact.key}{'*' if artifact.is_prefix else ''}"
    readable = _may(role_arn, "s3:GetObject", objects)
    listable = not artifact.is_prefix or _may(role_arn, "s3:ListBucket", f"arn:aws:s3:::{artifact.bucket}")
    if not (readable and listable):
        return (
            f'Could not access model data at {artifact.uri}. Please ensure that the role "{role_arn}" exists and that '
            f'its trust relationship policy allows the action "sts:AssumeRole" for the service principal '
            f'"{_SERVICE}". Also ensure that the role has "s3:GetObject" permissions and that the object is located '
            f"in {region}. If your Model uses multiple models or uncompressed models, please ensure that the role has "
            '"s3:ListBucket" permission.'
        )
    if artifact.bucket.startswith(_GATED_BUCKET_PREFIX) and not _licence_accepted(container):
        return f"The model data at {artifact.uri} needs ModelAccessConfig.AcceptEula to be true."
    if not _exists(artifact):
        return f"Could not find model data at {artifact.uri}."
    return None


def _licence_accepted(container: Mapping[str, Any]) -> bool:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    return (source.get("ModelAccessConfig") or {}).get("AcceptEula") is True


def _exists(artifact: Artifact) -> bool:
    """Return whether the weights are there; of the buckets of AWS, which are not here, it is taken for granted."""
    bucket = own_bucket(artifact)
    if bucket is None:
        return True
    if artifact.is_prefix:
        return any(key.startswith(artifact.key) for key in bucket.keys)
    return artifact.key in bucket.keys


def own_bucket(artifact: Artifact) -> Any:
    """Return moto's bucket that an artifact lies in, or None if that is none of this account's."""
    return s3_backends[settings.ACCOUNT]["aws"].buckets.get(artifact.bucket)


def loading_problem(container: Mapping[str, Any], *, role_arn: str, region: str) -> str | None:
    """Return why a container cannot load its model from a bucket of this account, or None.

    What is tried is what a server for language models needs first: `config.json` below the prefix, read with the
    model's role. Of AWS's own buckets it is taken for granted.
    """
    artifact = artifact_of(container)
    if artifact is None or not artifact.is_prefix or own_bucket(artifact) is None:
        return None
    key = f"{artifact.key}config.json"
    try:
        s3 = role_client("s3", region, role_arn, session_name="SageMaker")
        answer = s3.get_object(Bucket=artifact.bucket, Key=key)
        if answer.get("ServerSideEncryption") == "aws:kms" and "SSEKMSKeyId" in answer:
            metadata = clients.client("kms", region).describe_key(KeyId=answer["SSEKMSKeyId"])["KeyMetadata"]
            if not iam.role_may(role_arn, "kms:Decrypt", metadata["Arn"]):
                return f"{role_arn} is not authorized to perform: kms:Decrypt on {metadata['Arn']}"
        with answer["Body"] as body:
            json.loads(body.read())
    except ClientError as error:
        details = error.response["Error"]
        return f"s3://{artifact.bucket}/{key}: {details['Code']}: {details['Message']}"
    except ValueError as error:
        return f"s3://{artifact.bucket}/{key} is no JSON: {error}"
    return None


def _may(role_arn: str, action: str, resource: str) -> bool:
    request = Request(action=action, resource=resource)
    return evaluate(iam.role_statements(role_arn), request) is Decision.ALLOWED
