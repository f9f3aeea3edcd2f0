"""*Plan*, *make room* and *prune*: decide whether to import a version, and remove old ones."""

from __future__ import annotations

from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from model_import import versions
from model_import.bodies import check_artifacts
from model_import.clients import client
from model_import.contract import IMPORTED, NO_RELEASE, RUNNING, TO_IMPORT
from model_import.names import job_name, model_name, request_token
from model_import.settings import Settings

_QUOTA = {"ServiceCode": "bedrock", "QuotaCode": "L-45B04988"}
"""The quota "Imported models per account" (Service Quotas)."""
DEFAULT_QUOTA = 3
"""The quota's default value."""


class ConcurrentRunError(Exception):
    """Another run of the same model began earlier and has not ended."""


class NoRoomError(Exception):
    """The account's quota of imported models is used up by models that may not be removed."""


def plan(settings: Settings, event: dict[str, Any]) -> dict[str, Any]:
    """Decide whether a version has to be imported.

    A version that exists is not imported again, and a running job of it is waited for. The name of a job that ended
    stays in use, so that the next job of the same content gets another name and another token; within one run both
    stay the same, so that a repeated call is the same job to Bedrock.

    Args:
        settings: The function's settings.
        event: `weights`, the S3 prefix as the check returned it; `artifacts`, the check's `version`, `chatTemplate`
            and `converse`; `execution`, the ARN of this run.

    Returns:
        `status` (`imported`, `running` or `import`), `version`, `modelName`, and by the status `modelArn`, `jobArn`, or
        `jobName` and `token`; the others are empty.

    Raises:
        BodyError: The model does not support the configured form of requests.
        ConcurrentRunError: An earlier run has not ended.
    """
    check_artifacts(settings.body, event["artifacts"])
    _refuse_concurrent_run(settings, event["execution"])
    version = event["artifacts"]["version"]
    empty = dict.fromkeys(("modelArn", "jobArn", "jobName", "token"), "")
    known = {**empty, "version": version, "modelName": model_name(settings.model, version)}
    for imported in versions.versions(settings.model):
        if imported.version == version:
            return {**known, "status": IMPORTED, "modelArn": imported.arn}
    earlier = [job for job in versions.jobs(settings.model) if job.version == version]
    for job in earlier:
        if job.status == "InProgress":
            return {**known, "status": RUNNING, "jobArn": job.arn}
    attempt = len(earlier) + 1
    return {
        **known,
        "status": TO_IMPORT,
        "jobName": job_name(settings.model, version, attempt),
        "token": request_token(settings.model, version, settings={"weights": event["weights"]}, attempt=attempt),
    }


def make_room(settings: Settings, event: dict[str, Any]) -> dict[str, Any]:
    """Remove old versions of this model, as few as necessary, where the account's quota is used up.

    Versions that are neither served nor the previous one are removed first, the oldest first; then the previous one.
    The served version and the one to import stay, as does every other model.

    Args:
        settings: The function's settings.
        event: `version`, the one to import.

    Returns:
        `models` and `quota`, the account's numbers, and `removed`, the removed versions.

    Raises:
        NoRoomError: Models that must stay use up the quota.
    """
    room = _Room.of(settings, event["version"])
    removed = room.removable[: room.excess]
    for version in removed:
        versions.remove(version)
    return {"models": room.models - len(removed), "quota": room.quota, "removed": [one.version for one in removed]}


def check_room(settings: Settings, _event: dict[str, Any]) -> dict[str, Any]:
    """Refuse what `make_room` would refuse for a version that is not known yet, and remove nothing.

    A pipeline asks before it pays for a training whose result could not be imported.

    Returns:
        `models` and `quota`, the account's numbers.

    Raises:
        NoRoomError: Models that must stay use up the quota.
    """
    room = _Room.of(settings, version=NO_RELEASE)
    return {"models": room.models, "quota": room.quota}


def prune(settings: Settings, _event: dict[str, Any]) -> dict[str, Any]:
    """Remove versions beyond `keep_versions`; the served version and, from two on, the previous one stay.

    Returns:
        `removed`, the removed versions.
    """
    own = versions.versions(settings.model)
    served, previous = versions.served_and_previous(settings)
    ranks = {served: 2, previous: 1}
    newest_first = sorted(own, key=lambda version: (ranks.get(version.version, 0), version.created), reverse=True)
    removed = newest_first[settings.keep_versions :]
    for version in removed:
        versions.remove(version)
    return {"removed": [version.version for version in removed]}


class _Room(NamedTuple):
    """Room in the account's quota for one more version.

    Attributes:
        models: Number of imported models of the account.
        quota: The quota.
        excess: Number of models that must go, at most the number of `removable`.
        removable: Versions of this model that may go, in their order.
    """

    models: int
    quota: int
    excess: int
    removable: list[versions.Version]

    @classmethod
    def of(cls, settings: Settings, version: str) -> _Room:
        """Ask the account.

        Args:
            settings: The function's settings.
            version: The version to import, which stays if it is there.

        Raises:
            NoRoomError: Models that must stay use up the quota.
        """
        listed = versions.account_models()
        own = versions.versions(settings.model, listed)
        served, previous = versions.served_and_previous(settings)
        quota = _quota()
        removable = [one for one in own if one.version not in (served, previous, version)]
        removable += [one for one in own if one.version == previous and previous != version]
        excess = max(0, len(listed) + 1 - quota)
        if excess > len(removable):
            names = ", ".join(sorted(model["modelName"] for model in listed))
            raise NoRoomError(
                f"the account has {len(listed)} imported models in this region, its quota is {quota} "
                f"({_QUOTA['QuotaCode']}), and too few of them are old versions of {settings.model}: {names}; "
                "delete one that is not needed, or request a higher quota"
            )
        return cls(models=len(listed), quota=quota, excess=excess, removable=removable)


def _refuse_concurrent_run(settings: Settings, execution: str) -> None:
    running = {run["executionArn"]: run["startDate"] for run in versions.runs(settings.state_machine_arn)}
    own = running.pop(execution, None)
    # Of two that started at the same time, one must go on: the one whose ARN sorts first.
    older = [arn for arn, started in running.items() if own is None or (started, arn) < (own, execution)]
    if older:
        raise ConcurrentRunError(f"{', '.join(sorted(older))} is running: one import of {settings.model} at a time")


def _quota() -> int:
    try:
        return int(client("service-quotas").get_service_quota(**_QUOTA)["Quota"]["Value"])
    except ClientError as error:
        # Service Quotas lists the quota only in some regions; elsewhere the default is in force.
        if versions.code_of(error) == "NoSuchResourceException":
            return DEFAULT_QUOTA
        raise
