"""Permissions that an operation needs beside its own: to pass a role, to set tags."""

from __future__ import annotations

from typing import Any

from moto.core.exceptions import JsonRESTError

from localaws import iam


def allow(response: Any, action: str, resource: str, **context: str) -> None:
    """Refuse a call unless its caller may do `action` too.

    Args:
        response: moto's handler of the call.
        action: the IAM action.
        resource: the resource's ARN.
        context: the condition keys.

    Raises:
        moto.core.exceptions.JsonRESTError: if not, as AWS's ``AccessDeniedException``.
    """
    identity = iam.caller(response.headers.get("Authorization"))
    try:
        iam.authorize(identity, action=action, resource=resource, context=context)
    except iam.AccessDeniedError as error:
        refusal = JsonRESTError("AccessDeniedException", str(error))
        refusal.code = 400
        raise refusal from error
