"""Documents of a public S3 bucket, read without credentials and stored in a folder.

Every answer is checked (S3's own checksum where the object has one, and the MD5 that a plain ETag is), then put into
the folder, beside a note of its ETag and SHA-256. A file that still matches its note is asked for with its ETag; S3
then answers 304 and sends no body, so an interrupted run resumes where it was. boto3 is imported when the first
`Downloads` is made, not with this module.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from catalog.paths import inside
from catalog.spec import CatalogError

LARGEST_BYTES = 64 * 1024 * 1024
"""Size of the largest document that is read: a spec has less than 1 MB, the list of all models a few."""

# botocore's standard mode backs off up to 20 s between attempts, which carries a run through throttling.
_ATTEMPTS = 5
# botocore does not repeat a request whose answer broke off.
_BODY_ATTEMPTS = 3
_TIMEOUT_SECONDS = 30
_PLAIN_MD5 = re.compile(r"[0-9a-f]{32}")


class Downloads:
    """Documents of one bucket, stored in a folder. One object asks for a document once, also where that fails."""

    def __init__(self, bucket: str, *, region: str, folder: Path, endpoint_url: str | None, connections: int) -> None:
        """Make a client for unsigned requests.

        Args:
            bucket: Name of the bucket.
            region: AWS region of the bucket.
            folder: Folder for the documents, each under its key; created with the first one.
            endpoint_url: S3's endpoint; AWS's own if None.
            connections: Most connections that stay open, at least 1.

        Raises:
            CatalogError: The AWS configuration of this machine, or the endpoint, is not usable.
        """
        # boto3 takes a quarter of a second to import, and reading the lock needs none of it.
        import boto3  # noqa: PLC0415 - see above
        from botocore import UNSIGNED  # noqa: PLC0415 - see above
        from botocore.config import Config  # noqa: PLC0415 - see above
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see above

        self.bucket = bucket
        self._folder = folder
        self._confirmed: set[str] = set()
        self._failed: dict[str, tuple[str, ...]] = {}
        config = Config(
            signature_version=UNSIGNED,
            max_pool_connections=connections,
            connect_timeout=_TIMEOUT_SECONDS,
            read_timeout=_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        try:
            session = boto3.session.Session(region_name=region)
            self._client: Any = session.client("s3", endpoint_url=endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise CatalogError([f"s3://{bucket} cannot be read: {error}"]) from error

    def read(self, key: str) -> bytes:
        """Read a document: from the folder while S3 still has the same, else from S3.

        Raises:
            CatalogError: S3 does not return it, it does not match its checksum, the folder cannot be written, or the
                key leads out of it.
        """
        if key in self._failed:
            raise CatalogError(self._failed[key])
        path = inside(self._folder, key)
        try:
            kept = _kept(path)
            if kept is not None and key in self._confirmed:
                return kept[0]
            content = self._fetch(key, path, kept)
        except CatalogError as error:
            self._failed[key] = error.problems
            raise
        except OSError as error:
            raise CatalogError([f"{path} cannot be read or written: {error}"]) from error
        self._confirmed.add(key)
        return content

    def _fetch(self, key: str, path: Path, kept: tuple[bytes, str] | None) -> bytes:
        from botocore import exceptions  # noqa: PLC0415 - as for boto3

        place = f"s3://{self.bucket}/{key}"
        condition = {"IfNoneMatch": kept[1]} if kept else {}
        broken = (exceptions.IncompleteReadError, exceptions.ReadTimeoutError, exceptions.ResponseStreamingError)
        for attempt in range(1, _BODY_ATTEMPTS + 1):
            try:
                answer = self._client.get_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED", **condition)
                _check_size(place, answer)
                content: bytes = answer["Body"].read()
            except exceptions.ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if kept and status == HTTPStatus.NOT_MODIFIED:
                    return kept[0]
                raise CatalogError([f"{place} cannot be read: {status} {_reason(error.response, status)}"]) from error
            except exceptions.FlexibleChecksumError as error:
                # botocore compares the checksum that S3 keeps; its message has both values.
                raise CatalogError([f"{place} is damaged: {error}"]) from error
            except exceptions.BotoCoreError as error:
                if isinstance(error, broken) and attempt < _BODY_ATTEMPTS:
                    continue
                raise CatalogError([f"{place} cannot be read: {error}"]) from error
            break
        _check_md5(place, content, answer)
        digest = hashlib.sha256(content).hexdigest()
        _write(path, content)
        _write(_note(path), json.dumps({"etag": answer["ETag"], "sha256": digest}).encode())
        return content


def default_folder() -> Path:
    """Return the default folder for documents: in `XDG_CACHE_HOME`, else in `.cache` of the user's home."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jumpstack" / "jumpstart"


def _check_size(place: str, answer: Mapping[str, Any]) -> None:
    if answer["ContentLength"] > LARGEST_BYTES:
        size = f"{answer['ContentLength']} bytes"
        raise CatalogError(
            [f"{place} has {size}: allowed are {LARGEST_BYTES}, more than any list of models or spec has"]
        )


def _check_md5(place: str, content: bytes, answer: Mapping[str, Any]) -> None:
    """Compare a plain ETag with the content; that of a KMS-encrypted or multipart object is no MD5."""
    etag = answer["ETag"].strip('"')
    if _PLAIN_MD5.fullmatch(etag) and "kms" not in answer.get("ServerSideEncryption", ""):
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if digest != etag:
            raise CatalogError([f"{place} is damaged: its md5 is {digest}, s3 says {etag}"])


def _reason(response: Any, status: int) -> str:
    code = str(response["Error"].get("Code", ""))
    if status == HTTPStatus.FORBIDDEN:
        # S3 does not say whether an object is there to those who may not list the bucket.
        return "AccessDenied, which is also what s3 says of objects that are not there"
    return code if code != str(status) else HTTPStatus(status).phrase


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.note")


def _kept(path: Path) -> tuple[bytes, str] | None:
    """Return a file's content and ETag, where the file matches its note."""
    try:
        note = json.loads(_note(path).read_bytes())
        content = path.read_bytes()
        whole = hashlib.sha256(content).hexdigest() == note["sha256"]
        return (content, str(note["etag"])) if whole else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, content: bytes) -> None:
    """Replace a whole file in one step: an interrupt leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
