"""The operations of Step Functions: what each takes, refuses and answers."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from localaws import constraints, iam, settings
from localaws.iam import Identity
from localaws.stepfunctions import definition, store
from localaws.stepfunctions.execution import Execution, now
from localaws.stepfunctions.store import LOCK, MACHINES, StateMachine

_SERVICE: Final = "states.amazonaws.com"

# API reference: a name must not hold whitespace, brackets, wildcards, special or control characters.
_BAD_NAME: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_LONGEST_NAME: Final = 80

# Developer Guide, "IAM policies for Step Functions": the rule that tells Step Functions the end of a training job,
# and what the role needs to have it made.
_MANAGED_RULE: Final = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
_MANAGED_RULE_ACTIONS: Final = ("events:PutTargets", "events:PutRule", "events:DescribeRule")

_SETTINGS: Final = ("type", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")


class ApiError(Exception):
    """An operation is refused.

    Args:
        code: the error's code.
        message: its message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Call:
    """One call of an operation.

    Attributes:
        region: the region.
        identity: who calls; None: nobody known here.
        parameters: the operation's parameters.
    """

    def __init__(self, region: str, identity: Identity | None, parameters: Mapping[str, Any]) -> None:
        self.region = region
        self.identity = identity
        self.parameters = parameters

    def allow(self, action: str, resource: str | None, **context: str) -> None:
        """Refuse the call unless the caller may do it.

        Raises:
            ApiError: if not.
        """
        try:
            iam.authorize(self.identity, action=action, resource=resource, context=context)
        except iam.AccessDeniedError as error:
            raise ApiError("AccessDeniedException", str(error)) from error

    def machine(self) -> StateMachine:
        """Return the state machine that the call is about."""
        arn = self.parameters["stateMachineArn"]
        machine = MACHINES.get(arn)
        if machine is None:
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def execution(self) -> Execution:
        """Return the execution that the call is about."""
        arn = self.parameters["executionArn"]
        execution = store.find_execution(arn)
        if execution is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution


def answer(operation: str, call: Call) -> dict[str, Any]:
    """Carry out an operation.

    Raises:
        ApiError: if it is refused.
    """
    handler = _OPERATIONS.get(operation)
    if handler is None:
        raise ApiError("UnknownOperationException", f"the local AWS does not support the operation {operation}")
    problems = constraints.problems("stepfunctions", operation, call.parameters)
    if problems:
        raise ApiError("ValidationException", f"{len(problems)} validation error detected: {'; '.join(problems)}")
    with LOCK:
        return handler(call)


def _check_name(name: str) -> None:
    if not name or len(name) > _LONGEST_NAME or _BAD_NAME.search(name):
        raise ApiError("InvalidName", f"Invalid Name: '{name}'")


def _checked_definition(call: Call, text: str, role_arn: str) -> dict[str, Any]:
    """Return the definition once it is sound and the role may be had."""
    try:
        parsed = definition.parse(text)
    except definition.DefinitionError as error:
        raise ApiError("InvalidDefinition", str(error)) from error
    call.allow("iam:PassRole", role_arn, **{"iam:PassedToService": _SERVICE})
    if not iam.can_be_assumed_by(role_arn, _SERVICE, context={"aws:SourceAccount": settings.ACCOUNT}):
        raise ApiError(
            "AccessDeniedException",
            f"Neither the global service principal {_SERVICE}, nor the regional one is authorized to assume the "
            "provided role.",
        )
    if any(":sagemaker:createTrainingJob.sync" in resource for resource in definition.task_resources(parsed)):
        rule = f"arn:aws:events:{call.region}:{settings.ACCOUNT}:rule/{_MANAGED_RULE}"
        missing = [action for action in _MANAGED_RULE_ACTIONS if not iam.role_may(role_arn, action, rule)]
        if missing:
            raise ApiError(
                "AccessDeniedException",
                f"'{role_arn}' is not authorized to create managed-rule. ({', '.join(missing)} on {rule})",
            )
    return parsed


def _create(call: Call) -> dict[str, Any]:
    given = call.parameters
    name = given["name"]
    arn = f"arn:aws:states:{call.region}:{settings.ACCOUNT}:stateMachine:{name}"
    call.allow("states:CreateStateMachine", arn)
    _check_name(name)
    if given.get("type", "STANDARD") != "STANDARD" or given.get("publish"):
        raise ApiError("ValidationException", "the local AWS has STANDARD state machines without versions only")
    parsed = _checked_definition(call, given["definition"], given["roleArn"])
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
        raise ApiError("StateMachineDeleting", f"State Machine is being deleted: '{arn}'")
    elif (existing.definition, existing.role_arn, existing.settings) != (made.definition, made.role_arn, made.settings):
        raise ApiError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    return {"stateMachineArn": arn, "creationDate": existing.created}


def _update(call: Call) -> dict[str, Any]:
    machine, given = call.machine(), call.parameters
    call.allow("states:UpdateStateMachine", machine.arn)
    if machine.deleting:
        raise ApiError("StateMachineDeleting", f"State Machine is being deleted: '{machine.arn}'")
    text, role_arn = given.get("definition", machine.definition), given.get("roleArn", machine.role_arn)
    machine.parsed = _checked_definition(call, text, role_arn)
    machine.definition, machine.role_arn, machine.revision = text, role_arn, str(uuid.uuid4())
    machine.settings |= {key: given[key] for key in _SETTINGS if key in given}
    return {"updateDate": now(), "revisionId": machine.revision}


def _describe(call: Call) -> dict[str, Any]:
    call.allow("states:DescribeStateMachine", call.parameters["stateMachineArn"])
    machine = call.machine()
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
    call.allow("states:ListStateMachines", None)
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
    return _page(call, "stateMachines", found)


def _delete(call: Call) -> dict[str, Any]:
    arn = call.parameters["stateMachineArn"]
    call.allow("states:DeleteStateMachine", arn)
    # Deleting one that does not exist succeeds (API reference of DeleteStateMachine).
    if arn in MACHINES:
        store.delete(MACHINES[arn])
    return {}


def _start(call: Call) -> dict[str, Any]:
    given = call.parameters
    call.allow("states:StartExecution", given["stateMachineArn"])
    machine = call.machine()
    if machine.deleting:
        raise ApiError("StateMachineDeleting", f"State Machine is being deleted: '{machine.arn}'")
    name, text = given.get("name") or str(uuid.uuid4()), given.get("input", "{}")
    _check_name(name)
    try:
        json.loads(text)
    except ValueError as error:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error
    existing = machine.executions.get(name)
    if existing is not None and (existing.status != "RUNNING" or existing.input != text):
        raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{existing.arn}'")
    execution = existing or store.start(machine, name, text, given.get("traceHeader"))
    return {"executionArn": execution.arn, "startDate": execution.started}


def _stop(call: Call) -> dict[str, Any]:
    call.allow("states:StopExecution", call.parameters["executionArn"])
    execution = call.execution()
    store.stop(execution, call.parameters.get("error"), call.parameters.get("cause"))
    return {"stopDate": execution.ended or now()}


def _summary(execution: Execution) -> dict[str, Any]:
    return {
        "executionArn": execution.arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started,
        **({"stopDate": execution.ended} if execution.ended else {}),
    }


def _describe_execution(call: Call) -> dict[str, Any]:
    call.allow("states:DescribeExecution", call.parameters["executionArn"])
    execution = call.execution()
    told = {name: getattr(execution, name) for name in ("output", "error", "cause")}
    return {
        **_summary(execution),
        "input": execution.input,
        "inputDetails": {"included": True},
        **({"outputDetails": {"included": True}} if execution.output is not None else {}),
        **{name: value for name, value in told.items() if value is not None},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
    }


def _list_executions(call: Call) -> dict[str, Any]:
    if "stateMachineArn" not in call.parameters:
        raise ApiError("ValidationException", "the local AWS lists the executions of a stateMachineArn only")
    call.allow("states:ListExecutions", call.parameters["stateMachineArn"])
    wanted = call.parameters.get("statusFilter")
    # The latest first (API reference of ListExecutions); those of the same millisecond in the order of their start.
    executions = sorted(call.machine().executions.values(), key=lambda execution: execution.started, reverse=True)
    return _page(call, "executions", [_summary(one) for one in executions if wanted in (None, one.status)])


def _history(call: Call) -> dict[str, Any]:
    call.allow("states:GetExecutionHistory", call.parameters["executionArn"])
    events = list(call.execution().events)
    if call.parameters.get("includeExecutionData") is False:
        events = [_without_data(event) for event in events]
    return _page(call, "events", events[::-1] if call.parameters.get("reverseOrder") else events)


def _without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    hidden = {"input", "output", "parameters", "inputDetails", "outputDetails"}
    return {
        key: {name: item for name, item in value.items() if name not in hidden} if isinstance(value, dict) else value
        for key, value in event.items()
    }


def _page(call: Call, member: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    # API reference of the List operations: 100 entries a page unless fewer are asked for; 0 stands for 100.
    size = call.parameters.get("maxResults") or 100
    try:
        first = int(call.parameters.get("nextToken", "0"))
    except ValueError as error:
        raise ApiError("InvalidToken", f"Invalid Token: '{call.parameters['nextToken']}'") from error
    more = {"nextToken": str(first + size)} if first + size < len(entries) else {}
    return {member: entries[first : first + size], **more}


def _tagged(call: Call, action: str) -> StateMachine:
    arn = call.parameters["resourceArn"]
    call.allow(f"states:{action}", arn)
    if arn not in MACHINES:
        raise ApiError("ResourceNotFound", f"Resource not found: '{arn}'")
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


def as_json(document: Any) -> str:
    """Return an answer as JSON text; times are seconds since 1970."""

    def number(value: Any) -> float:
        if isinstance(value, datetime):
            return value.astimezone(UTC).timestamp()
        raise TypeError(f"{value!r} is no JSON")

    return json.dumps(document, default=number)


_OPERATIONS: Final[Mapping[str, Callable[[Call], dict[str, Any]]]] = {
    "CreateStateMachine": _create,
    "DeleteStateMachine": _delete,
    "DescribeExecution": _describe_execution,
    "DescribeStateMachine": _describe,
    "GetExecutionHistory": _history,
    "ListExecutions": _list_executions,
    "ListStateMachines": _list,
    "ListTagsForResource": _list_tags,
    "StartExecution": _start,
    "StopExecution": _stop,
    "TagResource": _tag,
    "UntagResource": _untag,
    "UpdateStateMachine": _update,
}
