"""A deployed fine-tuned model: its state machine, its pointer, and clients of the services that it uses."""

import json
from typing import Any

import boto3
from botocore.exceptions import ClientError

from model_import.contract import NO_RELEASE
from stacks.declarations import FineTunedModel
from tools.deployed import DeclaredStack, output

NONE = NO_RELEASE
"""The name of the served release, and of the one before, while there is none."""


class FineTuningError(ValueError):
    """A fine-tuning cannot be started, stopped or looked at, or has failed."""


def declared(stack: DeclaredStack) -> FineTunedModel:
    """Return the declaration of a fine-tuned model.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model.
    """
    if not isinstance(stack.model, FineTunedModel):
        raise FineTuningError(f"ENV/MODEL is {stack.path!r}: allowed is a fine-tuned model")
    return stack.model


def is_imported(stack: DeclaredStack) -> bool:
    """Return whether Bedrock serves the model."""
    return declared(stack).bedrock is not None


def client(stack: DeclaredStack, service: Any) -> Any:
    """Return a client of a service in the stack's region."""
    return boto3.client(service, region_name=stack.region)


def machine(stack: DeclaredStack) -> str:
    """Return the ARN of the pipeline's state machine; raise as `declared` and `tools.deployed.output` do."""
    declared(stack)
    return output(stack, "StateMachineArn")


def start_execution(stack: DeclaredStack, given: dict[str, str]) -> str:
    """Start a run with an input, and return its ARN."""
    started = client(stack, "stepfunctions").start_execution(stateMachineArn=machine(stack), input=json.dumps(given))
    return str(started["executionArn"])


def pointed(stack: DeclaredStack, name: str) -> str:
    """Return a value of the pointer: `served`, `previous` or `target`; `none` while there is none."""
    found = client(stack, "ssm").get_parameter(Name=f"/jumpstack/{stack.path}/{name}")
    return str(found["Parameter"]["Value"])


def endpoint(stack: DeclaredStack) -> dict[str, Any] | None:
    """Return the model's endpoint as SageMaker describes it, None where there is none."""
    try:
        found: dict[str, Any] = client(stack, "sagemaker").describe_endpoint(EndpointName=stack.stack_name)
    except ClientError as error:
        if code_of(error) == "ValidationException":
            return None
        raise
    return found


def code_of(error: ClientError) -> str:
    """Return the code of a service's error."""
    return str(error.response.get("Error", {}).get("Code", ""))
