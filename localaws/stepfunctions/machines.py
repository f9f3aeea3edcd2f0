"""The operations on state machines."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from localaws import iam, logs, settings
from localaws.service import Call, ServiceError
from localaws.stepfunctions import definition, store
from localaws.stepfunctions.execution import now
from localaws.stepfunctions.requests import check_name, machine_of, page
from localaws.stepfunctions.store import MACHINES, StateMachine

_SERVICE: Final = "states.amazonaws.com"

# Developer Guide, "IAM policies for Step Functions": the rule that notifies Step Functions of the end of a training
# job, and the permissions that the role needs to have it made.
_MANAGED_RULE: Final = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
_MANAGED_RULE_ACTIONS: Final = ("events:PutTargets", "events:PutRule", "events:DescribeRule")

_SETTINGS: Final = ("type", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")


def _checked_definition(call: Call, text: str, role_arn: str, machine_arn: str) -> dict[str, Any]:
    """Return the definition once it is sound and the role may be had for the state machine."""
    try:
        parsed = definition.parse(text)
    except definition.DefinitionError as error:
        raise ServiceError("InvalidDefinition", str(error)) from error
    call.authorize("iam:PassRole", role_arn, {"iam:PassedToService": _SERVICE})
    source = {"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": machine_arn}
    if not iam.can_be_assumed_by(role_arn, _SERVICE, context=source):
        raise ServiceError(
            "AccessDeniedException",
            f"Neither the global service principal {_SERVICE}, nor the regional one is authorized to assume the "
            "provided role.",
        )
    if any(":sagemaker:createTrainingJob.sync" in resource for resource in definition.task_resources(parsed)):
        rule = f"arn:aws:events:{call.region}:{settings.ACCOUNT}:rule/{_MANAGED_RULE}"
        missing = [action for action in _MANAGED_RULE_ACTIONS if not iam.role_may(role_arn, action, rule)]
        if missing:
            raise ServiceError(
                "AccessDeniedException",
                f"'{role_arn}' is not authorized to create managed-rule. ({', '.join(missing)} on {rule})",
            )
    return parsed


def _deliver_logs(call: Call) -> None:
    """Let log delivery write into the log groups that a call names, as AWS does for the caller.

    The refusal is AWS's, as users quote it.
    """
    for destination in call.parameters.get("loggingConfiguration", {}).get("destinations", ()):
        try:
            logs.deliver_to(destination["cloudWatchLogsLogGroup"]["logGroupArn"], call.region)
        except logs.DeliveryError as error:
            raise ServiceError(
                "InvalidLoggingConfiguration",
                "Invalid Logging Configuration: The CloudWatch Logs Resource Policy size was exceeded. We suggest "
                "prefixing your CloudWatch log group name with /aws/vendedlogs/states/.",
            ) from error


def _create(call: Call) -> dict[str, Any]:
    given = call.parameters
    name = given["name"]
    arn = f"arn:aws:states:{call.region}:{settings.ACCOUNT}:stateMachine:{name}"
    call.authorize("states:CreateStateMachine", arn)
    check_name(name)
    if given.get("type", "STANDARD") != "STANDARD" or given.get("publish"):
        raise ServiceError("ValidationException", "the local AWS has STANDARD state machines without versions only")
    parsed = _checked_definition(call, given["definition"], given["roleArn"], arn)
    _deliver_logs(call)
    made = StateMachine(
        arn=arn,
        name=name,
        definition=given["definition"],
        parsed=parsed,
        role_arn=given["roleArn"],
        settings={"type": "STANDARD", **{key: given[key] for key in _SETTINGS if key in given}},
        tags=_tags(given.get("tags", ())),
    )
    existing = MACHINES.get(arn)
    if existing is None:
        MACHINES[arn] = existing = made
    elif existing.deleting:
        raise ServiceError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")
    elif (existing.definition, existing.role_arn, existing.settings) != (made.definition, made.role_arn, made.settings):
        raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    return {"stateMachineArn": arn, "creationDate": existing.created}


def _update(call: Call) -> dict[str, Any]:
    machine, given = machine_of(call), call.parameters
    call.authorize("states:UpdateStateMachine", machine.arn)
    if machine.deleting:
        raise ServiceError("StateMachineDeleting", f"State Machine is being deleted: '{machine.arn}'")
    text, role_arn = given.get("definition", machine.definition), given.get("roleArn", machine.role_arn)
    _deliver_logs(call)
    machine.parsed = _checked_definition(call, text, role_arn, machine.arn)
    machine.definition, machine.role_arn, machine.revision = text, role_arn, str(uuid.uuid4())
    machine.settings |= {key: given[key] for key in _SETTINGS if key in given}
    return {"updateDate": now(), "revisionId": machine.revision}


def _describe(call: Call) -> dict[str, Any]:
    call.authorize("states:DescribeStateMachine", call.parameters["stateMachineArn"])
    machine = machine_of(call)
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        "status": "DELETING" if machine.deleting else "ACTIVE",
        "definition": machine.definition,
        "roleArn": machine.role_arn,
        "creationDate": machine.created,
        "revisionId": machine.revision,
        **machine.settings,
    }


def _list(call: Call) -> dict[str, Any]:
    call.authorize("states:ListStateMachines", None)
    own = f"arn:aws:states:{call.region}:"
    found = [
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "type": machine.settings["type"],
            "creationDate": machine.created,
        }
        for machine in MACHINES.values()
        if machine.arn.startswith(own)
    ]
    return page(call, "stateMachines", found)


def _delete(call: Call) -> dict[str, Any]:
    arn = call.parameters["stateMachineArn"]
    call.authorize("states:DeleteStateMachine", arn)
    # Deleting one that does not exist succeeds (API reference of DeleteStateMachine).
    if arn in MACHINES:
        store.delete(MACHINES[arn])
    return {}


def _tagged(call: Call, action: str) -> StateMachine:
    arn = call.parameters["resourceArn"]
    call.authorize(f"states:{action}", arn)
    if arn not in MACHINES:
        raise ServiceError("ResourceNotFound", f"Resource not found: '{arn}'")
    return MACHINES[arn]


def _tags(tags: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in tags}


def _tag(call: Call) -> dict[str, Any]:
    _tagged(call, "TagResource").tags.update(_tags(call.parameters["tags"]))
    return {}


def _untag(call: Call) -> dict[str, Any]:
    machine = _tagged(call, "UntagResource")
    for key in call.parameters["tagKeys"]:
        machine.tags.pop(key, None)
    return {}


def _list_tags(call: Call) -> dict[str, Any]:
    machine = _tagged(call, "ListTagsForResource")
    return {"tags": [{"key": key, "value": value} for key, value in machine.tags.items()]}


OPERATIONS: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
    "CreateStateMachine": _create,
    "DeleteStateMachine": _delete,
    "DescribeStateMachine": _describe,
    "ListStateMachines": _list,
    "ListTagsForResource": _list_tags,
    "TagResource": _tag,
    "UntagResource": _untag,
    "UpdateStateMachine": _update,
}
"""Handler of each operation."""
