"""The errors of SageMaker's runtime: codes and fields of its API reference, messages as users quote them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.wrappers import Response

from localaws import settings
from localaws.sagemaker.endpoint_behaviour import Fault

TIMED_OUT: Final = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
CONTAINER_DOWN: Final = "An error occurred while handling request as the model process exited."
_NO_CAPACITY: Final = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
_NOT_READY: Final = (
    "The model is still being provisioned or loaded, and cannot answer yet. Wait and try your request again."
)


def error(status: int, error_type: str, document: Mapping[str, Any]) -> Response:
    """Return an error of the type `error_type` with the members `document`."""
    response = Response(json.dumps(document), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = error_type
    return response


def validation_error(message: str) -> Response:
    """Return the error for a request that is refused."""
    return error(400, "ValidationError", {"ErrorCode": "VALIDATION_ERROR", "Message": message})


def not_found(endpoint_name: str, variant: str | None = None) -> Response:
    """Return the error for an endpoint, or a variant of it, that does not run."""
    what = f"Variant {variant} of endpoint" if variant else "Endpoint"
    return validation_error(f"{what} {endpoint_name} of account {settings.ACCOUNT} not found.")


def model_error(status: int, original: str, *, region: str, endpoint_name: str, variant: str) -> Response:
    """Return the error for a container that failed; `status` is 0 where it did not answer."""
    is_client_error = 400 <= status < 500
    group = f"/aws/sagemaker/Endpoints/{endpoint_name}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#logEventViewer:group={group}"
    return error(
        424,
        "ModelError",
        {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if is_client_error else "INTERNAL_FAILURE_FROM_MODEL",
            "LogStreamArn": f"arn:aws:logs:{region}:{settings.ACCOUNT}:log-group:{group}:log-stream:{variant}",
            "Message": (
                f"Received {'client' if is_client_error else 'server'} error ({status}) from primary with message "
                f'"{original}". See {console} in account {settings.ACCOUNT} for more information.'
            ),
            "OriginalMessage": original,
            "OriginalStatusCode": status,
        },
    )


# The errors of faults, each with its status, type and members (API reference of InvokeEndpoint). SageMaker's throttling
# is a 400, and its message may be null.
_OF_FAULTS: Final[Mapping[str, tuple[int, str, Mapping[str, Any]]]] = {
    "throttled": (400, "ThrottlingException", {"message": None}),
    "no_capacity": (400, "ValidationError", {"ErrorCode": "VALIDATION_ERROR", "Message": _NO_CAPACITY}),
    "not_ready": (429, "ModelNotReadyException", {"Message": _NOT_READY}),
    "unavailable": (503, "ServiceUnavailable", {"Message": "The service is unavailable. Try your call again."}),
    "internal_failure": (500, "InternalFailure", {"Message": "An internal failure occurred."}),
    "dependency_failure": (530, "InternalDependencyException", {"Message": "A dependency of the service failed."}),
}


def of_fault(fault: Fault, *, region: str, endpoint_name: str, variant: str) -> Response | None:
    """Return the error that a fault asks for, or None if it is one within a stream."""
    if fault.kind in _OF_FAULTS:
        return error(*_OF_FAULTS[fault.kind])
    match fault.kind:
        case "not_in_service":
            return not_found(endpoint_name)
        case "container_down":
            status, message = 0, CONTAINER_DOWN
        case "model_error":
            status, message = fault.status, fault.message
        case _:
            return None
    return model_error(status, message, region=region, endpoint_name=endpoint_name, variant=variant)
