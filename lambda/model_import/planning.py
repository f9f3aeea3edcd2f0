"""What a run has to do for its version, and room for it in the account."""

from typing import Any

from botocore.exceptions import ClientError

from model_import import versions
from model_import.clients import client
from model_import.configuration import Configuration
from model_import.names import job_name, model_name, request_token

_QUOTA = {"ServiceCode": "bedrock", "QuotaCode": "L-45B04988"}
"""The quota "Imported models per account" (Service Quotas)."""
DEFAULT_QUOTA = 3
"""Its default value."""


class BodyError(Exception):
    """The model does not take the form of request that it is to be asked in."""


class ConcurrentRunError(Exception):
    """Another run of the same model began earlier and has not ended."""


class NoRoomError(Exception):
    """The account's quota of imported models is used up by what may not be removed."""


def plan(configuration: Configuration, event: dict[str, Any]) -> dict[str, Any]:
    """Decide whether a version has to be imported.

    A version that is there is not imported again, and a job that runs for it is waited for. A job's name stays in use
    when it has ended, so that the next one for the same content gets another name and another token; within one run
    both stay the same, so that a repeated call is the same job to Bedrock.

    Args:
        configuration: the function's settings.
        event: `weights`, the S3 prefix as the check found it; `artifacts`, what the check found: `version`,
            `chatTemplate` and `converse`; `execution`, the ARN of this run.

    Returns:
        `status` (`imported`, `running` or `import`), `version`, `modelName`, and as it applies
        `modelArn`, `jobArn`, or `jobName` and `token`; the others are empty.

    Raises:
        BodyError: the model cannot be asked as it is to be.
        ConcurrentRunError: an earlier run has not ended.
    """
    _check_body(configuration.body, event["artifacts"])
    _refuse_concurrent_run(configuration, event["execution"])
    version = event["artifacts"]["version"]
    nothing = dict.fromkeys(("modelArn", "jobArn", "jobName", "token"), "")
    known = {**nothing, "version": version, "modelName": model_name(configuration.model, version)}
    for imported in versions.versions(configuration.model):
        if imported.version == version:
            return {**known, "status": "imported", "modelArn": imported.arn}
    earlier = [job for job in versions.jobs(configuration.model) if job.version == version]
    for job in earlier:
        if job.status == "InProgress":
            return {**known, "status": "running", "jobArn": job.arn}
    attempt = len(earlier) + 1
    return {
        **known,
        "status": "import",
        "jobName": job_name(configuration.model, version, attempt),
        "token": request_token(configuration.model, version, settings={"weights": event["weights"]}, attempt=attempt),
    }


def make_room(configuration: Configuration, event: dict[str, Any]) -> dict[str, Any]:
    """Remove old versions of this model, as few as it takes, where the account's quota is used up.

    First go those that are neither served nor the previous one, the oldest first; then the previous one. The served
    version and the one to import stay, as does every model that is not this one's.

    Args:
        configuration: the function's settings.
        event: `version`, the one to import.

    Returns:
        `models` and `quota`, the account's numbers, and `removed`, the versions that are gone.

    Raises:
        NoRoomError: there is no room without removing what must stay.
    """
    listed = versions.account_models()
    own = versions.versions(configuration.model, listed)
    served, previous = versions.served_and_previous(configuration)
    quota = _quota()
    candidates = [version for version in own if version.version not in (served, previous, event["version"])]
    candidates += [version for version in own if version.version == previous and previous != event["version"]]
    removed: list[str] = []
    while len(listed) - len(removed) >= quota:
        if not candidates:
            names = ", ".join(sorted(model["modelName"] for model in listed))
            raise NoRoomError(
                f"the account has {len(listed)} imported models in this region, its quota is {quota} "
                f"({_QUOTA['QuotaCode']}), and none of them is an old version of {configuration.model}: {names}; "
                "delete one that nobody needs, or ask for a higher quota"
            )
        version = candidates.pop(0)
        versions.remove(version)
        removed.append(version.version)
    return {"models": len(listed) - len(removed), "quota": quota, "removed": removed}


def prune(configuration: Configuration, _event: dict[str, Any]) -> dict[str, Any]:
    """Remove what is more than `keep_versions`; the served version and, from two on, the previous one stay.

    Returns:
        `removed`, the versions that are gone.
    """
    own = versions.versions(configuration.model)
    served, previous = versions.served_and_previous(configuration)
    ranks = {served: 2, previous: 1}
    newest_first = sorted(own, key=lambda version: (ranks.get(version.version, 0), version.created), reverse=True)
    removed = newest_first[configuration.keep_versions :]
    for version in removed:
        versions.remove(version)
    return {"removed": [version.version for version in removed]}


def _check_body(body: str, artifacts: dict[str, Any]) -> None:
    if body == "converse" and not artifacts["converse"]:
        raise BodyError("body is 'converse': this architecture has no Converse; allowed are chat, completion, native")
    if body == "chat" and not artifacts["chatTemplate"]:
        raise BodyError("body is 'chat': the weights have no chat template; allowed are completion and native")


def _refuse_concurrent_run(configuration: Configuration, execution: str) -> None:
    running = {run["executionArn"]: run["startDate"] for run in versions.runs(configuration.state_machine_arn)}
    own = running.pop(execution, None)
    # Of two that began in the same moment, one must go on: the one whose name comes first.
    older = [arn for arn, started in running.items() if own is None or (started, arn) < (own, execution)]
    if older:
        raise ConcurrentRunError(
            f"{', '.join(sorted(older))} is running: one import of {configuration.model} at a time"
        )


def _quota() -> int:
    try:
        return int(client("service-quotas").get_service_quota(**_QUOTA)["Quota"]["Value"])
    except ClientError as error:
        # Service Quotas knows a quota only where its region has it; the default holds there.
        if versions.code_of(error) == "NoSuchResourceException":
            return DEFAULT_QUOTA
        raise
