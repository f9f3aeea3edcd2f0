"""The control plane: the operations of the ``bedrock`` API on import jobs, imported models and their tags."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from werkzeug.wrappers import Request, Response

from localaws import constraints, iam, settings
from localaws.bedrock import imports, store
from localaws.bedrock.documents import (
    job_document,
    job_summary,
    model_document,
    model_summary,
    page_of,
    without_nothing,
)
from localaws.bedrock.errors import BedrockError, invalid
from localaws.bedrock.store import ImportedModel, ImportJob

PATH: Final = re.compile(r"/(?:model-import-jobs|imported-models|listTagsForResource|tagResource|untagResource)")
"""How the paths begin that may be this module's."""

_OWN_ARN: Final = re.compile(r":(?:model-import-job|imported-model)/")
_MAX_TAGS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an operation.

    Attributes:
        region: the region.
        identity: who calls.
        parameters: the operation's parameters, of path, query and body.
    """

    region: str
    identity: iam.Identity | None
    parameters: Mapping[str, Any]

    def authorize(self, action: str, resource: str | None, there: ImportJob | ImportedModel | None = None) -> None:
        """Refuse the call where the caller's policies do not allow it.

        Args:
            action: the action without its prefix.
            resource: the resource's ARN; None where the action has none.
            there: what is there of that ARN, whose tags policies may name.

        Raises:
            BedrockError: if they do not.
        """
        try:
            context = store.condition_keys(there)
            iam.authorize(self.identity, action=f"bedrock:{action}", resource=resource, context=context)
        except iam.AccessDeniedError as error:
            raise BedrockError("AccessDeniedException", str(error)) from error


def route(method: str, path: str, body: bytes) -> tuple[str, dict[str, Any]] | None:
    """Return the operation of a request and the parameter in its path; None if it is none of this module's."""
    for operation, (operation_method, pattern) in _ROUTES.items():
        match = re.fullmatch(pattern, path) if method == operation_method else None
        if match is not None:
            return operation, match.groupdict()
    operation = {
        "/listTagsForResource": "ListTagsForResource",
        "/tagResource": "TagResource",
        "/untagResource": "UntagResource",
    }.get(path, "")
    # The tags of all that Bedrock has are asked for on these paths; what is not ours is moto's.
    if operation and method == "POST" and _OWN_ARN.search(_document(body).get("resourceARN", "")):
        return operation, {}
    return None


def answer(operation: str, request: Request, path_parameters: Mapping[str, Any], *, region: str) -> Response:
    """Answer a call of an operation."""
    parameters: dict[str, Any] = {**request.args, **_document(request.get_data()), **path_parameters}
    if "maxResults" in parameters:
        text = str(parameters["maxResults"])
        parameters["maxResults"] = int(text) if text.isdecimal() else 0
    problems = constraints.problems("bedrock", operation, parameters)
    if problems:
        errors = "error" if len(problems) == 1 else "errors"
        return invalid(f"{len(problems)} validation {errors} detected: {'; '.join(problems)}").response()
    call = Call(region=region, identity=iam.caller(request.headers.get("Authorization")), parameters=parameters)
    try:
        document = _OPERATIONS[operation](call)
    except BedrockError as error:
        return error.response()
    status = 201 if operation == "CreateModelImportJob" else 200
    return Response(json.dumps(document, default=_as_text), status, content_type="application/json")


def _create_job(call: Call) -> dict[str, Any]:
    call.authorize("CreateModelImportJob", None)
    if call.parameters.get("jobTags"):
        call.authorize("TagResource", f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:model-import-job/*")
    if call.parameters.get("importedModelTags"):
        call.authorize("TagResource", f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:imported-model/*")
    for required in ("jobName", "importedModelName", "roleArn", "modelDataSource"):
        if required not in call.parameters:
            raise invalid(
                f"1 validation error detected: Value at '{required}' failed to satisfy constraint: "
                "Member must not be null"
            )
    if not call.parameters["modelDataSource"].get("s3DataSource", {}).get("s3Uri"):
        raise invalid(
            "1 validation error detected: Value at 'modelDataSource.s3DataSource.s3Uri' failed to satisfy "
            "constraint: Member must not be null"
        )
    return {"jobArn": imports.create(call.parameters, region=call.region, identity=call.identity).arn}


def _get_job(call: Call) -> dict[str, Any]:
    identifier = call.parameters["jobIdentifier"]
    here = store.of(call.region)
    with here.lock:
        found = store.named(here.jobs.values(), identifier)
        arn = found.arn if found else f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:model-import-job/{identifier}"
        call.authorize("GetModelImportJob", arn, found)
        return job_document(here.job(identifier))


def _list_jobs(call: Call) -> dict[str, Any]:
    call.authorize("ListModelImportJobs", None)
    here = store.of(call.region)
    status = call.parameters.get("statusEquals")
    with here.lock:
        jobs = [job for job in here.jobs.values() if status in (None, job.status)]
        page, following = page_of(jobs, call.parameters)
        return without_nothing({"modelImportJobSummaries": [job_summary(job) for job in page], "nextToken": following})


def _get_model(call: Call) -> dict[str, Any]:
    here = store.of(call.region)
    with here.lock:
        return model_document(_model(call, "GetImportedModel"))


def _list_models(call: Call) -> dict[str, Any]:
    call.authorize("ListImportedModels", None)
    here = store.of(call.region)
    with here.lock:
        page, following = page_of(list(here.models.values()), call.parameters)
        return without_nothing({"modelSummaries": [model_summary(model) for model in page], "nextToken": following})


def _delete_model(call: Call) -> dict[str, Any]:
    here = store.of(call.region)
    with here.lock:
        del here.models[_model(call, "DeleteImportedModel").arn]
    return {}


def _list_tags(call: Call) -> dict[str, Any]:
    tags = _tagged(call, "ListTagsForResource").tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _tag(call: Call) -> dict[str, Any]:
    resource = _tagged(call, "TagResource")
    tags = {tag["key"]: tag["value"] for tag in call.parameters.get("tags", [])}
    if len({**resource.tags, **tags}) > _MAX_TAGS:
        raise BedrockError("TooManyTagsException", f"A resource can have {_MAX_TAGS} tags.", resourceName=resource.arn)
    resource.tags.update(tags)
    return {}


def _untag(call: Call) -> dict[str, Any]:
    resource = _tagged(call, "UntagResource")
    for key in call.parameters.get("tagKeys", []):
        resource.tags.pop(key, None)
    return {}


def _model(call: Call, action: str) -> ImportedModel:
    identifier = call.parameters["modelIdentifier"]
    here = store.of(call.region)
    found = store.named(here.models.values(), identifier)
    arn = found.arn if found else f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:imported-model/{identifier}"
    call.authorize(action, arn, found)
    return here.model(identifier)


def _tagged(call: Call, action: str) -> ImportJob | ImportedModel:
    arn = call.parameters["resourceARN"]
    here = store.of(call.region)
    call.authorize(action, arn, here.jobs.get(arn) or here.models.get(arn))
    return here.resource(arn)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _as_text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")


_ROUTES: Final[Mapping[str, tuple[str, str]]] = {
    "CreateModelImportJob": ("POST", "/model-import-jobs"),
    "ListModelImportJobs": ("GET", "/model-import-jobs"),
    "GetModelImportJob": ("GET", "/model-import-jobs/(?P<jobIdentifier>.+)"),
    "ListImportedModels": ("GET", "/imported-models"),
    "GetImportedModel": ("GET", "/imported-models/(?P<modelIdentifier>.+)"),
    "DeleteImportedModel": ("DELETE", "/imported-models/(?P<modelIdentifier>.+)"),
}

_OPERATIONS: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
    "CreateModelImportJob": _create_job,
    "ListModelImportJobs": _list_jobs,
    "GetModelImportJob": _get_job,
    "ListImportedModels": _list_models,
    "GetImportedModel": _get_model,
    "DeleteImportedModel": _delete_model,
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
}
