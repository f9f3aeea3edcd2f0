"""Servers of deployed models as they are at the moment: instances behind an endpoint, or Bedrock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.account.questions import ClientFactory, NotAnsweredError, ask
from tools.status.found import FoundStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Server of a model: instances behind an endpoint, or Bedrock.

    Attributes:
        by: `endpoint` or `bedrock`.
        name: The endpoint, or the imported model.
        status: The endpoint's status; empty for Bedrock.
        instance_type: Type of the endpoint's instances; empty for Bedrock.
        instances: Number of instances that run.
    """

    by: str
    name: str
    status: str = ""
    instance_type: str = ""
    instances: int = 0

    def __str__(self) -> str:
        if self.by == "endpoint":
            return f"endpoint {self.status}, {self.instances} x {self.instance_type}"
        return f"Bedrock serves {self.name}"


def serving(stack: FoundStack, client: ClientFactory) -> Serving | None:
    """Return what serves a stack's model; None where nothing does.

    Args:
        stack: The stack.
        client: Makes boto3 clients.

    Raises:
        NotAnsweredError: If AWS does not say.
    """
    pointer = stack.outputs.get("PointerName")
    if pointer is not None and "EndpointName" not in stack.outputs:
        parameters = client("ssm", region=stack.region)
        version = ask("ssm:GetParameter", parameters.get_parameter, Name=pointer)["Parameter"]["Value"]
        # Before a first version is served, and after the last, there is a word in its place.
        return Serving(by="bedrock", name=version.rpartition("/")[2]) if version.startswith("arn:") else None
    # An endpoint has its stack's name, and is there before the outputs of a stack whose creation fails.
    return _endpoint(stack.outputs.get("EndpointName", stack.stack_name), client("sagemaker", region=stack.region))


def _endpoint(name: str, sagemaker: Any) -> Serving | None:
    try:
        endpoint = ask("sagemaker:DescribeEndpoint", sagemaker.describe_endpoint, EndpointName=name)
    except NotAnsweredError as error:
        # SageMaker says so of endpoints that do not exist.
        if error.code == "ValidationException":
            return None
        raise
    config = ask(
        "sagemaker:DescribeEndpointConfig",
        sagemaker.describe_endpoint_config,
        EndpointConfigName=endpoint["EndpointConfigName"],
    )
    declared = config["ProductionVariants"][0]
    # While an endpoint is created, it has no variants yet.
    running = (endpoint.get("ProductionVariants") or [{}])[0]
    return Serving(
        by="endpoint",
        name=name,
        status=endpoint["EndpointStatus"],
        instance_type=declared["InstanceType"],
        instances=running.get("CurrentInstanceCount", declared["InitialInstanceCount"]),
    )
