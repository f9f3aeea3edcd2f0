"""The data of a training job, read and written over S3's API with the job's role."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from localaws import clients, iam
from localaws.clients import role_client

_CHUNK_BYTES: Final = 1 << 20

# The artifacts of models with an end-user licence agreement lie in these buckets of AWS's, which are not here.
_GATED_BUCKET_PREFIX: Final = "jumpstart-private-cache-prod-"

# So much of the data is kept to build a tokenizer from.
_SAMPLE_BYTES: Final = 20_000


class TrainingFailure(Exception):  # noqa: N818 - it is the outcome of a job, not a fault of the program
    """The reason for a job's failure; the text is its `FailureReason`."""


@dataclass(slots=True)
class Reading:
    """The data that a job read.

    Attributes:
        objects: Number of objects.
        size: Number of bytes.
        digest: The SHA-256 over all keys and bytes, in the order of the channels and keys.
        sample: The beginning of the data.
    """

    objects: int = 0
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    sample: bytes = b""


class RoleBucket:
    """S3 as a training job sees it.

    Args:
        region: The job's region.
        role_arn: The job's role.
        session_name: The name of the role's session.
    """

    def __init__(self, region: str, role_arn: str, session_name: str) -> None:
        self._region = region
        self._role_arn = role_arn
        self._s3 = role_client("s3", region, role_arn, session_name=session_name)

    def keys(self, uri: str) -> Iterator[str]:
        """Give the keys below a prefix.

        Raises:
            botocore.exceptions.ClientError: If the role may not list them or there is no such bucket.
        """
        parts = urlsplit(uri)
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=parts.netloc, Prefix=parts.path.removeprefix("/")
        )
        for page in pages:
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def read(self, uri: str, reading: Reading) -> None:
        """Read everything below a prefix.

        Raises:
            TrainingFailure: If the role may not read or decrypt it.
        """
        bucket = urlsplit(uri).netloc
        if bucket.startswith(_GATED_BUCKET_PREFIX):
            return
        try:
            for key in self.keys(uri):
                self._read_object(bucket, key, reading)
        except ClientError as error:
            details = error.response["Error"]
            raise TrainingFailure(
                f"ClientError: Data download failed: {details['Code']}: {details['Message']} ({uri})"
            ) from error

    def _read_object(self, bucket: str, key: str, reading: Reading) -> None:
        answer = self._s3.get_object(Bucket=bucket, Key=key)
        if answer.get("ServerSideEncryption") == "aws:kms" and "SSEKMSKeyId" in answer:
            self.require_key("kms:Decrypt", answer["SSEKMSKeyId"], "Data download failed")
        reading.objects += 1
        reading.digest.update(key.encode())
        with answer["Body"] as body:
            for chunk in iter(lambda: body.read(_CHUNK_BYTES), b""):
                reading.size += len(chunk)
                reading.digest.update(chunk)
                reading.sample += chunk[: _SAMPLE_BYTES - len(reading.sample)]

    def write(self, uri: str, files: Mapping[str, bytes], kms_key: str | None) -> None:
        """Write files below a prefix.

        Raises:
            TrainingFailure: If the role may not write or encrypt there.
        """
        parts = urlsplit(uri)
        if kms_key is not None:
            self.require_key("kms:GenerateDataKey", kms_key, "Artifact upload failed")
        encryption = {} if kms_key is None else {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key}
        for name, body in files.items():
            key = parts.path.removeprefix("/") + name
            try:
                self._s3.put_object(Bucket=parts.netloc, Key=key, Body=body, **encryption)
            except ClientError as error:
                details = error.response["Error"]
                raise TrainingFailure(
                    f"ClientError: Artifact upload failed: {details['Code']}: {details['Message']} "
                    f"(s3://{parts.netloc}/{key})"
                ) from error

    def require_key(self, action: str, key_id: str, what: str) -> None:
        """Fail where the role may not do something with a key.

        Args:
            action: Such as `kms:Decrypt`.
            key_id: Id or ARN of the key.
            what: Beginning of the failure's reason.

        Raises:
            TrainingFailure: If the role may not.
        """
        key_arn = clients.client("kms", self._region).describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
        if not iam.role_may(self._role_arn, action, key_arn):
            raise TrainingFailure(
                f"ClientError: {what}: the role {self._role_arn} is not authorized to perform: {action} on {key_arn}"
            )


def missing_data(bucket: RoleBucket, channels: Any, *, role_arn: str, region: str) -> str | None:
    """Return why CreateTrainingJob refuses the channels, or None; the words are AWS's, as users quote them."""
    for channel in channels:
        source = (channel.get("DataSource") or {}).get("S3DataSource")
        if source is None:
            return f"channel {channel['ChannelName']}: the local AWS reads data of an S3DataSource only"
        if source.get("S3DataType") != "S3Prefix":
            return f"channel {channel['ChannelName']}: the local AWS reads an S3DataType of S3Prefix only"
        name = urlsplit(source["S3Uri"]).netloc
        if name.startswith(_GATED_BUCKET_PREFIX):
            continue
        try:
            found = next(bucket.keys(source["S3Uri"]), None)
        except ClientError:
            found = None
        if found is None:
            return (
                f'No S3 objects found under S3 URL "{source["S3Uri"]}" given in input data source. Please ensure that '
                f"the bucket exists in the selected region ({region}), that objects exist under that S3 prefix, and "
                f'that the role "{role_arn}" has "s3:ListBucket" permissions on bucket "{name}".'
            )
    return None
