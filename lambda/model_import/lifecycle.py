"""The custom resource: `cdk deploy` imports, waits and fails with the import's own error; `cdk destroy` leaves nothing.

It works under CDK's Provider framework: `on_event` begins, `is_complete` is asked again and again. Both may be called
twice with the same request. The physical id is the model's name, so that a change of weights is an update, which
imports anew and drops the old version only when the new one is served; a failed update is undone by CloudFormation
with an update to the old weights. Their version is still served, so that there is nothing to do: not even the weights
are read, which CloudFormation may not have given back to the roles yet.

Properties of the resource: `Weights`, the S3 prefix or the ARN of what has it, or empty where something else starts
imports; `Revision`, any text, to import again what changed under the same prefix.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from model_import import versions
from model_import.clients import client
from model_import.configuration import Configuration
from model_import.sources import is_arn

_LONGEST_REASON = 1500
"""Characters of an error that the resource fails with: a custom resource's whole answer may have 4096 bytes."""


class ImportFailedError(Exception):
    """The import failed; the text is its own error."""


class ImportTimeoutError(Exception):
    """The import did not end in time."""


def on_event(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Begin to create, update or delete.

    Args:
        event: CloudFormation's request.

    Returns:
        `PhysicalResourceId`, and `Execution`, the ARN of the run that `is_complete` looks at, or an empty text; with
        `Served`, what is served from these weights already.
    """
    configuration = Configuration.from_environment()
    if event["RequestType"] == "Delete":
        # After a change of the name, the function is the new model's already.
        if event["PhysicalResourceId"] == configuration.model:
            _serve_nothing(configuration)
            _stop_runs(configuration, "the stack is deleted")
        return {"PhysicalResourceId": event["PhysicalResourceId"], "Execution": ""}
    weights = event["ResourceProperties"].get("Weights", "")
    if not weights:
        return {"PhysicalResourceId": configuration.model, "Execution": ""}
    served = _served_from(configuration, weights) if _only_weights_changed(event) else None
    if served:
        _stop_runs(configuration, "an update is rolled back")
        return {"PhysicalResourceId": configuration.model, "Execution": "", "Served": served}
    # A run that outlived its deployment would make this one fail as concurrent.
    name = _execution_name(event["RequestId"])
    _stop_runs(configuration, "a later deployment imports", but=name)
    execution = client("stepfunctions").start_execution(
        stateMachineArn=configuration.state_machine_arn, name=name, input=json.dumps({"weights": weights})
    )
    return {"PhysicalResourceId": configuration.model, "Execution": execution["executionArn"]}


def is_complete(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Look whether it has ended.

    Args:
        event: CloudFormation's request with what `on_event` returned.

    Returns:
        `IsComplete`, and then `Data` with `ModelArn`, `ModelName` and `Version`, each `none` without an import.

    Raises:
        ImportFailedError: the import failed.
        ImportTimeoutError: it did not end within `DEADLINE_SECONDS`; it has been stopped.
    """
    configuration = Configuration.from_environment()
    if event["RequestType"] == "Delete":
        return {"IsComplete": _is_gone(event["PhysicalResourceId"])}
    if not event["Execution"]:
        return _complete(event.get("Served", {}))
    execution = client("stepfunctions").describe_execution(executionArn=event["Execution"])
    if execution["status"] == "RUNNING":
        _hold_to_deadline(configuration, execution)
        return {"IsComplete": False}
    if execution["status"] == "SUCCEEDED":
        return _complete(json.loads(execution["output"]))
    cause = execution.get("cause", "")
    if len(cause) > _LONGEST_REASON:
        cause = f"{cause[:_LONGEST_REASON]}… (all of it is in the execution)"
    raise ImportFailedError(f"{execution.get('error', execution['status'])}: {cause} ({event['Execution']})")


def _complete(output: dict[str, str]) -> dict[str, Any]:
    names = {"ModelArn": "modelArn", "ModelName": "modelName", "Version": "version"}
    data = {name: output.get(member, versions.NOTHING) for name, member in names.items()}
    return {"IsComplete": True, "Data": data}


def _only_weights_changed(event: dict[str, Any]) -> bool:
    """Whether an update is for other weights, and so not for new ones under the same prefix."""
    if event["RequestType"] != "Update":
        return False
    old, new = event["OldResourceProperties"], event["ResourceProperties"]
    return bool(old.get("Weights") != new["Weights"] and old.get("Revision") == new.get("Revision"))


def _served_from(configuration: Configuration, weights: str) -> dict[str, str] | None:
    """What is served, if it was imported from this prefix, or from what this ARN names."""
    arn = versions.read_parameter(configuration.target_parameter) or versions.NOTHING
    if arn == versions.NOTHING:
        return None
    try:
        model = client("bedrock").get_imported_model(modelIdentifier=arn)
    except ClientError as error:
        if versions.code_of(error) == "ResourceNotFoundException":
            return None
        raise
    # SageMaker is not asked: what the ARN names may be gone by now, or not for this function to see.
    origin = versions.tags(arn).get(versions.SOURCE_TAG) if is_arn(weights) else _prefix_of(model)
    if origin != weights:
        return None
    version = versions.read_parameter(configuration.served_parameter) or versions.NOTHING
    return {"modelArn": arn, "modelName": model["modelName"], "version": version}


def _prefix_of(model: dict[str, Any]) -> str:
    return str(model["modelDataSource"]["s3DataSource"]["s3Uri"])


def _execution_name(request_id: str) -> str:
    # The same for the same request; of any request's id, within 80 characters of [0-9A-Za-z_-].
    return f"deploy-{hashlib.sha256(request_id.encode()).hexdigest()[:32]}"


def _hold_to_deadline(configuration: Configuration, execution: dict[str, Any]) -> None:
    elapsed = (datetime.now(UTC) - execution["startDate"]).total_seconds()
    if elapsed < configuration.deadline_seconds:
        return
    client("stepfunctions").stop_execution(
        executionArn=execution["executionArn"], error="ImportTimeoutError", cause="the deployment waited no longer"
    )
    raise ImportTimeoutError(
        f"the import did not end within {configuration.deadline_seconds} s, and CloudFormation waits an hour at most; "
        "large models, and accounts where others import, too, are better imported by the state machine than by the "
        f"deployment ({execution['executionArn']})"
    )


def _stop_runs(configuration: Configuration, cause: str, *, but: str = "") -> None:
    for run in versions.runs(configuration.state_machine_arn):
        if run["name"] != but:
            client("stepfunctions").stop_execution(executionArn=run["executionArn"], error="Stopped", cause=cause)


def _serve_nothing(configuration: Configuration) -> None:
    """Point to nothing, so that the shim says that no version is served rather than that one is gone."""
    parameters = (configuration.target_parameter, configuration.served_parameter, configuration.previous_parameter)
    for name in parameters:
        # Writing to a parameter that is gone would make it anew.
        if versions.read_parameter(name) not in (None, versions.NOTHING):
            client("ssm").put_parameter(Name=name, Value=versions.NOTHING, Overwrite=True)


def _is_gone(model: str) -> bool:
    """Delete all imported versions; whether there is nothing left. A running import cannot be stopped, only awaited."""
    running = any(job.status == "InProgress" for job in versions.jobs(model))
    for version in versions.versions(model):
        versions.remove(version)
    return not running
