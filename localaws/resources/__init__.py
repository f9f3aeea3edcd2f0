"""The resource types that can be deployed, a module for each service.

Handlers work through boto3 against the local AWS itself, so that botocore checks every parameter and the service's
own rules apply.
"""

from __future__ import annotations

from typing import Final

from localaws.resources import (
    apigateway,
    apigateway_access,
    apigateway_stages,
    cdk,
    cloudwatch,
    custom,
    ecr,
    events,
    functions,
    iam,
    kms,
    logs,
    route53,
    s3,
    sagemaker,
    sns,
    ssm,
    stepfunctions,
    wafv2,
)
from localaws.resources.base import Handler

_HANDLERS: Final[dict[str, Handler]] = {
    handler.type_name: handler
    for module in (
        *(apigateway, apigateway_access, apigateway_stages, cdk, ecr, functions, iam, kms, logs, route53, s3),
        *(sagemaker, ssm, wafv2, cloudwatch, events, sns, stepfunctions),
    )
    for handler in module.HANDLERS
}


def supported_types() -> list[str]:
    """Return the names of the resource types that can be deployed, custom resources aside."""
    return sorted(_HANDLERS)


def is_supported(resource_type: str) -> bool:
    """Return whether resources of this type can be deployed."""
    return resource_type in _HANDLERS or custom.is_custom(resource_type)


def handler_for(resource_type: str) -> Handler:
    """Return the handler of a resource type.

    Raises:
        KeyError: If the type is not supported.
    """
    if custom.is_custom(resource_type):
        return custom.HANDLER
    return _HANDLERS[resource_type]
