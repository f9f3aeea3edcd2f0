"""The policies of functions: whether a service may invoke one."""

from __future__ import annotations

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends

from localaws import settings
from localaws.iam.policy import Decision, Principal, Request, evaluate


def may_invoke(function_arn: str, *, service: str, region: str, source_arn: str) -> bool:
    """Return whether the function's own policy lets a service invoke it for `source_arn`; no function, no.

    Args:
        function_arn: The function.
        service: The service's principal, such as `events.amazonaws.com`.
        region: The function's region.
        source_arn: The resource of the service that invokes.
    """
    try:
        statements = lambda_backends[settings.ACCOUNT][region].get_function(function_arn, None).policy.statements
    except UnknownFunctionException:
        return False
    request = Request(
        action="lambda:InvokeFunction",
        resource=function_arn,
        principal=Principal(kind="Service", names=(service,)),
        context={"aws:SourceArn": source_arn, "aws:SourceAccount": settings.ACCOUNT},
    )
    return evaluate(statements, request) is Decision.ALLOWED
