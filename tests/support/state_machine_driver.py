"""Creates state machines on the local AWS, runs them, and returns how they ended."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from tests.support.local_aws import steer

DEADLINE_SECONDS = 30


def trust(service: str) -> str:
    """A trust policy for a service."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions: str, resource: str = "*") -> dict[str, Any]:
    """A statement."""
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def make_role(iam: Any, service: str, statements: Sequence[Mapping[str, Any]]) -> str:
    """Make a role that `service` may take on; return its ARN."""
    name = f"role-{uuid4().hex[:12]}"
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    if statements:
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(document))
    return arn


class StateMachines:
    """State machines in us-east-1.

    Args:
        aws: Makes boto3 clients.
        url: Where the local AWS serves.
    """

    def __init__(self, aws: Callable[..., Any], url: str) -> None:
        self.aws = aws
        self.states = aws("stepfunctions")
        self._url = url
        self._made: list[str] = []

    def create(self, states: Mapping[str, Any], *statements: Mapping[str, Any], **machine: Any) -> str:
        """Create a state machine whose role has `statements`; its first state is where it starts."""
        role_arn = make_role(self.aws("iam"), "states.amazonaws.com", statements)
        definition = {"StartAt": next(iter(states)), "States": states, **machine}
        arn: str = self.states.create_state_machine(
            name=f"machine-{uuid4().hex[:12]}", definition=json.dumps(definition), roleArn=role_arn
        )["stateMachineArn"]
        self._made.append(arn)
        return arn

    def start(self, machine: str, given: Any = None, **options: Any) -> str:
        """Start an execution."""
        text = json.dumps({} if given is None else given)
        arn: str = self.states.start_execution(stateMachineArn=machine, input=text, **options)["executionArn"]
        return arn

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution; its output comes decoded."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                if "output" in described:
                    described["output"] = json.loads(described["output"])
                return described
            time.sleep(0.02)
        raise AssertionError(f"{execution} did not end in {DEADLINE_SECONDS} s")

    def run(self, states: Mapping[str, Any], given: Any = None, *statements: Mapping[str, Any], **machine: Any) -> Any:
        """Create a state machine, run it and return the execution."""
        return self.ended(self.start(self.create(states, *statements, **machine), given))

    def output(self, state: Mapping[str, Any], given: Any = None) -> Any:
        """Run a single state and return its output."""
        execution = self.run({"Only": {**state, "End": True}}, given)
        assert execution["status"] == "SUCCEEDED", execution
        return execution["output"]

    def events(self, execution: str) -> list[dict[str, Any]]:
        """The history of an execution."""
        events: list[dict[str, Any]] = self.states.get_execution_history(executionArn=execution)["events"]
        return events

    def wait_for_event(self, execution: str, kind: str) -> None:
        """Wait until the history of an execution has an event of that type."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not any(event["type"] == kind for event in self.events(execution)):
            assert time.monotonic() < deadline, f"{execution} had no {kind} in {DEADLINE_SECONDS} s"
            time.sleep(0.02)

    def function(self, code: str) -> str:
        """Make a Python function from its module's text; return its name."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("index.py", code)
        logs = allow("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
        name = f"function-{uuid4().hex[:12]}"
        self.aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="index.handler",
            Role=make_role(self.aws("iam"), "lambda.amazonaws.com", [logs]),
            Code={"ZipFile": archive.getvalue()},
        )
        return name

    def scale_waits(self, scale: float | None) -> None:
        """Make waits shorter; None: as long as they are."""
        if scale is None:
            steer(self._url, "stepfunctions", method="DELETE")
        else:
            steer(self._url, "stepfunctions", {"wait_scale": scale})

    def wait_until_gone(self, machine: str) -> None:
        """Wait until a state machine that is being deleted is gone."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline:
            try:
                self.states.describe_state_machine(stateMachineArn=machine)
            except self.states.exceptions.StateMachineDoesNotExist:
                self._made.remove(machine)
                return
            time.sleep(0.02)
        raise AssertionError(f"{machine} was not gone in {DEADLINE_SECONDS} s")

    def close(self) -> None:
        """Delete what was made."""
        self.scale_waits(None)
        for machine in self._made:
            for execution in self.states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
                self.states.stop_execution(executionArn=execution["executionArn"])
            self.states.delete_state_machine(stateMachineArn=machine)
