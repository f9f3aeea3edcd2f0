"""The versions of one model in the account: what is imported, which jobs there were, what is served.

An imported model belongs to this model only if its name is the model's with a version, *and* it carries the model's
tag: nothing else is ever removed. The functions' policies hold them to the tag, too.
"""

import re
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from model_import.clients import client
from model_import.configuration import Configuration
from model_import.names import VERSION_DIGITS, is_version_of

TAG = "jumpstack:model"
"""The key of the tag with the model's name on jobs and imported models."""

SOURCE_TAG = "jumpstack:source"
"""The key of the tag that says what named an imported model's weights: an ARN, or `s3` for a prefix."""

NOTHING = "none"
"""A parameter's value where no version is served."""

_ATTEMPT = re.compile(r"-[0-9]{1,3}")


class Version(NamedTuple):
    """One imported version.

    Attributes:
        version: 12 hexadecimal digits.
        arn: the imported model's ARN.
        created: when its import ended.
    """

    version: str
    arn: str
    created: datetime


class Job(NamedTuple):
    """One import job.

    Attributes:
        version: the version that it imports.
        name: its name.
        arn: its ARN.
        status: `InProgress`, `Completed` or `Failed`.
    """

    version: str
    name: str
    arn: str
    status: str


def account_models() -> list[dict[str, Any]]:
    """All imported models of the account and region, as ListImportedModels shows them: the quota counts them all."""
    pages = client("bedrock").get_paginator("list_imported_models").paginate()
    return [model for page in pages for model in page["modelSummaries"]]


def versions(model: str, listed: list[dict[str, Any]] | None = None) -> list[Version]:
    """The imported versions of a model, the oldest first.

    Args:
        model: the model's name, such as `dev-llama-3b`.
        listed: what `account_models` returned, where that is known already.
    """
    found = [
        Version(summary["modelName"][-VERSION_DIGITS:], summary["modelArn"], summary["creationTime"])
        for summary in (account_models() if listed is None else listed)
        if is_version_of(model, summary["modelName"]) and tags(summary["modelArn"]).get(TAG) == model
    ]
    return sorted(found, key=lambda version: version.created)


def jobs(model: str) -> list[Job]:
    """The import jobs of a model, the newest first; AWS keeps them, and their names stay in use."""
    pages = client("bedrock").get_paginator("list_model_import_jobs").paginate(nameContains=model)
    found = []
    for page in pages:
        for job in page["modelImportJobSummaries"]:
            # The first attempt's name is the version's, the others' end in their number.
            name = job["jobName"][: len(model) + 1 + VERSION_DIGITS]
            rest = job["jobName"][len(name) :]
            if is_version_of(model, name) and (not rest or _ATTEMPT.fullmatch(rest)):
                found.append(Job(name[-VERSION_DIGITS:], job["jobName"], job["jobArn"], job["status"]))
    return found


def runs(state_machine_arn: str) -> list[dict[str, Any]]:
    """The state machine's executions that run; none of one that is gone."""
    paginator = client("stepfunctions").get_paginator("list_executions")
    try:
        pages = list(paginator.paginate(stateMachineArn=state_machine_arn, statusFilter="RUNNING"))
    except ClientError as error:
        if code_of(error) == "StateMachineDoesNotExist":
            return []
        raise
    return [run for page in pages for run in page["executions"]]


def remove(version: Version) -> None:
    """Delete an imported version; that it is gone already is fine."""
    try:
        client("bedrock").delete_imported_model(modelIdentifier=version.arn)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise


def served_and_previous(configuration: Configuration) -> tuple[str, str]:
    """The versions that the parameters name, served and previous; `none` where there is none."""
    return (
        read_parameter(configuration.served_parameter) or NOTHING,
        read_parameter(configuration.previous_parameter) or NOTHING,
    )


def read_parameter(name: str) -> str | None:
    """A parameter's value; None if there is no such parameter."""
    try:
        return str(client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError as error:
        if code_of(error) == "ParameterNotFound":
            return None
        raise


def code_of(error: ClientError) -> str:
    """The name of the service's error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def tags(arn: str) -> dict[str, str]:
    """The tags of an imported model; none of one that is gone."""
    try:
        found = client("bedrock").list_tags_for_resource(resourceARN=arn)["tags"]
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return {}
        raise
    return {tag["key"]: tag["value"] for tag in found}
