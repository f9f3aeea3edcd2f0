"""The app's stacks as CloudFormation has them, found by what the app writes into each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tools.account.questions import ClientFactory
from tools.deployed import NamedStack

# Descriptions of models' stacks, in all versions: the model, what is done with it, and the environment (stacks/). CDK
# tags the resources of a stack and not the stack.
_DESCRIPTION = re.compile(
    r"(?P<model>[^\s,]+(?: \d+\.\d+\.\d+)?(?:, tuned)?(?:, imported into Bedrock)?),? in (?P<environment>\S+)"
)
# An output of all models' stacks, once they are complete.
_OUTPUT = "InvokeUrl"
_COMPLETE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundStack(NamedStack):
    """One model's stack as it is deployed.

    Attributes:
        stack_id: CloudFormation's ARN of it.
        model: The model, its version, and what is done with it, as the stack's description has it.
        status: CloudFormation's status.
        reason: CloudFormation's reason for the status; empty where it gives none.
        outputs: The outputs by their names.
    """

    stack_id: str
    model: str
    status: str
    reason: str
    outputs: Mapping[str, str]

    @property
    def account(self) -> str:
        """The account, 12 digits."""
        return self.stack_id.split(":")[4]


def found_stacks(region: str, client: ClientFactory) -> list[FoundStack]:
    """List the models' stacks in one region, in order of their paths. Stacks of accounts' settings are none of them.

    Args:
        region: The region.
        client: Makes boto3 clients.

    Raises:
        botocore.exceptions.BotoCoreError: If CloudFormation does not answer.
        botocore.exceptions.ClientError: If it refuses.
    """
    cloudformation = client("cloudformation", region=region)
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    found = (_of_the_app(stack, region) for page in pages for stack in page["Stacks"])
    return sorted((stack for stack in found if stack is not None), key=lambda stack: stack.path)


def _of_the_app(stack: Mapping[str, Any], region: str) -> FoundStack | None:
    """Return one of the app's stacks; None for any other, and for one that is gone.

    Name, description and outputs must agree: the name is `ENV-MODEL`, and the description has the environment, too.
    """
    described = _DESCRIPTION.fullmatch(stack.get("Description", ""))
    status = stack["StackStatus"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if described is None or status == "DELETE_COMPLETE":
        return None
    environment, _, model = stack["StackName"].partition(f"{described['environment']}-")
    if environment or not model or (status in _COMPLETE and _OUTPUT not in outputs):
        return None
    return FoundStack(
        path=f"{described['environment']}/{model}",
        stack_name=stack["StackName"],
        region=region,
        stack_id=stack["StackId"],
        model=described["model"],
        status=status,
        reason=stack.get("StackStatusReason", ""),
        outputs=outputs,
    )


def of_path(path: str, stacks: list[FoundStack]) -> Iterator[FoundStack]:
    """Iterate over those of an environment, such as `dev`, or of a path, such as `dev/falcon-7b`."""
    yield from (stack for stack in stacks if path in {stack.path, stack.environment_name})
