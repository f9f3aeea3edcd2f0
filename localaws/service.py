"""A call of a service that the local AWS answers itself, and its refusal: permissions and constraints of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws import constraints, iam
from localaws.iam.policy import Context, Statement


class ServiceError(Exception):
    """An error that a service answers.

    Attributes:
        code: The error's name in the API.
        message: The text for the caller.
        members: The error's other members, e.g. `originalStatusCode`.
    """

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.members = members


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of an operation.

    Attributes:
        region: The region.
        identity: The caller; None: nobody who is known here.
        parameters: The operation's parameters.
    """

    region: str
    identity: iam.Identity | None
    parameters: Mapping[str, Any]

    def authorize(self, action: str, resource: str | None, context: Context | None = None) -> None:
        """Refuse the call unless the caller's policies allow an action; see `authorize`."""
        authorize(self.identity, action, resource, context=context)


def authorize(
    identity: iam.Identity | None,
    action: str,
    resource: str | None,
    *,
    context: Context | None = None,
    resource_policy: Sequence[Statement] = (),
) -> None:
    """Refuse a call unless the policies of `identity` allow an action.

    Args:
        identity: The caller; None: nobody who is known here, who may do everything.
        action: The IAM action, with its prefix.
        resource: The resource's ARN; None where the action has none.
        context: The condition keys of the request.
        resource_policy: The statements of the resource's own policy.

    Raises:
        ServiceError: AccessDeniedException, if they do not.
    """
    try:
        iam.authorize(identity, action=action, resource=resource, context=context, resource_policy=resource_policy)
    except iam.AccessDeniedError as error:
        raise ServiceError("AccessDeniedException", str(error)) from error


def check(service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse a call whose parameters break the constraints of the API.

    Args:
        service: Name of the service in boto3.
        operation: The operation's name.
        parameters: The operation's parameters.

    Raises:
        ServiceError: ValidationException, with everything that is wrong.
    """
    refusal = constraints.refusal(service, operation, parameters)
    if refusal is not None:
        raise ServiceError("ValidationException", refusal)
