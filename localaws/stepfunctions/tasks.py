"""Task states: calls of services with the state machine's role.

Every call goes over HTTP to the local AWS with the credentials of a session of the role, so that IAM decides about
it as about anybody's. Errors have the names that AWS documents ("Handling errors in Step Functions workflows").
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from localaws import iam, settings
from localaws.clients import role_client
from localaws.stepfunctions import casing, resources
from localaws.stepfunctions.execution import Execution
from localaws.stepfunctions.failures import (
    PERMISSIONS,
    RUNTIME,
    TASK_FAILED,
    TIMEOUT,
    ExecutionStopped,
    ExecutionTimedOut,
    StateFailure,
)
from localaws.stepfunctions.intrinsics import text_of
from localaws.stepfunctions.resources import Resource

_SERVICE: Final = "states.amazonaws.com"
_POLL_SECONDS: Final = 0.05
_ENDED: Final = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One attempt of a Task state.

    Attributes:
        execution: The execution.
        resource: The state's `Resource`.
        parameters: Its `Parameters`, filled in.
        timeout_seconds: Its time limit; None: none.
        record: Adds an event to the history.
    """

    execution: Execution
    resource: str
    parameters: Any
    timeout_seconds: float | None
    record: Callable[..., None]


def run(task: Task) -> Any:
    """Run a task and return its result.

    Raises:
        StateFailure: If it fails or takes too long.
        ExecutionStopped: If the execution is stopped meanwhile.
        ExecutionTimedOut: If the execution's time is up.
    """
    resource = resources.parse(task.resource)
    names = {"resourceType": resource.resource_type, "resource": resource.resource}
    limit = {} if task.timeout_seconds is None else {"timeoutInSeconds": int(task.timeout_seconds)}
    task.record(
        "TaskScheduled",
        taskScheduledEventDetails={
            **names,
            "region": task.execution.region,
            "parameters": text_of(task.parameters),
            **limit,
        },
    )
    task.record("TaskStarted", taskStartedEventDetails=names)
    try:
        result = _within_time(task, lambda cancelled: _call(task, resource, cancelled))
    except StateFailure as failure:
        kind = "TaskTimedOut" if failure.error == TIMEOUT else "TaskFailed"
        member = f"{kind[0].lower()}{kind[1:]}EventDetails"
        task.record(kind, **{member: {**names, "error": failure.error, "cause": failure.cause}})
        raise
    details = {**names, "output": text_of(result), "outputDetails": {"truncated": False}}
    task.record("TaskSucceeded", taskSucceededEventDetails=details)
    return result


def _within_time(task: Task, call: Callable[[threading.Event], Any]) -> Any:
    """Make a call in a thread of its own, and give up waiting when the task's or the execution's time is up."""
    answers: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()
    cancelled = threading.Event()

    def work() -> None:
        try:
            answers.put((call(cancelled), None))
        except BaseException as error:  # handed to the thread that waits
            answers.put((None, error))

    threading.Thread(target=work, name=f"task-{task.execution.name}", daemon=True).start()
    deadline = None if task.timeout_seconds is None else time.monotonic() + task.timeout_seconds
    try:
        while True:
            with contextlib.suppress(queue.Empty):
                result, error = answers.get(timeout=_POLL_SECONDS)
                if error is not None:
                    raise error
                return result
            task.execution.check()
            if deadline is not None and time.monotonic() >= deadline:
                # A real one has no cause: a catcher's input is {"Error": "States.Timeout", "Cause": ""}.
                raise StateFailure(TIMEOUT, "")
    except (ExecutionStopped, ExecutionTimedOut, StateFailure):
        cancelled.set()
        raise


def _call(task: Task, resource: Resource, cancelled: threading.Event) -> Any:
    client = _client(task, resource)
    if resource.function:
        return _invoke(client, resource, {"FunctionName": resource.function, "Payload": task.parameters})["Payload"]
    parameters = casing.to_api(resource.operation.input_shape, task.parameters)
    if resource.is_sdk:
        answer = _ask(client, resource, parameters)
        return casing.from_api(resource.operation.output_shape, answer)
    match resource.service:
        case "lambda":
            return _invoke(client, resource, parameters)
        case "events":
            return _put_events(task, client, resource, parameters)
        case "sns" if not isinstance(parameters.get("Message"), str):
            parameters = {**parameters, "Message": text_of(parameters.get("Message"))}
    answer = _ask(client, resource, parameters)
    result = {**casing.from_api(resource.operation.output_shape, answer, milliseconds=True)}
    submitted = {**resources.response_metadata(answer), **result}
    return _follow(task, client, resource, submitted, cancelled) if resource.pattern == "sync" else submitted


def _client(task: Task, resource: Resource) -> Any:
    execution = task.execution
    source = {"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": execution.state_machine_arn}
    if not iam.can_be_assumed_by(execution.role_arn, _SERVICE, context=source):
        raise StateFailure(PERMISSIONS, f"The role {execution.role_arn} cannot be assumed by {_SERVICE}.")
    return role_client(resource.boto_name, execution.region, execution.role_arn, session_name=execution.name)


def _ask(client: Any, resource: Resource, parameters: Any) -> dict[str, Any]:
    method = {operation: name for name, operation in client.meta.method_to_api_mapping.items()}[resource.operation.name]
    try:
        answer: dict[str, Any] = getattr(client, method)(**parameters)
    except ClientError as error:
        raise _failure(resource, error) from error
    except (BotoCoreError, TypeError) as error:
        # Parameters that the SDK itself does not take.
        raise StateFailure(RUNTIME, f"The parameters of {resource.action} could not be sent: {error}") from error
    return answer


def _failure(resource: Resource, error: ClientError) -> StateFailure:
    details = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    code = str(details.get("Code", "Unknown"))
    cause = resource.cause(
        message=str(details.get("Message") or details.get("message") or ""),
        code=code,
        status=int(metadata.get("HTTPStatusCode", 500)),
        request_id=str(metadata.get("RequestId", "")),
    )
    return StateFailure(resource.error_name(code), cause)


def _invoke(client: Any, resource: Resource, parameters: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function; an exception's class in its code is the name of the error, its report the cause."""
    event = parameters.get("Payload", {})
    answer = _ask(client, resource, {**parameters, "Payload": text_of(event).encode()})
    text = answer["Payload"].read().decode()
    if answer.get("FunctionError"):
        report = json.loads(text) if text else {}
        raise StateFailure(str(report.get("errorType") or "Lambda.Unknown"), text)
    return {
        **({"ExecutedVersion": answer["ExecutedVersion"]} if "ExecutedVersion" in answer else {}),
        "Payload": json.loads(text) if text else {},
        **resources.response_metadata(answer),
        "StatusCode": answer["StatusCode"],
    }


def _put_events(task: Task, client: Any, resource: Resource, parameters: dict[str, Any]) -> dict[str, Any]:
    """Put events; Step Functions adds the execution and the state machine to the resources of each."""
    own = [task.execution.arn, task.execution.state_machine_arn]
    entries = [
        {
            **entry,
            "Detail": entry["Detail"] if isinstance(entry.get("Detail"), str) else text_of(entry.get("Detail", {})),
            "Resources": [*entry.get("Resources", []), *own],
        }
        for entry in parameters.get("Entries", [])
    ]
    answer = _ask(client, resource, {**parameters, "Entries": entries})
    result: dict[str, Any] = casing.from_api(resource.operation.output_shape, answer, milliseconds=True)
    if result.get("FailedEntryCount"):
        raise StateFailure("EventBridge.FailedEntry", text_of(result))
    return {**result, **resources.response_metadata(answer)}


def _follow(
    task: Task, client: Any, resource: Resource, submitted: dict[str, Any], cancelled: threading.Event
) -> dict[str, Any]:
    """Wait for the end of a training job, and stop it when nobody waits any longer."""
    names = {"resourceType": resource.resource_type, "resource": resource.resource}
    task.record(
        "TaskSubmitted",
        taskSubmittedEventDetails={**names, "output": text_of(submitted), "outputDetails": {"truncated": False}},
    )
    name = {"TrainingJobName": task.parameters["TrainingJobName"]}
    shape = resource.operation.service_model.operation_model("DescribeTrainingJob").output_shape
    while not cancelled.wait(_POLL_SECONDS):
        try:
            answer = client.describe_training_job(**name)
        except ClientError as error:
            raise _failure(resource, error) from error
        job: dict[str, Any] = casing.from_api(shape, answer, milliseconds=True)
        if job["TrainingJobStatus"] in _ENDED:
            if job["TrainingJobStatus"] == "Completed":
                return job
            raise StateFailure(TASK_FAILED, text_of(job))
    with contextlib.suppress(ClientError):
        client.stop_training_job(**name)
    return {}
