"""The IAM action and the resource of a request.

Source: the Service Authorization Reference. Only the services that a function of the app may call are told
    apart by
resource; for all others the resource is None, and then a policy decides by the action alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

# Where an operation and the action that permits it have different names.
_ACTION_NAMES: Final[Mapping[str, str]] = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}

# Per service, the parameter that names the resource and the resource part of its ARN; the first that is given
# counts.
_NAMED_BY_PARAMETER: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "sagemaker": (
        ("EndpointName", "endpoint/{}"),
        ("EndpointConfigName", "endpoint-config/{}"),
        ("ModelName", "model/{}"),
        ("TrainingJobName", "training-job/{}"),
    ),
    "logs": (("logGroupName", "log-group:{}:log-stream:"),),
    "ssm": (("Name", "parameter/{}"),),
}

# Per service, the parameters that give the resource's ARN itself.
_GIVEN_AS_ARN: Final[Mapping[str, tuple[str, ...]]] = {
    "sagemaker": ("ResourceArn",),
    "sns": ("TopicArn", "TargetArn"),
    "sts": ("RoleArn",),
}


def action_of(service: str, operation: str) -> str:
    """Return the IAM action of an operation, e.g. `lambda:InvokeFunction` of Lambda's `Invoke`.

    Args:
        service: The service's name in the credential scope, which is its prefix in IAM.
        operation: The operation's name in the API.
    """
    action = f"{service}:{operation}"
    return _ACTION_NAMES.get(action, action)


def resource_of(service: str, *, region: str, account: str, path: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the ARN of the resource that a request is about, or None where it is not known.

    Args:
        service: The service's name in the credential scope.
        region: The region of the request.
        account: The twelve-digit account.
        path: The path of the request's URL.
        parameters: The parameters of the request's body or query.
    """
    prefix = f"arn:aws:{service}:{region}:{account}:"
    if service == "lambda":
        return _function_arn(prefix, path)
    if service == "kms":
        return _key_arn(prefix, parameters.get("KeyId"))
    if service == "events" and "Entries" in parameters:
        return _event_bus_arn(prefix, parameters["Entries"])
    for parameter in _GIVEN_AS_ARN.get(service, ()):
        # The query protocol gives every parameter as a list.
        given = parameters.get(parameter)
        arn = given[0] if isinstance(given, list) and given else given
        if isinstance(arn, str):
            return arn
    for parameter, form in _NAMED_BY_PARAMETER.get(service, ()):
        name = parameters.get(parameter)
        if isinstance(name, str):
            arn = prefix + form.format(name.removeprefix("/") if service == "ssm" else name)
            return arn + parameters.get("logStreamName", "") if service == "logs" else arn
    return None


def bucket_resource(*, action: str, bucket: str | None, key: str | None) -> str | None:
    """Return the ARN of what a request to S3 is about.

    A request that deletes several objects names none of them in its URL: it is one about all objects of the
    bucket.
    """
    if bucket is None:
        return None
    if key is not None:
        return f"arn:aws:s3:::{bucket}/{key}"
    return f"arn:aws:s3:::{bucket}/*" if action.endswith("Object") else f"arn:aws:s3:::{bucket}"


def _function_arn(prefix: str, path: str) -> str | None:
    """Return the ARN of the function in a path such as `/2015-03-31/functions/<name or ARN>/invocations`."""
    parts = unquote(path).split("/functions/", 1)
    if len(parts) == 1:
        return None
    name = parts[1].split("/", 1)[0]
    return name if name.startswith("arn:") else f"{prefix}function:{name}"


def _event_bus_arn(prefix: str, entries: Any) -> str:
    """Return the ARN of the bus that events are put on; those of one call are taken to go to the same."""
    first = entries[0] if entries else {}
    name = first.get("EventBusName") or "default"
    return str(name) if str(name).startswith("arn:") else f"{prefix}event-bus/{name}"


def _key_arn(prefix: str, key: Any) -> str | None:
    if not isinstance(key, str) or "alias/" in key:
        return None
    return key if key.startswith("arn:") else f"{prefix}key/{key}"
