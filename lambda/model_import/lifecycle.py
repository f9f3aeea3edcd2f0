"""The custom resource: `cdk deploy` imports, waits and fails with the import's own error; `cdk destroy` leaves nothing.

It works under CDK's Provider framework: `on_event` begins, `is_complete` is polled. Both may be called twice with the
same request. The physical id is the model's name, so that a change of weights is an update, which imports them and
removes the old version only when the new one is served; CloudFormation rolls a failed update back with an update to
the old weights. Their version is still served, so that there is nothing to do: not even the weights are read, since
CloudFormation may not have restored the roles' access to them yet.

Properties of the resource: `Weights`, an S3 prefix, the ARN of a SageMaker model or training job, or empty where
something else starts imports; `Revision`, any text, to import again the changed weights of the same prefix.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from model_import import versions
from model_import.clients import client
from model_import.contract import IS_COMPLETE, NO_RELEASE, RUN_OUTPUT, SOURCE_TAG, TARGET_REMOVED
from model_import.settings import Settings
from model_import.sources import is_arn

_LONGEST_REASON = 1500
"""Characters of the error in the resource's answer: the whole answer of a custom resource may have 4096 bytes."""


class ImportFailedError(Exception):
    """The import failed; the message is its own error."""


class ImportTimeoutError(Exception):
    """The import did not end in time."""


def on_event(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Begin to create, update or delete.

    Args:
        event: CloudFormation's request.

    Returns:
        `PhysicalResourceId`, and `Execution`, the ARN of the run that `is_complete` polls, or an empty text; with
        `Served`, the model that is served from these weights already.

    Raises:
        SettingsError: The environment is not usable.
    """
    settings = Settings.from_environment()
    if event["RequestType"] == "Delete":
        # After a change of the name, the function already belongs to the new model.
        if event["PhysicalResourceId"] == settings.model:
            _serve_nothing(settings)
            _stop_runs(settings, "the stack is deleted")
        return {"PhysicalResourceId": event["PhysicalResourceId"], "Execution": ""}
    weights = event["ResourceProperties"].get("Weights", "")
    if not weights:
        return {"PhysicalResourceId": settings.model, "Execution": ""}
    served = _served_from(settings, weights) if _only_weights_changed(event) else None
    if served:
        _stop_runs(settings, "an update is rolled back")
        return {"PhysicalResourceId": settings.model, "Execution": "", "Served": served}
    # A run that outlived its deployment would make this one fail as concurrent.
    name = _execution_name(event["RequestId"])
    _stop_runs(settings, "a later deployment imports", but=name)
    execution = client("stepfunctions").start_execution(
        stateMachineArn=settings.state_machine_arn, name=name, input=json.dumps({"weights": weights})
    )
    return {"PhysicalResourceId": settings.model, "Execution": execution["executionArn"]}


def is_complete(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Check if the request is done.

    Args:
        event: CloudFormation's request, merged with the result of `on_event`.

    Returns:
        `IsComplete`, and then `Data` with `ModelArn`, `ModelName` and `Version`, each `none` without an import.

    Raises:
        ImportFailedError: The import failed.
        ImportTimeoutError: It did not end within `DEADLINE_SECONDS`; it has been stopped.
        SettingsError: The environment is not usable.
    """
    settings = Settings.from_environment()
    if event["RequestType"] == "Delete":
        return {"IsComplete": _is_gone(event["PhysicalResourceId"])}
    if not event["Execution"]:
        return _complete(event.get("Served", {}))
    execution = client("stepfunctions").describe_execution(executionArn=event["Execution"])
    if execution["status"] == "RUNNING":
        _hold_to_deadline(settings, execution)
        return {"IsComplete": False}
    if execution["status"] == "SUCCEEDED":
        return _complete(json.loads(execution["output"]))
    cause = execution.get("cause", "")
    if len(cause) > _LONGEST_REASON:
        cause = f"{cause[:_LONGEST_REASON]}… (all of it is in the execution)"
    raise ImportFailedError(f"{execution.get('error', execution['status'])}: {cause} ({event['Execution']})")


def _complete(output: dict[str, str]) -> dict[str, Any]:
    members = zip(IS_COMPLETE.outputs, RUN_OUTPUT, strict=True)
    data = {name: output.get(member, NO_RELEASE) for name, member in members}
    return {"IsComplete": True, "Data": data}


def _only_weights_changed(event: dict[str, Any]) -> bool:
    """Report whether an update names other weights, and so does not import changed ones under the same prefix."""
    if event["RequestType"] != "Update":
        return False
    old, new = event["OldResourceProperties"], event["ResourceProperties"]
    return bool(old.get("Weights") != new["Weights"] and old.get("Revision") == new.get("Revision"))


def _served_from(settings: Settings, weights: str) -> dict[str, str] | None:
    """Return the served model, if it was imported from this prefix, or from this ARN."""
    arn = versions.read_parameter(settings.target_parameter) or NO_RELEASE
    if arn in (NO_RELEASE, TARGET_REMOVED):
        return None
    try:
        model = client("bedrock").get_imported_model(modelIdentifier=arn)
    except ClientError as error:
        if versions.code_of(error) == "ResourceNotFoundException":
            return None
        raise
    # The tag, not SageMaker: the model or job of the ARN may be gone by now, and this function may not describe it.
    origin = versions.tags(arn).get(SOURCE_TAG) if is_arn(weights) else _prefix_of(model)
    if origin != weights:
        return None
    version = versions.read_parameter(settings.served_parameter) or NO_RELEASE
    return {"modelArn": arn, "modelName": model["modelName"], "version": version}


def _prefix_of(model: dict[str, Any]) -> str:
    return str(model["modelDataSource"]["s3DataSource"]["s3Uri"])


def _execution_name(request_id: str) -> str:
    # The same for the same request, and for any id within 80 characters of [0-9A-Za-z_-].
    return f"deploy-{hashlib.sha256(request_id.encode()).hexdigest()[:32]}"


def _hold_to_deadline(settings: Settings, execution: dict[str, Any]) -> None:
    elapsed = (datetime.now(UTC) - execution["startDate"]).total_seconds()
    if elapsed < settings.deadline_seconds:
        return
    client("stepfunctions").stop_execution(
        executionArn=execution["executionArn"], error="ImportTimeoutError", cause="the deployment stopped waiting"
    )
    raise ImportTimeoutError(
        f"the import did not end within {settings.deadline_seconds} s, and CloudFormation waits an hour at most; "
        "import large models, and models of an account with other imports, by the state machine instead of the "
        f"deployment ({execution['executionArn']})"
    )


def _stop_runs(settings: Settings, cause: str, *, but: str = "") -> None:
    for run in versions.runs(settings.state_machine_arn):
        if run["name"] != but:
            client("stepfunctions").stop_execution(executionArn=run["executionArn"], error="Stopped", cause=cause)


def _serve_nothing(settings: Settings) -> None:
    """Reset the pointer, so that the shim reports that no version is served, not that one is gone.

    The target is not `none`, which CloudFormation writes by mistake too: the shim then serves the version before.
    """
    values = {
        settings.target_parameter: TARGET_REMOVED,
        settings.served_parameter: NO_RELEASE,
        settings.previous_parameter: NO_RELEASE,
    }
    for name, value in values.items():
        # Writing to a parameter that is gone would create it again.
        if versions.read_parameter(name) not in (None, NO_RELEASE, TARGET_REMOVED):
            client("ssm").put_parameter(Name=name, Value=value, Overwrite=True)


def _is_gone(model: str) -> bool:
    """Delete all imported versions, and report whether none is left: a running import cannot be stopped."""
    running = any(job.status == "InProgress" for job in versions.jobs(model))
    for version in versions.versions(model):
        versions.remove(version)
    return not running
