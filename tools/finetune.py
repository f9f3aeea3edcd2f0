"""Start a fine-tuning, look at it, wait for it, or go back to the release before."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from stacks.declarations import FineTunedModel
from tools.deployed import DeclaredStack, output
from tools.retired import retired

_POLL_SECONDS = 5.0
_SHOWN_EXECUTIONS = 5
_LONGEST_CAUSE = 2000


class FineTuningError(ValueError):
    """A fine-tuning cannot be started or looked at, or has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a pipeline.

    Attributes:
        arn: Its ARN.
        status: Step Functions' status, such as `RUNNING`.
        started: Time of the start.
        state: The present state, or the last.
    """

    arn: str
    status: str
    started: datetime
    state: str = ""

    @property
    def name(self) -> str:
        """Last part of the ARN."""
        return self.arn.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Served release of a fine-tuned model, and its last executions.

    Attributes:
        served: The release that is served, `none` before a first one.
        previous: The release that a rollback would serve.
        target: Target that serves it: the endpoint's name or the imported model's ARN, `none` before a first release.
        endpoint: The endpoint's status, `none` where there is no endpoint; None where Bedrock serves.
        executions: The last executions, newest first.
    """

    served: str
    previous: str
    target: str
    endpoint: str | None
    executions: tuple[Execution, ...]


def start(stack: DeclaredStack, *, data_prefix: str | None = None) -> str:
    """Start a training.

    Args:
        stack: The stack, deployed.
        data_prefix: Data to train on in place of the declared, `s3://bucket/prefix/`.

    Returns:
        The execution's ARN.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    return _start(stack, {"dataPrefix": data_prefix} if data_prefix else {})


def rollback(stack: DeclaredStack) -> str:
    """Start going back to the release before; see `start`."""
    return _start(stack, {"action": "rollback"})


def status(stack: DeclaredStack) -> Status:
    """Return the served release and the last executions; raise as `start` does."""
    states, arn = _states(stack), _machine(stack)
    listed = states.list_executions(stateMachineArn=arn, maxResults=_SHOWN_EXECUTIONS)["executions"]
    return Status(
        served=_parameter(stack, "served"),
        previous=_parameter(stack, "previous"),
        target=_parameter(stack, "target"),
        endpoint=None if _is_imported(stack) else _endpoint_status(stack),
        executions=tuple(
            Execution(
                arn=one["executionArn"],
                status=one["status"],
                started=one["startDate"],
                state=_last_state(states, one["executionArn"]),
            )
            for one in listed
        ),
    )


def wait(stack: DeclaredStack, arn: str, *, report: Callable[[str], None], poll_seconds: float = _POLL_SECONDS) -> None:
    """Wait for an execution's end.

    Args:
        stack: The stack.
        arn: The execution's ARN.
        report: Takes the name of each state that is entered.
        poll_seconds: Seconds between two looks.

    Raises:
        FineTuningError: If it does not succeed; the reason is in the message.
    """
    states = _states(stack)
    reported = ""
    while True:
        described = states.describe_execution(executionArn=arn)
        if (state := _last_state(states, arn)) != reported:
            reported = state
            report(state)
        if described["status"] == "SUCCEEDED":
            return
        if described["status"] != "RUNNING":
            cause = reason(str(described.get("cause", "")))[:_LONGEST_CAUSE]
            raise FineTuningError(f"{described['status']}: {described.get('error', '')}: {cause}")
        time.sleep(poll_seconds)


def reason(cause: str) -> str:
    """Return what a cause of Step Functions says to people.

    The cause of a Lambda function's error is JSON with the message and the stack trace, that of a training job is its
    description; any other is the reason itself.
    """
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(document, dict):
        return cause
    found = document.get("errorMessage") or document.get("FailureReason")
    return found if isinstance(found, str) else cause


def is_served(stack: DeclaredStack) -> bool:
    """Return whether a version of a deployed fine-tuned model is served."""
    return _parameter(stack, "target") != "none"


def _is_imported(stack: DeclaredStack) -> bool:
    return isinstance(stack.model, FineTunedModel) and stack.model.bedrock is not None


def _start(stack: DeclaredStack, given: dict[str, str]) -> str:
    started = _states(stack).start_execution(stateMachineArn=_machine(stack), input=json.dumps(given))
    return str(started["executionArn"])


def _machine(stack: DeclaredStack) -> str:
    if not isinstance(stack.model, FineTunedModel):
        raise FineTuningError(f"ENV/MODEL is {stack.path!r}: allowed is a fine-tuned model")
    return output(stack, "StateMachineArn")


def _states(stack: DeclaredStack) -> Any:
    return boto3.client("stepfunctions", region_name=stack.region)


def _parameter(stack: DeclaredStack, name: str) -> str:
    ssm: Any = boto3.client("ssm", region_name=stack.region)
    return str(ssm.get_parameter(Name=f"/jumpstack/{stack.path}/{name}")["Parameter"]["Value"])


def _endpoint_status(stack: DeclaredStack) -> str:
    sagemaker: Any = boto3.client("sagemaker", region_name=stack.region)
    try:
        return str(sagemaker.describe_endpoint(EndpointName=stack.stack_name)["EndpointStatus"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException":
            return "none"
        raise


def _last_state(states: Any, arn: str) -> str:
    history = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=100)["events"]
    entered = (event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event)
    return str(next(entered, ""))


if __name__ == "__main__":
    raise SystemExit(retired("tools.finetune"))
