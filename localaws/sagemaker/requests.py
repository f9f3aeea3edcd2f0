"""Checks of a call that moto handles: the constraints of the API, and permissions beside the operation's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.sagemaker.exceptions import ValidationError

from localaws import constraints, iam


def checked(operation: str, response: Any) -> Mapping[str, Any]:
    """Return the parameters of a call that keep the constraints of the API.

    Args:
        operation: The operation's name.
        response: Handler of the call in moto.

    Raises:
        moto.sagemaker.exceptions.ValidationError: If they do not, with everything that is wrong.
    """
    parameters: Mapping[str, Any] = response.params
    refusal = constraints.refusal("sagemaker", operation, parameters)
    if refusal is not None:
        raise ValidationError(refusal)
    return parameters


def authorize(response: Any, action: str, resource: str, **context: str) -> None:
    """Refuse a call unless its caller may do another action too: pass a role, set tags.

    Args:
        response: Handler of the call in moto.
        action: The IAM action.
        resource: The resource's ARN.
        context: The condition keys.

    Raises:
        moto.core.exceptions.JsonRESTError: If not, as AWS's `AccessDeniedException`.
    """
    identity = iam.caller(response.headers.get("Authorization"))
    try:
        iam.authorize(identity, action=action, resource=resource, context=context)
    except iam.AccessDeniedError as error:
        refusal = JsonRESTError("AccessDeniedException", str(error))
        refusal.code = 400
        raise refusal from error
