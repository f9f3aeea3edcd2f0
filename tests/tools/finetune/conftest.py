"""A fine-tuned model's stack as `tools.finetune` sees it, on the local AWS and without a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
import pytest

from stacks.models import MISTRAL_7B_DOLLY
from tests.support.state_machine_driver import StateMachines
from tools import deployed
from tools.deployed import DeclaredStack
from tools.finetune import uploading

REGION = "us-east-1"


@dataclass
class Pipeline:
    """A stack whose outputs are given, and whose state machine is made of given states.

    Attributes:
        stack: The stack.
        machines: Makes and runs state machines.
        outputs: The stack's outputs.
    """

    stack: DeclaredStack
    machines: StateMachines
    outputs: dict[str, str] = field(default_factory=dict)

    def create(self, states: dict[str, Any]) -> None:
        """Create the state machine."""
        self.outputs["StateMachineArn"] = self.machines.create(states)

    def start(self, given: Any = None, *, name: str | None = None) -> str:
        """Start a run, and return its ARN."""
        options = {"name": name} if name else {}
        return self.machines.start(self.outputs["StateMachineArn"], given, **options)

    def inputs(self) -> list[Any]:
        """Return the inputs of all runs, the newest first."""
        states = self.machines.states
        listed = states.list_executions(stateMachineArn=self.outputs["StateMachineArn"])["executions"]
        return [json.loads(states.describe_execution(executionArn=one["executionArn"])["input"]) for one in listed]

    def point(self, **values: str) -> None:
        """Write the pointer's parameters."""
        ssm = self.machines.aws("ssm")
        for name, value in {"served": "none", "previous": "none", "target": "none", **values}.items():
            ssm.put_parameter(Name=f"/jumpstack/{self.stack.path}/{name}", Value=value, Type="String", Overwrite=True)


@pytest.fixture(autouse=True)
def clients(aws: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the tools the clients that all tests share: one of SageMaker takes a second to make."""
    monkeypatch.setattr(boto3, "client", lambda service, region_name: aws(service, region=region_name))


@pytest.fixture
def pipeline(aws: Callable[..., Any], local_aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    name = f"t{uuid4().hex[:8]}"
    stack = DeclaredStack(
        path=f"dev/{name}",
        stack_name=f"dev-{name}",
        region=REGION,
        account=None,
        takes_keys=True,
        model=MISTRAL_7B_DOLLY,
    )
    made = Pipeline(stack, StateMachines(aws, local_aws))
    monkeypatch.setattr(deployed, "outputs", lambda _stack: made.outputs)
    monkeypatch.setattr(uploading, "outputs", lambda _stack: made.outputs)
    yield made
    made.machines.close()
