"""The `Resource` of Task states: which service and operation it names, and in whose words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import botocore.session
from botocore.model import OperationModel, ServiceModel

_RESOURCE: Final = re.compile(
    r"arn:aws(?:-[a-z]+)*:states:[a-z0-9-]*:\d*:(?P<sdk>aws-sdk:)?"
    r"(?P<service>[a-z0-9]+):(?P<action>[A-Za-z0-9]+)(?:\.(?P<pattern>[A-Za-z0-9:]+))?"
)

# A function's own ARN: the older form, which gives the function the state's input and takes what it returns.
_FUNCTION: Final = re.compile(
    r"arn:aws(?:-[a-z]+)*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+(?::[A-Za-z0-9_$-]+)?"
)

# The optimized integrations that are built here, each with the patterns that it takes.
_OPTIMIZED: Final = {
    ("lambda", "invoke"): (None,),
    ("sns", "publish"): (None,),
    ("events", "putEvents"): (None,),
    ("sagemaker", "createTrainingJob"): (None, "sync"),
}

# boto3's names of services whose name in `aws-sdk:` is another (Developer Guide, "Supported AWS SDK service
# integrations"; there they are the packages of the AWS SDK for Java 2.x).
_BOTO_NAMES: Final = {
    "bedrockruntime": "bedrock-runtime",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
    "sfn": "stepfunctions",
}

# The names with which optimized integrations begin their errors, and the AWS SDK for Java 1.x's name of the
# exception that is no better known ("Handling errors"; the service's class in the SDK).
_VERSION_1_NAMES: Final = {
    "lambda": ("Lambda", "AWSLambdaException", "AWSLambda"),
    "sns": ("SNS", "AmazonSNSException", "AmazonSNS"),
    "events": ("EventBridge", "AmazonEventBridgeException", "AmazonEventBridge"),
    "sagemaker": ("SageMaker", "AmazonSageMakerException", "AmazonSageMaker"),
}


class ResourceError(ValueError):
    """A resource that does not exist, or is not built here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """The operation that a task calls.

    Attributes:
        service: The service's name in the ARN.
        action: The operation's name in the ARN, e.g. `createTrainingJob`.
        pattern: `sync` if the task waits for the job that it starts.
        is_sdk: Whether it is one of the `aws-sdk:` integrations rather than an optimized one.
        operation: The operation's model.
        function: The function's ARN, where the resource is a function itself.
    """

    service: str
    action: str
    pattern: str | None
    is_sdk: bool
    operation: OperationModel
    function: str | None = None

    @property
    def boto_name(self) -> str:
        """boto3's name of the service."""
        return _BOTO_NAMES.get(self.service, self.service)

    @property
    def resource_type(self) -> str:
        """The service as the history names it."""
        return f"aws-sdk:{self.service}" if self.is_sdk else self.service

    @property
    def resource(self) -> str:
        """The action as the history names it."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action

    def error_name(self, code: str) -> str:
        """Return the name under which a state machine may catch an error of the service.

        An error that the service's model does not declare has the name of the service's general exception, as in
        the SDK for Java: SageMaker's `ValidationException` is `SageMaker.SageMakerException`.
        """
        declared = {
            shape.metadata.get("error", {}).get("code", shape.name): shape.name
            for shape in self.operation.service_model.error_shapes
        }
        if self.is_sdk:
            prefix = _java_name(str(self.operation.service_model.service_id))
            general = f"{prefix}Exception"
        else:
            prefix, general, _ = _VERSION_1_NAMES[self.service]
        name = declared.get(code)
        if name is None:
            return f"{prefix}.{general}"
        return f"{prefix}.{name}" if name.endswith("Exception") else f"{prefix}.{name}Exception"

    def cause(self, *, message: str, code: str, status: int, request_id: str) -> str:
        """Return what the SDK for Java says about an error of the service."""
        if self.is_sdk:
            name = str(self.operation.service_model.service_id).replace(" ", "")
            return f"{message} (Service: {name}, Status Code: {status}, Request ID: {request_id})"
        name = _VERSION_1_NAMES[self.service][2]
        return (
            f"{message} (Service: {name}; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; "
            "Proxy: null)"
        )


@cache
def parse(arn: str) -> Resource:
    """Return what a task's `Resource` names.

    Raises:
        ResourceError: If there is no such integration, or it is not built here.
    """
    if _FUNCTION.fullmatch(arn):
        operation = _service_model("lambda").operation_model("Invoke")
        return Resource(
            service="lambda", action="invoke", pattern=None, is_sdk=False, operation=operation, function=arn
        )
    match = _RESOURCE.fullmatch(arn)
    if match is None:
        raise ResourceError(f"The resource provided {arn} is not recognized, or not built here.")
    service, action, pattern = match["service"], match["action"], match["pattern"]
    if match["sdk"]:
        if pattern is not None:
            raise ResourceError(f"The pattern .{pattern} of the resource {arn} is not built here.")
    elif (service, action) not in _OPTIMIZED:
        built = ", ".join(":".join(names) for names in _OPTIMIZED)
        raise ResourceError(f"The resource provided {arn} is not recognized, or not built here. Built are: {built}.")
    elif pattern not in _OPTIMIZED[service, action]:
        raise ResourceError(f"The pattern .{pattern} of the resource {arn} is not built here.")
    try:
        model = _service_model(_BOTO_NAMES.get(service, service))
        operation = model.operation_model(action[0].upper() + action[1:])
    except botocore.exceptions.UnknownServiceError as error:
        raise ResourceError(f"The resource provided {arn} is not recognized. The service does not exist.") from error
    except botocore.model.OperationNotFoundError as error:
        raise ResourceError(
            f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the resource "
            "is not available in this region."
        ) from error
    return Resource(
        service=service, action=action, pattern=pattern, is_sdk=match["sdk"] is not None, operation=operation
    )


@cache
def _service_model(service: str) -> ServiceModel:
    loader = botocore.session.get_session().get_component("data_loader")
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


def _java_name(service_id: str) -> str:
    """Return a service's name as the SDK for Java 2.x writes it in the names of classes: `Ssm`, `SageMaker`."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|\d+", service_id)
    joined: list[str] = []
    for word in words:
        if word.isdigit() and joined:
            joined[-1] += word
        else:
            joined.append(word[0].upper() + word[1:].lower())
    return "".join(joined)


def response_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what optimized integrations add to their result about the HTTP exchange."""
    metadata = answer.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": dict(headers),
            "HttpStatusCode": metadata.get("HTTPStatusCode"),
        },
        "SdkResponseMetadata": {"RequestId": metadata.get("RequestId", "")},
    }
