"""Check the artifacts of an import before Bedrock gets them: the first step of the state machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.config import Config

from model_import.artifacts.findings import ArtifactError, Report, ascii_text
from model_import.artifacts.folder import FolderError
from model_import.artifacts.report import check, refused
from model_import.artifacts.s3 import S3Folder
from model_import.artifacts.shards import READERS
from model_import.clients import client as client_of
from model_import.contract import PREFIX_SOURCE
from model_import.sources import is_arn, resolve

__all__ = ["ArtifactError", "check_uri", "handler"]

# One connection a reader; S3 answers a range in tens of milliseconds, and standard retries cover its 503s.
_SETTINGS = Config(max_pool_connections=READERS, retries={"mode": "standard", "max_attempts": 5}, read_timeout=20)


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Check the weights of an import.

    Args:
        event: `weights`, an S3 URI of an unpacked model such as `s3://bucket/prefix/`, or the ARN of a SageMaker model
            or of a training job, which SageMaker resolves to one; and `region`, the import's.

    Returns:
        `weights`, the URI with a slash at its end; `source`, the ARN, or `s3` for a URI; `errors`, always empty;
        `warnings`, each with `severity`, `rule`, `place`, `problem` and `allowed`; and the model's `architecture`,
        `contextTokens` (null where there is no limit), `weightBytes`, `parameters`, `shards`, `chatTemplate`,
        `converse`, and `version`, 12 hexadecimal digits that change with the content: `model_import.names` makes names
        and tokens of them.

    Raises:
        ArtifactError: The model cannot be imported, or the event is wrong; the message lists all errors, one a line.
            A retry fails likewise, so a state machine should make none.
    """
    uri, region = event.get("weights"), event.get("region")
    if not isinstance(uri, str) or not isinstance(region, str):
        problem = f"the event has the fields {sorted(event)}"
        raise ArtifactError(refused("-", FolderError("event", problem, "weights and region, both strings")))
    source = uri if is_arn(uri) else PREFIX_SOURCE
    try:
        sagemaker = client_of("sagemaker") if is_arn(uri) else None
        uri = resolve(uri, sagemaker=sagemaker, readable=os.environ.get("READABLE", ""))
    except FolderError as error:
        raise ArtifactError(refused(uri, error)) from error
    report = check_uri(uri, region=region, client=boto3.client("s3", config=_SETTINGS))
    for finding in report.warnings:
        print(ascii_text(f"warning [{finding.rule}] {finding}"))
    if report.errors:
        raise ArtifactError(report)
    return {**report.as_json(), "source": source}


def check_uri(uri: str, *, region: str | None, client: Any = None) -> Report:
    """Check a model in S3.

    Args:
        uri: `s3://bucket/prefix/`.
        region: The import's region; None skips the checks that depend on it.
        client: Client of S3; by default one with this process's credentials and region.

    Returns:
        The report.
    """
    try:
        folder = S3Folder(boto3.client("s3", config=_SETTINGS) if client is None else client, uri)
    except FolderError as error:
        return refused(uri, error)
    return check(folder, region=region)
