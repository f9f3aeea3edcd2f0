"""The public buckets of SageMaker JumpStart, `jumpstart-cache-prod-<region>`, as far as this project needs them.

They are AWS's, of another account, and anybody may read them without a signature. What is in them here is a stand-in
(`localaws/data/jumpstart`): a manifest, the spec documents of a few models, and a tiny object for every
script and archive that these name. A region's bucket is made when somebody first asks for it; not so where the
environment variable `LOCALAWS_JUMPSTART` is `none`, for who wants to fill the buckets otherwise.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from moto.s3.models import s3_backends

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# The account is AWS's own; any that is not `settings.ACCOUNT` does.
_AWS_ACCOUNT: Final = "111122223333"
_BUCKET: Final = re.compile(r"/(jumpstart-cache-prod-([a-z]{2}(?:-[a-z]+)+-\d))(?:/.*)?")
_DOCUMENTS: Final = Path(__file__).parent / "data" / "jumpstart"
_MANIFEST: Final = "models_manifest.json"
_PLACEHOLDER: Final = b"a stand-in of the local AWS\n"
_LOCK: Final = threading.Lock()


def handle(environ: WSGIEnvironment, _start_response: StartResponse) -> Iterable[bytes] | None:
    """Make the bucket that a request is about, if it is one of JumpStart's; the answer is always left to S3."""
    match = _match(environ.get("PATH_INFO", ""))
    if match is not None and os.environ.get("LOCALAWS_JUMPSTART") != "none":
        with _LOCK:
            ensure(match.group(1), match.group(2))
    return None


def is_public(path: str) -> bool:
    """Return whether a path is that of one of JumpStart's buckets, or of an object in it."""
    return _match(path) is not None


def _match(path: str) -> re.Match[str] | None:
    match = _BUCKET.fullmatch(path)
    # Anybody may ask, and makes a bucket by that: of each region there is one, and of any other text none.
    return match if match is not None and match.group(2) in _regions() else None


@functools.cache
def _regions() -> frozenset[str]:
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    return frozenset(
        region for partition in partitions for region in session.get_available_regions("sagemaker", partition)
    )


def ensure(bucket: str, region: str) -> None:
    """Make a region's bucket with its objects, unless it is there."""
    backend = s3_backends[_AWS_ACCOUNT]["aws"]
    if bucket in s3_backends.bucket_accounts:
        return
    backend.create_bucket(bucket, region)
    backend.put_bucket_policy(bucket, json.dumps(_policy(bucket)).encode())
    for key, body in _objects():
        backend.put_object(bucket, key, body)


def _policy(bucket: str) -> Mapping[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    # What nobody is allowed in AWS by no statement is denied here by one: moto lets anybody write into any account.
    refusal = {**statement, "Effect": "Deny", "Action": ["s3:PutObject", "s3:DeleteObject", "s3:DeleteBucket"]}
    return {"Version": "2012-10-17", "Statement": [statement, refusal]}


def _objects() -> Iterator[tuple[str, bytes]]:
    named: set[str] = set()
    for path in sorted(_DOCUMENTS.rglob("*.json")):
        body = path.read_bytes()
        key = path.relative_to(_DOCUMENTS).as_posix()
        yield key, body
        if key != _MANIFEST:
            named.update(_named_keys(json.loads(body)))
    for key in sorted(named):
        # A prefix stands for the files of a model.
        yield f"{key}config.json" if key.endswith("/") else key, _PLACEHOLDER


def _named_keys(document: Any) -> Iterator[str]:
    """Give the keys of scripts and artifacts that a spec document names, in whatever place."""
    if isinstance(document, list):
        for item in document:
            yield from _named_keys(item)
    elif isinstance(document, Mapping):
        for name, value in document.items():
            if name.endswith(("script_key", "artifact_key")) and isinstance(value, str) and value:
                yield value
            else:
                yield from _named_keys(value)
