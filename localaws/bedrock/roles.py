"""The service role of an import, really tried: whether Bedrock may take it on, and what it may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends

from localaws import clients, iam, settings
from localaws.bedrock.artifacts import ImportFailure
from localaws.bedrock.store import ImportJob

_SERVICE: Final = "bedrock.amazonaws.com"

# Bedrock User Guide, "Protect custom model import jobs using a VPC".
_VPC_ACTIONS: Final = (
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:CreateTags",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
)


def can_be_assumed(role_arn: str, *, job_arn: str, propagation_seconds: float) -> bool:
    """Return whether Bedrock may take on a role for a job.

    Args:
        role_arn: The role.
        job_arn: The job, for the trust policy's `aws:SourceArn`.
        propagation_seconds: Time that a new role is unknown to Bedrock.
    """
    try:
        role = iam_backends[settings.ACCOUNT]["aws"].get_role_by_arn(role_arn)
    except NotFoundException:
        return False
    age = datetime.now(UTC) - role.create_date.replace(tzinfo=UTC)
    source = {"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": job_arn}
    return age.total_seconds() >= propagation_seconds and iam.can_be_assumed_by(role_arn, _SERVICE, context=source)


class RoleFiles:
    """The files below a job's prefix, read over S3's API with the job's role: its policies decide, and the bucket's.

    Args:
        job: The import job.
    """

    def __init__(self, job: ImportJob) -> None:
        source = job.request["modelDataSource"]["s3DataSource"]["s3Uri"]
        self._bucket, _, key = source.removeprefix("s3://").partition("/")
        self._prefix = f"{key.rstrip('/')}/" if key.strip("/") else ""
        self._role_arn = job.request["roleArn"]
        self.uri = f"s3://{self._bucket}/{self._prefix}"
        self.region = job.region

    def sizes(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by its name below the prefix.

        Raises:
            ImportFailure: If the role may not list the bucket.
        """
        return self._sizes

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """Return the bytes of a file from `start` up to, without, `end`.

        Raises:
            ImportFailure: If the role may not read or decrypt the file.
        """
        span = {} if end is None else {"Range": f"bytes={start}-{end - 1}"}
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name, **span)
        except ClientError as error:
            raise self._failure(f"read s3://{self._bucket}/{self._prefix}{name}", error) from None
        if answer.get("ServerSideEncryption") == "aws:kms" and "SSEKMSKeyId" in answer:
            self._require_decryption(answer["SSEKMSKeyId"])
        with answer["Body"] as body:
            data: bytes = body.read()
        return data

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        try:
            return dict(self._listed())
        except ClientError as error:
            raise self._failure(f"list {self.uri}", error) from None

    def _listed(self) -> Iterator[tuple[str, int]]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix):
            for item in page.get("Contents", []):
                yield item["Key"].removeprefix(self._prefix), item["Size"]

    @cached_property
    def _s3(self) -> Any:
        sts = clients.client("sts", self.region)
        session = sts.assume_role(RoleArn=self._role_arn, RoleSessionName="model-import")["Credentials"]
        return boto3.session.Session().client(
            "s3",
            region_name=self.region,
            endpoint_url=settings.current().url,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def _require_decryption(self, key_id: str) -> None:
        key_arn = clients.client("kms", self.region).describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
        if not iam.role_may(self._role_arn, "kms:Decrypt", key_arn):
            raise ImportFailure(
                f"Amazon Bedrock could not decrypt the files in {self.uri}: the role {self._role_arn} does not have "
                f"kms:Decrypt on {key_arn}."
            )

    def _failure(self, what: str, error: ClientError) -> ImportFailure:
        detail = error.response.get("Error", {})
        return ImportFailure(
            f"Amazon Bedrock could not {what} with the role {self._role_arn}: "
            f"{detail.get('Code')}: {detail.get('Message')}"
        )


def missing_vpc_actions(role_arn: str) -> list[str]:
    """Return what a role lacks to import within a VPC."""
    return [action for action in _VPC_ACTIONS if not iam.role_may(role_arn, action, None)]
