"""The control plane: the operations of the `bedrock` API on import jobs, imported models and their tags."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
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
from localaws.bedrock.errors import invalid, response_of
from localaws.bedrock.store import ImportedModel, ImportJob
from localaws.iam.policy import Context
from localaws.service import Call, ServiceError, check

PATH: Final = re.compile(r"/(?:model-import-jobs|imported-models|listTagsForResource|tagResource|untagResource)")
"""Beginnings of the paths that may be this module's."""

_OWN_ARN: Final = re.compile(r":(?:model-import-job|imported-model)/")
_MAX_TAGS: Final = 200


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
    call = Call(region=region, identity=iam.caller(request.headers.get("Authorization")), parameters=parameters)
    try:
        check("bedrock", operation, parameters)
        document = _OPERATIONS[operation](call)
    except ServiceError as error:
        return response_of(error)
    status = 201 if operation == "CreateModelImportJob" else 200
    return Response(json.dumps(document, default=_as_text), status, content_type="application/json")


def _create_job(call: Call) -> dict[str, Any]:
    # Service authorization reference: its condition keys are those of tags in the request. There are two lists, of the
    # job and of the model, and none may claim what a policy does not allow.
    for member, kind in (("jobTags", "model-import-job"), ("importedModelTags", "imported-model")):
        tags = call.parameters.get(member) or []
        keys = store.request_keys(tags)
        call.authorize("bedrock:CreateModelImportJob", None, keys)
        if tags:
            call.authorize("bedrock:TagResource", f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:{kind}/*", keys)
    for required in ("jobName", "importedModelName", "roleArn", "modelDataSource"):
        if required not in call.parameters:
            raise _missing(required)
    if not call.parameters["modelDataSource"].get("s3DataSource", {}).get("s3Uri"):
        raise _missing("modelDataSource.s3DataSource.s3Uri")
    return {"jobArn": imports.create(call.parameters, region=call.region, identity=call.identity).arn}


def _missing(member: str) -> ServiceError:
    return invalid(constraints.detected(f"Value at '{member}' failed to satisfy constraint: Member must not be null"))


def _get_job(call: Call) -> dict[str, Any]:
    identifier = call.parameters["jobIdentifier"]
    here = store.of(call.region)
    with here.lock:
        found = store.named(here.jobs.values(), identifier)
        arn = found.arn if found else f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:model-import-job/{identifier}"
        call.authorize("bedrock:GetModelImportJob", arn, store.condition_keys(found))
        return job_document(here.job(identifier))


def _list_jobs(call: Call) -> dict[str, Any]:
    call.authorize("bedrock:ListModelImportJobs", None)
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
    call.authorize("bedrock:ListImportedModels", None)
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
    resource = _tagged(call, "TagResource", store.request_keys(call.parameters.get("tags", [])))
    tags = {tag["key"]: tag["value"] for tag in call.parameters.get("tags", [])}
    if len({**resource.tags, **tags}) > _MAX_TAGS:
        raise ServiceError("TooManyTagsException", f"A resource can have {_MAX_TAGS} tags.", resourceName=resource.arn)
    resource.tags.update(tags)
    return {}


def _untag(call: Call) -> dict[str, Any]:
    resource = _tagged(call, "UntagResource", {"aws:TagKeys": call.parameters.get("tagKeys", [])})
    for key in call.parameters.get("tagKeys", []):
        resource.tags.pop(key, None)
    return {}


def _model(call: Call, action: str) -> ImportedModel:
    identifier = call.parameters["modelIdentifier"]
    here = store.of(call.region)
    found = store.named(here.models.values(), identifier)
    arn = found.arn if found else f"arn:aws:bedrock:{call.region}:{settings.ACCOUNT}:imported-model/{identifier}"
    call.authorize(f"bedrock:{action}", arn, store.condition_keys(found))
    return here.model(identifier)


def _tagged(call: Call, action: str, keys: Context | None = None) -> ImportJob | ImportedModel:
    arn = call.parameters["resourceARN"]
    here = store.of(call.region)
    there = here.jobs.get(arn) or here.models.get(arn)
    call.authorize(f"bedrock:{action}", arn, {**store.condition_keys(there), **(keys or {})})
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
