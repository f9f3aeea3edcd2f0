"""The resources of a run, and their removal: also after an interrupt, and by the next run after a kill.

Each removal is written to a ledger (`ledger.py`) before the resource is made. A run that ends removes all of its own;
what the ledgers of earlier runs still hold is removed by the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.conformance.ledger import Removal, remove_all, write
from tests.conformance.target import Target


class Made:
    """The resources of a run, the newest last.

    Args:
        target: Where they are.
        folder: Where the ledger is; None keeps none.
    """

    def __init__(self, target: Target, *, folder: Path | None = None) -> None:
        self.target = target
        self._removals: list[Removal] = []
        self._ledger = folder and folder / f"conformance-{target.account}-{target.region}-{target.run}.json"

    def undo(self, service: str, operation: str, **arguments: Any) -> None:
        """Remember how something is removed that is about to be made."""
        self._removals.append(Removal(service, operation, arguments))
        self._write()

    def undo_named(
        self, service: str, operation: str, argument: str, name: str, **arguments: Any
    ) -> Callable[[str], None]:
        """Remember how something is removed that is about to be made and whose id AWS chooses.

        Args:
            service: The service.
            operation: The client's method.
            argument: The method's argument that takes the id.
            name: The name by which the resource is found while its id is unknown.
            arguments: The method's other arguments.

        Returns:
            What takes the id, once it is known.
        """
        place = len(self._removals)
        self._removals.append(Removal(service, operation, arguments, (argument, name)))
        self._write()

        def known(made: str) -> None:
            self._removals[place] = Removal(service, operation, {**arguments, argument: made})
            self._write()

        return known

    def _write(self) -> None:
        if self._ledger:
            write(self._ledger, self._removals)

    def remove(self) -> list[str]:
        """Remove all, the newest first; return what could not be removed, which stays in the ledger."""
        return remove_all(self.target, self._removals, self._ledger)

    def role(self, service: str, *statements: Mapping[str, Any], condition: Mapping[str, Any] | None = None) -> str:
        """Make a role that a service may assume, on a condition; return its ARN."""
        name, iam = self.target.name(), self.target.client("iam")
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        document = _policy([{**trust, "Condition": condition} if condition else trust])
        self.undo("iam", "delete_role", RoleName=name)
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, Tags=self.tag_list())["Role"][
            "Arn"
        ]
        if statements:
            self.undo("iam", "delete_role_policy", RoleName=name, PolicyName="inline")
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=_policy(statements))
        return arn

    def function(self, code: bytes, **configuration: Any) -> str:
        """Make a function that may write into its log group; return its ARN.

        It may not make the group, which is made before it: lines that arrive after the removal bring no group back.
        The role may be unknown to Lambda for some time.
        """
        logs = allow("logs:CreateLogStream", "logs:PutLogEvents")
        name, role = self.target.name(), self.role("lambda.amazonaws.com", logs)
        group = f"/aws/lambda/{name}"
        self.undo("logs", "delete_log_group", logGroupName=group)
        self.target.client("logs").create_log_group(logGroupName=group, tags=self.target.tags)
        self.target.client("logs").put_retention_policy(logGroupName=group, retentionInDays=1)
        self.undo("lambda", "delete_function", FunctionName=name)
        lambda_ = self.target.client("lambda")
        settings = {"Runtime": "python3.14", "Timeout": 20, "MemorySize": 256, "Architectures": ["arm64"]}

        def create() -> dict[str, Any]:
            made: dict[str, Any] = lambda_.create_function(
                FunctionName=name, Role=role, Code={"ZipFile": code}, Tags=self.target.tags, **settings | configuration
            )
            return made

        arn: str = self.target.eventually(create, bool)["FunctionArn"]
        self.target.eventually(
            lambda: lambda_.get_function_configuration(FunctionName=name), lambda one: one.get("State") == "Active"
        )
        return arn

    def state_machine(
        self,
        states: Mapping[str, Any],
        *statements: Mapping[str, Any],
        logging: Mapping[str, Any] | None = None,
        **definition: Any,
    ) -> str:
        """Make a state machine whose role has the statements; its first state is where it starts."""
        role = self.role("states.amazonaws.com", *statements)
        more = {"loggingConfiguration": logging} if logging else {}
        return self.target.eventually(
            lambda: self.create_state_machine(states=states, role=role, definition=definition, **more), bool
        )

    def create_state_machine(
        self,
        *,
        states: Mapping[str, Any],
        role: str,
        definition: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """Make a state machine of a role at once, which may be too early for the role; return its ARN."""
        name = self.target.name()
        self.undo(
            "stepfunctions", "delete_state_machine", stateMachineArn=self.target.arn("states", f"stateMachine:{name}")
        )
        text = json.dumps({"StartAt": next(iter(states)), "States": states, **(definition or {})})
        tags = [{"key": key, "value": value} for key, value in self.target.tags.items()]
        client = self.target.client("stepfunctions")
        made = client.create_state_machine(name=name, definition=text, roleArn=role, tags=tags, **more)
        return str(made["stateMachineArn"])

    def run(self, machine: str, given: Any = None, **options: Any) -> dict[str, Any]:
        """Run a state machine to its end; return the execution as DescribeExecution shows it."""
        client = self.target.client("stepfunctions")
        execution = client.start_execution(stateMachineArn=machine, input=json.dumps(given or {}), **options)
        described: dict[str, Any] = self.target.eventually(
            lambda: client.describe_execution(executionArn=execution["executionArn"]),
            lambda one: one["status"] != "RUNNING",
        )
        return described

    def tag_list(self) -> list[dict[str, str]]:
        """Return the run's tags as most services take them."""
        return [{"Key": key, "Value": value} for key, value in self.target.tags.items()]


def allow(*actions: str, resource: str = "*", **conditions: Mapping[str, str]) -> dict[str, Any]:
    """Return a statement."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": conditions} if conditions else statement


def _policy(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
