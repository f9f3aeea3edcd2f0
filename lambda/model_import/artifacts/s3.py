"""List a model's files in S3, and read ranges of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from model_import.artifacts.findings import shown
from model_import.artifacts.folder import MAX_FILES, File, FolderError, ReadError, too_many
from model_import.artifacts.limits import MAX_S3_URI, S3_URI

_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}
_RESTORE = "restore it into a storage class that is read at once"
_ACCESS = "s3:ListBucket on the bucket and s3:GetObject on its objects"
_REFUSALS = {
    "NoSuchBucket": ("no-folder", "a bucket that exists"),
    "AccessDenied": ("access", _ACCESS),
    "403": ("access", _ACCESS),
    "InvalidObjectState": ("archived", _RESTORE),
}


class S3Folder:
    """A prefix in S3 with an unpacked model."""

    def __init__(self, client: Any, uri: str) -> None:
        """Parse the URI; nothing is requested yet.

        Args:
            client: Client of S3 from boto3, whose pool should have as many connections as there are readers.
            uri: `s3://bucket/prefix/`, in the pattern of CreateModelImportJob; the last slash may be left out.

        Raises:
            FolderError: The URI does not match that pattern.
        """
        self._client = client
        if len(uri) > MAX_S3_URI or not S3_URI.fullmatch(uri):
            allowed = "s3://bucket/prefix/ of letters, digits and -!_*'().; at most 1024 characters"
            raise FolderError("s3-uri", f"{shown(uri)} is no S3 URI that bedrock accepts", allowed)
        self._bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        self._prefix = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"
        self._files: dict[str, File] = {}
        self._archived: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def place(self) -> str:
        """The URI, with a slash at its end unless it turned out to be a file's."""
        return f"s3://{self._bucket}/{self._prefix}"

    def files(self) -> Mapping[str, File]:
        """See `Folder.files`. The empty object that the console creates for a folder is no file."""
        try:
            self._list()
            if not self._files and self._prefix and self._is_object():
                self._prefix = self._prefix.rstrip("/")
                allowed = "name the prefix that holds config.json, unpacked"
                raise FolderError("not-a-folder", f"{self.place} is a file, not a prefix", allowed)
        except ClientError as error:
            raise FolderError(*_explained(error, f"list {self.place}")) from error
        except BotoCoreError as error:
            raise FolderError("s3", f"{self.place} cannot be listed: {error}", "credentials and a network") from error
        if not self._files:
            raise FolderError("no-folder", f"{self.place} holds no files", "name the prefix that holds config.json")
        return dict(self._files)

    def read(self, name: str, start: int, length: int) -> bytes:
        """See `Folder.read`. A file that changed since it was listed is refused."""
        if name in self._archived:
            raise ReadError("archived", f"its storage class is {self._archived[name]}", _RESTORE)
        if not length:
            return b""
        tag = self._files[name].tag
        try:
            answer = self._client.get_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Range=f"bytes={start}-{start + length - 1}",
                IfMatch=f'"{tag}"',
            )
            body: bytes = answer["Body"].read(length)
        except ClientError as error:
            raise ReadError(*_explained(error, "read it")) from error
        except BotoCoreError as error:
            raise ReadError("s3", f"it cannot be read: {error}", "try again") from error
        return body

    def _list(self) -> None:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                name = entry["Key"][len(self._prefix) :]
                if not name or name.endswith("/"):
                    continue
                self._files[name] = File(entry["Size"], entry["ETag"].strip('"'))
                if entry.get("StorageClass") in _ARCHIVED:
                    self._archived[name] = entry["StorageClass"]
            if len(self._files) > MAX_FILES:
                raise too_many(self.place)

    def _is_object(self) -> bool:
        key = self._prefix.rstrip("/")
        page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1)
        return any(entry["Key"] == key for entry in page.get("Contents", ()))


def _explained(error: ClientError, action: str) -> tuple[str, str, str]:
    """Return the `rule`, `problem` and `allowed` of a finding about an error."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    message = str(error.response.get("Error", {}).get("Message", ""))
    problem = f"s3 refuses to {action}: {code}: {message}"
    # S3 passes errors of KMS on: with codes of their own, or as an access denied that names the action.
    if code.startswith("KMS.") or "kms:" in message.lower():
        return "kms", problem, "kms:Decrypt on the key, in its policy and the reader's, and the key enabled"
    if code in {"PreconditionFailed", "NoSuchKey", "404"}:
        return "changed", f"the file changed while it was checked ({code})", "check again once the upload is complete"
    rule, allowed = _REFUSALS.get(code, ("s3", "try again, or check the bucket's settings"))
    return rule, problem, allowed
