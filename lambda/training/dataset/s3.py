"""Read data below a prefix in S3, in one pass, with retries after dropped connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from training.dataset.sources import CHUNK_BYTES, File, SourceError, by_name

_ATTEMPTS: Final = 5
"""Retries after dropped connections in a row that returned no byte."""


class S3Prefix:
    """The files that a training channel of type S3Prefix downloads: all objects whose keys start with the prefix."""

    def __init__(self, client: Any, uri: str, *, sleep: Callable[[float], object] = time.sleep) -> None:
        """Parse the URI; nothing is read yet.

        Args:
            client: S3 client of boto3, with `s3:ListBucket` on the bucket and `s3:GetObject` on the prefix.
            uri: `s3://<bucket>/<prefix>`; a slash is appended, so that `data` does not match `database/`.
            sleep: Waits a number of seconds between attempts.

        Raises:
            SourceError: The URI is malformed.
        """
        parts = urlsplit(uri, allow_fragments=False)
        if parts.scheme != "s3" or not parts.netloc or parts.query:
            raise SourceError(f"{uri!r} is no folder in S3; allowed: s3://<bucket>/<prefix>/")
        prefix = parts.path.strip("/")
        self._client = client
        self._bucket = parts.netloc
        self._prefix = f"{prefix}/" if prefix else ""
        self._sleep = sleep

    @property
    def uri(self) -> str:
        """`s3://<bucket>/<prefix>/`."""
        return f"s3://{self._bucket}/{self._prefix}"

    def files(self) -> Sequence[File]:
        """List all objects except the empty ones that stand for folders; see `Source.files`."""
        found = []
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for item in page.get("Contents", []):
                    if not (item["Key"].endswith("/") and not item["Size"]):
                        found.append(File(item["Key"][len(self._prefix) :], item["Size"], item["ETag"]))
        except (ClientError, BotoCoreError) as error:
            raise SourceError(f"{self.uri} cannot be listed: {error}") from error
        return sorted(found, key=by_name)

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield the object's content; see `Source.chunks`.

        After a dropped connection, reading continues at the next byte, as long as the object is the listed one.
        """
        offset = 0
        failures = 0
        while offset < file.size:
            try:
                for chunk in self._body(file, offset):
                    offset += len(chunk)
                    failures = 0
                    yield chunk
                if offset < file.size:
                    raise ConnectionError(f"the connection ended {file.size - offset} bytes early")
            except ClientError as error:
                raise SourceError(self._refused(file, error)) from error
            except (BotoCoreError, OSError) as error:
                failures += 1
                if failures > _ATTEMPTS:
                    message = f"{self.uri}{file.name} cannot be read beyond byte {offset} of {file.size}: {error}"
                    raise SourceError(message) from error
                self._sleep(min(2**failures / 10, 2.0))

    def _body(self, file: File, offset: int) -> Iterator[bytes]:
        rest: dict[str, Any] = {"Range": f"bytes={offset}-"} if offset else {}
        answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + file.name, IfMatch=file.tag, **rest)
        with answer["Body"] as body:
            while chunk := body.read(CHUNK_BYTES):
                yield chunk

    def _refused(self, file: File, error: ClientError) -> str:
        code = error.response.get("Error", {}).get("Code", "")
        if code in {"PreconditionFailed", "412"}:
            return f"{self.uri}{file.name} was replaced while it was read; start again when the upload is complete"
        return f"{self.uri}{file.name} cannot be read: {error}"
