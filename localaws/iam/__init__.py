"""IAM for the functions of the app: a call that no policy of the caller's role allows is refused.

moto compares the `Resource` of every statement with `*` and so refuses every policy that names a
resource; it is replaced here. Held to their policies are the sessions of roles and the users with access keys
of their own. The credentials of the process (`localaws.settings`) and the roles that the CDK CLI takes on may do
anything; access keys that nobody has come no further than `localaws.gate`.

* `policy`: the evaluation of policy documents.
* `actions`: which action and resource a request stands for.
* `identities`: whom an access key belongs to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moto.core.authorization import ActionAuthenticatorMixin
from moto.core.exceptions import JsonRESTError, _RESTError
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import S3ClientError
from moto.s3.models import FakeBucket, s3_backends

from localaws import settings
from localaws.iam.actions import action_of, bucket_resource, resource_of
from localaws.iam.conditions import context_of
from localaws.iam.identities import Identity, can_be_assumed_by, find, role_may, role_statements
from localaws.iam.policy import Context, Decision, Request, Statement, evaluate, statements_of
from localaws.moto_patches import replace

__all__ = [
    "QUERY_SERVICES",
    "AccessDeniedError",
    "Identity",
    "authorize",
    "caller",
    "can_be_assumed_by",
    "find",
    "install",
    "role_may",
    "role_statements",
]

_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/aws4_request")

QUERY_SERVICES: Final = frozenset({"cloudformation", "cloudwatch", "iam", "sns", "sts"})
"""AWS's services that answer in the query protocol's XML, by their names for signatures; S3 has its own, all others
answer in JSON."""

# Nobody needs a permission for it (documentation of GetCallerIdentity).
_ALWAYS_ALLOWED: Final = {"sts:GetCallerIdentity"}


class AccessDeniedError(Exception):
    """A call that the caller's policies do not allow; the text is the message for the caller."""


def install() -> None:
    """Replace moto's own checks by this module's."""
    replace(ActionAuthenticatorMixin, "_authenticate_and_authorize_normal_action", _authorize_action)
    replace(ActionAuthenticatorMixin, "_authenticate_and_authorize_s3_action", _authorize_s3_action)
    replace(FakeBucket, "get_permission", _bucket_permission)


def caller(authorization: str | None) -> Identity | None:
    """Return who signed a request, by its `Authorization` header; None: nobody who is known here."""
    match = _CREDENTIAL.search(authorization or "")
    return find(match.group(1)) if match else None


def authorize(
    identity: Identity | None,
    *,
    action: str,
    resource: str | None,
    resource_policy: Sequence[Statement] = (),
    context: Context | None = None,
) -> None:
    """Refuse a call that is not allowed to `identity`.

    Args:
        identity: The caller; None may do everything.
        action: The IAM action.
        resource: The resource's ARN, or None where it is not known.
        resource_policy: The statements of the resource's own policy. Within an account either policy may allow.
        context: The condition keys of the request.

    Raises:
        AccessDeniedError: If it is denied, in AWS's words (IAM User Guide, "Troubleshoot access denied error
            messages").
    """
    if identity is None or identity.statements is None or action in _ALWAYS_ALLOWED:
        return
    request = Request(action=action, resource=resource, context=context or {})
    of_resource = Request(action=action, resource=resource, principal=identity.principal, context=context or {})
    verdicts = {
        "identity-based": evaluate(identity.statements, request),
        "resource-based": evaluate(resource_policy, of_resource),
    }
    target = resource or "*"
    refusal = f"User: {identity.arn} is not authorized to perform: {action} on resource: {target}"
    for kind, verdict in verdicts.items():
        if verdict is Decision.EXPLICIT_DENY:
            article = "an" if kind == "identity-based" else "a"
            raise AccessDeniedError(f"{refusal} with an explicit deny in {article} {kind} policy")
    if Decision.ALLOWED not in verdicts.values():
        raise AccessDeniedError(f"{refusal} because no identity-based policy allows the {action} action")


def _authorize_action(response: Any, resource: str = "*") -> None:
    """Stand in for moto's check of a call to any service but S3; `response` is moto's handler of the call."""
    authorization = response.headers.get("Authorization")
    identity = caller(authorization)
    if identity is None or identity.statements is None:
        return
    match = _CREDENTIAL.search(authorization)
    service = match.group(3) if match else response.boto3_service_name
    action, parameters = action_of(service, response._get_action()), _parameters(response)
    target = resource_of(
        service, region=response.region, account=settings.ACCOUNT, path=response.path, parameters=parameters
    )
    context = context_of(action, parameters, region=response.region, account=settings.ACCOUNT)
    try:
        authorize(identity, action=action, resource=target, context=context)
    except AccessDeniedError as error:
        raise _refusal(service, str(error)) from error


def _authorize_s3_action(response: Any, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """Stand in for moto's check of a call to S3; here the bucket's policy counts too."""
    identity = caller(response.headers.get("Authorization"))
    if identity is None or identity.statements is None:
        return
    action = action_of("s3", response._get_action())
    try:
        authorize(
            identity,
            action=action,
            resource=bucket_resource(action=action, bucket=bucket_name, key=key_name),
            resource_policy=_bucket_policy(bucket_name),
            # There is one account here, and so one owner of buckets.
            context={"aws:ResourceAccount": settings.ACCOUNT},
        )
    except AccessDeniedError as error:
        raise S3ClientError("AccessDenied", str(error)) from error


def _bucket_permission(bucket: Any, action: str, resource: str) -> PermissionResult:
    """Stand in for moto's reading of a bucket policy, which leaves out conditions.

    moto asks it about requests of anybody, so that only what denies or allows everybody counts; what it says
    of one principal is decided in `_authorize_s3_action`.
    """
    everybody = [statement for statement in _policy_of(bucket) if statement.get("Principal") in ("*", {"AWS": "*"})]
    return {
        Decision.ALLOWED: PermissionResult.PERMITTED,
        Decision.EXPLICIT_DENY: PermissionResult.DENIED,
        Decision.IMPLICIT_DENY: PermissionResult.NEUTRAL,
    }[evaluate(everybody, Request(action=action, resource=resource))]


def _bucket_policy(bucket_name: str | None) -> list[Statement]:
    bucket = s3_backends[settings.ACCOUNT]["aws"].buckets.get(bucket_name or "")
    return [] if bucket is None else _policy_of(bucket)


def _policy_of(bucket: Any) -> list[Statement]:
    return statements_of(bucket.policy.decode()) if bucket.policy else []


def _parameters(response: Any) -> Mapping[str, Any]:
    """Return the parameters of a call: of the JSON protocols those of the body, else those of the query."""
    try:
        body = json.loads(response.body)
    except (TypeError, ValueError):
        body = None
    parameters: Mapping[str, Any] = body if isinstance(body, dict) else response.querystring
    return parameters


def _refusal(service: str, message: str) -> _RESTError:
    """Return the error that moto's dispatcher turns into the answer of `service`."""
    error: _RESTError
    if service in QUERY_SERVICES:
        # API reference of SNS, "Publish": its error of this kind has a name of its own.
        error = _RESTError("AuthorizationError" if service == "sns" else "AccessDenied", message)
    else:
        error = JsonRESTError("AccessDeniedException", message)
    error.code = 403
    return error
