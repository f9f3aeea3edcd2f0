"""Lists and tags: filters, order and pages that moto leaves out, tags that it sets twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.responses import SageMakerResponse

from localaws.moto_patches import replace
from localaws.sagemaker.requests import checked

_DEFAULT_PAGE: Final = 10
"""Entries of a page of the List operations where none are asked for (API reference)."""


def install() -> None:
    """Replace moto's handlers by this module's."""
    replace(SageMakerResponse, "list_models", _list_models)
    replace(SageMakerResponse, "add_tags", _add_tags)


def page(entries: list[dict[str, Any]], parameters: Mapping[str, Any], *, newest_first: bool) -> dict[str, Any]:
    """Return the part of `entries` that a List operation asks for, and the token of the next.

    Args:
        entries: Summaries; their keys are sorted by.
        parameters: Of the operation. `SortBy` is a key here.
        newest_first: Whether the order is Descending unless it is said otherwise.
    """
    order = parameters.get("SortOrder", "Descending" if newest_first else "Ascending")
    ordered = sorted(entries, key=lambda entry: entry[parameters["SortBy"]], reverse=order == "Descending")
    token = str(parameters.get("NextToken") or "0")
    if not token.isdigit():
        raise ValidationError(f"Invalid pagination token: {token}")
    first, size = int(token), parameters.get("MaxResults") or _DEFAULT_PAGE
    more = {"NextToken": str(first + size)} if first + size < len(ordered) else {}
    return {"entries": ordered[first : first + size], **more}


def moment(value: Any) -> datetime | None:
    """Return a time that a parameter gives, in the form in which moto hands it on."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def _list_models(response: Any) -> ActionResult:
    parameters = checked("ListModels", response)
    after, before = (moment(parameters.get(f"CreationTime{end}")) for end in ("After", "Before"))
    entries = []
    for model in response.sagemaker_backend.list_models():
        created = moment(model.creation_time)
        assert created is not None, "moto gives every model a time"
        if (after and created <= after) or (before and created >= before):
            continue
        if parameters.get("NameContains", "").lower() in model.model_name.lower():
            entries.append({"ModelName": model.model_name, "ModelArn": model.arn, "CreationTime": created})
    key = {"Name": "ModelName", "CreationTime": "CreationTime"}[parameters.get("SortBy", "CreationTime")]
    found = page(entries, {**parameters, "SortBy": key}, newest_first=True)
    return ActionResult({"Models": found.pop("entries"), **found})


def _add_tags(response: Any) -> ActionResult:
    """Set tags: one that is there already gets a new value."""
    parameters: Mapping[str, Any] = response.params
    resource = response.sagemaker_backend._get_resource_from_arn(parameters["ResourceArn"])
    if resource is None:
        raise ValidationError(f'Could not find resource "{parameters["ResourceArn"]}".')
    merged = {tag["Key"]: tag["Value"] for tag in (*(resource.tags or []), *parameters["Tags"])}
    resource.tags = [{"Key": key, "Value": value} for key, value in merged.items()]
    return ActionResult({"Tags": resource.tags})
