"""Amazon SageMaker: models, endpoint configurations and endpoints."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

from botocore.exceptions import ClientError

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_missing,
    without,
)
from localaws.resources.tags import Tagging

# An endpoint's name, and that of its configuration and model, has at most 63 characters (CreateEndpoint).
_LONGEST_NAME: Final = 63
_POLL_SECONDS: Final = 0.1

_TAGGING: Final = Tagging(service="sagemaker", resource="ResourceArn", add="add_tags", remove="delete_tags")

# The longest of the two timeouts of a production variant, twice (ProductionVariant: at most 3600 s each).
_LONGEST_WAIT_SECONDS: Final = 7200


class _Named(Handler):
    """The base of models, endpoint configurations and endpoints: name, ARN, tags."""

    operation: ClassVar[str]
    """The end of the operations' names, e.g. `endpoint_config`."""

    kind: ClassVar[str]
    """The beginning of the parameters' names, e.g. `EndpointConfig`."""

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the resource; its ARN is its physical id."""
        sagemaker = context.client("sagemaker")
        name = properties.get(f"{self.kind}Name") or context.generated_name(_LONGEST_NAME)
        parameters = {**without(properties, *self.without_effect), f"{self.kind}Name": name}
        answer = call(sagemaker, f"create_{self.operation}", **parameters)
        context.physical_id = answer[f"{self.kind}Arn"]
        context.attributes = {f"{self.kind}Arn": context.physical_id, f"{self.kind}Name": name}
        self._settle(sagemaker, name)
        return context.attributes

    def _settle(self, sagemaker: Any, name: str) -> None:
        """Wait until the resource can be used; models and configurations can at once."""

    def _name(self, context: Context) -> str:
        # Not the ARN's last part: an endpoint's ARN has its name in lower case.
        name: str = context.attributes[f"{self.kind}Name"]
        return name

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the tags; everything else takes a new resource."""
        _TAGGING.change(context, context.physical_id, old, new)
        return context.attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the resource."""
        parameters = {f"{self.kind}Name": self._name(context)}
        call(context.client("sagemaker"), f"delete_{self.operation}", **parameters)


class Model(_Named):
    """`AWS::SageMaker::Model`."""

    type_name = "AWS::SageMaker::Model"
    operation = "model"
    kind = "Model"
    applied = frozenset(
        {
            "Containers",
            "EnableNetworkIsolation",
            "ExecutionRoleArn",
            "InferenceExecutionConfig",
            "ModelName",
            "PrimaryContainer",
            "Tags",
            "VpcConfig",
        }
    )


class EndpointConfig(_Named):
    """`AWS::SageMaker::EndpointConfig`."""

    type_name = "AWS::SageMaker::EndpointConfig"
    operation = "endpoint_config"
    kind = "EndpointConfig"
    applied = frozenset({"DataCaptureConfig", "EndpointConfigName", "KmsKeyId", "ProductionVariants", "Tags"})


class Endpoint(_Named):
    """`AWS::SageMaker::Endpoint`; created and updated only when it is in service."""

    type_name = "AWS::SageMaker::Endpoint"
    operation = "endpoint"
    kind = "Endpoint"
    applied = frozenset({"DeploymentConfig", "EndpointConfigName", "EndpointName", "Tags"})

    def _settle(self, sagemaker: Any, name: str) -> None:
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            endpoint = sagemaker.describe_endpoint(EndpointName=name)
            match endpoint["EndpointStatus"]:
                case "InService":
                    return
                case "Failed" | "UpdateRollbackFailed" | "OutOfService":
                    raise ResourceError(
                        f'Resource handler returned message: "{endpoint.get("FailureReason", "no reason given")}" '
                        "(HandlerErrorCode: NotStabilized)"
                    )
            time.sleep(_POLL_SECONDS)
        raise ResourceError(f"Exceeded attempts to wait: endpoint {name} is not in service (NotStabilized)")

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Move the endpoint to another configuration and wait for it."""
        sagemaker, name = context.client("sagemaker"), self._name(context)
        wanted = new["EndpointConfigName"]
        if sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] != wanted:
            call(
                sagemaker,
                "update_endpoint",
                EndpointName=name,
                EndpointConfigName=wanted,
                DeploymentConfig=new.get("DeploymentConfig"),
            )
            self._settle(sagemaker, name)
            # A failed update puts the endpoint back into service with the configuration it had.
            current = sagemaker.describe_endpoint(EndpointName=name)
            if current["EndpointConfigName"] != wanted:
                raise ResourceError(
                    f'Resource handler returned message: "{current.get("FailureReason", "the update failed")}" '
                    "(HandlerErrorCode: NotStabilized)"
                )
        return super().update(context, old, new)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the endpoint and wait until it is gone."""
        super().delete(context, properties)
        sagemaker, name = context.client("sagemaker"), self._name(context)
        deadline = time.monotonic() + _LONGEST_WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                sagemaker.describe_endpoint(EndpointName=name)
            except ClientError as error:
                if is_missing(error):
                    return
                raise
            time.sleep(_POLL_SECONDS)


HANDLERS = (Model(), EndpointConfig(), Endpoint())
