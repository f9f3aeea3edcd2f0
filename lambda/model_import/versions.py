"""List the versions of one model in the account: imported models, import jobs, and the served version.

An imported model is a version of this model only if its name is the model's with a version, *and* it has the model's
tag: nothing else is ever removed. The functions' policies require the tag as well.
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from model_import.clients import client
from model_import.contract import NO_RELEASE, TAG
from model_import.names import VERSION_DIGITS, is_version_of
from model_import.settings import Settings

_ATTEMPT = re.compile(r"-[0-9]{1,3}")


class Version(NamedTuple):
    """One imported version.

    Attributes:
        version: 12 hexadecimal digits.
        arn: The imported model's ARN.
        created: The time at which its import ended.
    """

    version: str
    arn: str
    created: datetime


class Job(NamedTuple):
    """One import job.

    Attributes:
        version: The version that it imports.
        name: The job's name.
        arn: The job's ARN.
        status: `InProgress`, `Completed` or `Failed`.
    """

    version: str
    name: str
    arn: str
    status: str


def account_models() -> list[dict[str, Any]]:
    """List all imported models of the account and region, as ListImportedModels returns them: the quota counts all."""
    pages = client("bedrock").get_paginator("list_imported_models").paginate()
    return [model for page in pages for model in page["modelSummaries"]]


def versions(model: str, listed: list[dict[str, Any]] | None = None) -> list[Version]:
    """List the imported versions of a model, the oldest first.

    Args:
        model: The model's name, such as `dev-llama-3b`.
        listed: The result of `account_models`, if there is one already.
    """
    found = [
        Version(summary["modelName"][-VERSION_DIGITS:], summary["modelArn"], summary["creationTime"])
        for summary in (account_models() if listed is None else listed)
        if is_version_of(model, summary["modelName"]) and tags(summary["modelArn"]).get(TAG) == model
    ]
    return sorted(found, key=lambda version: version.created)


def jobs(model: str) -> list[Job]:
    """List the import jobs of a model, the newest first; AWS keeps them, and their names stay in use."""
    pages = client("bedrock").get_paginator("list_model_import_jobs").paginate(nameContains=model)
    found = []
    for page in pages:
        for job in page["modelImportJobSummaries"]:
            # The first attempt has the version's name, the others append their number.
            name = job["jobName"][: len(model) + 1 + VERSION_DIGITS]
            rest = job["jobName"][len(name) :]
            if is_version_of(model, name) and (not rest or _ATTEMPT.fullmatch(rest)):
                found.append(Job(name[-VERSION_DIGITS:], job["jobName"], job["jobArn"], job["status"]))
    return found


def runs(state_machine_arn: str) -> list[dict[str, Any]]:
    """List the running executions of the state machine; none if it is gone."""
    paginator = client("stepfunctions").get_paginator("list_executions")
    try:
        pages = list(paginator.paginate(stateMachineArn=state_machine_arn, statusFilter="RUNNING"))
    except ClientError as error:
        if code_of(error) == "StateMachineDoesNotExist":
            return []
        raise
    return [run for page in pages for run in page["executions"]]


def remove(version: Version) -> None:
    """Delete an imported version, unless it is gone already."""
    try:
        client("bedrock").delete_imported_model(modelIdentifier=version.arn)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise


def served_and_previous(settings: Settings) -> tuple[str, str]:
    """Return the served and the previous version, as the parameters name them; `none` for no version."""
    return (
        read_parameter(settings.served_parameter) or NO_RELEASE,
        read_parameter(settings.previous_parameter) or NO_RELEASE,
    )


def read_parameter(name: str) -> str | None:
    """Return a parameter's value; None if there is no such parameter."""
    try:
        return str(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return None
        raise


def code_of(error: ClientError) -> str:
    """Return the code of the service's error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def tags(arn: str) -> dict[str, str]:
    """Return the tags of an imported model; none if it is gone."""
    try:
        found = client("bedrock").list_tags_for_resource(resourceARN=arn)["tags"]
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return {}
        raise
    return {tag["key"]: tag["value"] for tag in found}
