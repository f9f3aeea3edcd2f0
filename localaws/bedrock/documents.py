"""Import jobs and imported models as the `bedrock` API shows them, one by one and page by page."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from localaws.bedrock.errors import invalid
from localaws.bedrock.store import ImportedModel, ImportJob


def job_summary(job: ImportJob) -> dict[str, Any]:
    """Return a job as ListModelImportJobs shows it."""
    return without_nothing(
        {
            "jobArn": job.arn,
            "jobName": job.name,
            "status": job.status,
            "lastModifiedTime": job.modified or job.created,
            "creationTime": job.created,
            "endTime": job.ended,
            "importedModelArn": job.model_arn,
            "importedModelName": job.model_name,
        }
    )


def job_document(job: ImportJob) -> dict[str, Any]:
    """Return a job as GetModelImportJob shows it."""
    return without_nothing(
        {
            **job_summary(job),
            "roleArn": job.request["roleArn"],
            "modelDataSource": job.request["modelDataSource"],
            "failureMessage": job.failure,
            "vpcConfig": job.request.get("vpcConfig"),
            "importedModelKmsKeyArn": job.kms_key_arn,
        }
    )


def model_document(model: ImportedModel) -> dict[str, Any]:
    """Return a model as GetImportedModel shows it."""
    return without_nothing(
        {
            "modelArn": model.arn,
            "modelName": model.name,
            "jobName": model.job.name,
            "jobArn": model.job.arn,
            "modelDataSource": model.job.request["modelDataSource"],
            "creationTime": model.created,
            "modelArchitecture": model.model_type,
            "modelKmsKeyArn": model.job.kms_key_arn,
            "instructSupported": model.converses,
            "customModelUnits": {
                "customModelUnitsPerModelCopy": _units(model.weight_bytes),
                "customModelUnitsVersion": "v1.0",
            },
        }
    )


def _units(weight_bytes: int) -> int:
    """Return a guess at a copy's custom model units, by AWS's examples: 2 for 8 and 8 for 70 billion weights."""
    return next((units for limit, units in ((8e9, 1), (24e9, 2), (80e9, 4)) if weight_bytes < limit), 8)


def page_of(items: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[Sequence[Any], str | None]:
    """Return the items that were asked for, the newest first unless otherwise asked, and the token of the next page."""
    after, before = (
        _time(parameters[name]) if name in parameters else None for name in ("creationTimeAfter", "creationTimeBefore")
    )
    wanted = [
        item
        for item in items
        if parameters.get("nameContains", "") in item.name
        and (after is None or item.created > after)
        and (before is None or item.created < before)
    ]
    wanted.sort(key=lambda item: item.created, reverse=parameters.get("sortOrder") != "Ascending")
    start = _position(parameters.get("nextToken"))
    end = start + parameters.get("maxResults", 100)
    following = base64.urlsafe_b64encode(str(end).encode()).decode() if end < len(wanted) else None
    return wanted[start:end], following


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise invalid("The provided next token is invalid") from None


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"{text} is not a time in the format of ISO 8601") from None


def model_summary(model: ImportedModel) -> dict[str, Any]:
    """Return a model as ListImportedModels shows it."""
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "creationTime": model.created,
        "instructSupported": model.converses,
        "modelArchitecture": model.model_type,
    }


def without_nothing(document: dict[str, Any]) -> dict[str, Any]:
    """Return `document` without what is None: REST-JSON leaves out what is not set."""
    return {name: value for name, value in document.items() if value is not None}
