"""Access to licences, artifacts, images and model packages that a deployment reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from catalog.deployment import Deployment, ImageUri
from stacks.preflight.findings import Finding, Level
from tools.account.questions import (
    DENIALS,
    ClientFactory,
    NotAnsweredError,
    Planned,
    ask,
    grouped,
    places,
)

_ABSENCES = {"404", "NoSuchBucket", "NoSuchKey", "NotFound"}


def documents(planned: Sequence[Planned], client: ClientFactory) -> Iterator[Finding]:
    """Check that licences and artifacts are at the catalogue's places, and can be read."""
    wanted: dict[tuple[str, str, str, str], list[Planned]] = {}
    for one in planned:
        region = one.place.region
        for what, location in _locations(one.deployment):
            bucket, key = _bucket_and_key(location)
            wanted.setdefault((what, region, bucket, key), []).append(one)
    for (what, region, bucket, key), users in wanted.items():
        try:
            finding = _document_finding(what, region, bucket, key, client)
        except (BotoCoreError, ResponseParserError) as error:
            finding = (Level.NOT_CHECKED, f"{what} s3://{bucket}/{key}: {error}")
        if finding is not None:
            yield Finding(level=finding[0], place=places(users), message=finding[1])


def _locations(deployment: Deployment) -> Iterator[tuple[str, str]]:
    if deployment.eula:
        yield "licence", deployment.eula
    if deployment.model_data:
        yield "gated artifact" if deployment.gated else "artifact", deployment.model_data
    for data in deployment.additional_model_data:
        gated = "gated " if "-private-" in _bucket_and_key(data.uri)[0] else ""
        yield f"{gated}model data {data.channel_name}", data.uri
        if data.eula:
            yield f"licence of {data.channel_name}", data.eula


def _bucket_and_key(location: str) -> tuple[str, str]:
    """Return bucket and key of an `s3://` URI or of a virtual-hosted S3 URL."""
    parts = urlsplit(location)
    bucket = parts.netloc if parts.scheme == "s3" else parts.netloc.partition(".s3.")[0]
    return bucket, unquote(parts.path.removeprefix("/"))


def _document_finding(what: str, region: str, bucket: str, key: str, client: ClientFactory) -> tuple[Level, str] | None:
    place = f"{what} s3://{bucket}/{key}"
    code = _read_code(client("s3", region=region), bucket, key)
    if code in DENIALS and what.startswith("gated"):
        text = f"{place} may not be read with these credentials ({code}), as is usual for the private bucket"
        return Level.NOT_CHECKED, f"{text}: sagemaker reads it once accept_eula is set"
    if code in DENIALS:
        # The bucket is public. Whoever signs is bound by policies of their own; whoever does not is not.
        unsigned = _read_code(client("s3", region=region, signed=False), bucket, key)
        if unsigned is None:
            return Level.WARNING, f"{place} may not be read with these credentials ({code}), but without any it may"
        if unsigned in DENIALS:
            text = f"{place} may not be read, with these credentials or without any ({code}): needed is a public one"
            return Level.ERROR, f"{text}; s3 says the same of what is not there in a bucket that may not be listed"
        code = unsigned
    if code in _ABSENCES:
        return Level.ERROR, f"{place} is not there ({code}): choose another version, or update the lock"
    return (Level.NOT_CHECKED, f"{place}: s3 answers {code}") if code else None


def _read_code(s3: Any, bucket: str, key: str) -> str | None:
    """Return S3's error code; None where the object, or one below the prefix, can be read."""
    try:
        if not key.endswith("/"):
            s3.head_object(Bucket=bucket, Key=key)
        elif not s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
            return "404"
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


def images(planned: Sequence[Planned], client: ClientFactory) -> Iterator[Finding]:
    """Check that the images are in their registries."""
    with_image = [one for one in planned if one.deployment.image]
    for uri, users in grouped(with_image, lambda one: one.deployment.image or "").items():
        image = ImageUri.parse(uri)
        separator = "@" if "@" in image.name else ":"
        reference = image.name.partition(separator)[2] or "latest"
        identifier = {"imageDigest": reference} if separator == "@" else {"imageTag": reference}
        try:
            answer = ask(
                "ecr:BatchGetImage",
                client("ecr", region=image.region).batch_get_image,
                registryId=image.account,
                repositoryName=image.repository,
                imageIds=[identifier],
            )
        except NotAnsweredError as error:
            absent = error.code == "RepositoryNotFoundException"
            level = Level.ERROR if absent else Level.NOT_CHECKED
            yield Finding(level=level, place=places(users), message=f"image {uri}: {error}")
            continue
        for failure in answer.get("failures", []):
            text = f"image {uri} is not in the registry ({failure['failureCode']}): choose another version"
            yield Finding(level=Level.ERROR, place=places(users), message=text)


def packages(planned: Sequence[Planned], client: ClientFactory) -> Iterator[Finding]:
    """Check that the model packages are there; those that are sold need a subscription."""
    with_package = [one for one in planned if one.deployment.model_package]
    for arn, users in grouped(with_package, lambda one: one.deployment.model_package or "").items():
        sagemaker = client("sagemaker", region=users[0].place.region)
        try:
            ask("sagemaker:DescribeModelPackage", sagemaker.describe_model_package, ModelPackageName=arn)
        except NotAnsweredError as error:
            # SageMaker says so of packages that do not exist.
            absent = error.code == "ValidationException"
            level = Level.ERROR if absent else Level.NOT_CHECKED
            yield Finding(level=level, place=places(users), message=f"model package {arn}: {error}")
