"""The owners of access keys, and the policies that bind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from localaws import settings
from localaws.iam.policy import Decision, Principal, Request, Statement, evaluate, statements_of

_PARTITION: Final = "aws"

# The roles of CDK's bootstrap stack. The CLI takes them on to deploy; their policies name what the account's
# administrator lets a pipeline do, which is not what is tried here.
_CLI_ROLE_PREFIX: Final = "cdk-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The owner of an access key.

    Attributes:
        access_key_id: The key's public half.
        secret_access_key: Its secret half.
        session_token: The token of temporary credentials, else None.
        arn: The user's or the session's ARN.
        user_id: The unique id, e.g. `AROA...:session`.
        role_arn: Of a session the ARN of its role, else None.
        statements: The identity-based policies that bind it; None: nothing is denied to it.
    """

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    arn: str
    user_id: str
    role_arn: str | None = None
    statements: Sequence[Statement] | None = None

    @property
    def principal(self) -> Principal:
        """The names under which resource-based policies know it."""
        account = settings.ACCOUNT
        names = [self.arn, account, f"arn:aws:iam::{account}:root"]
        if self.role_arn is not None:
            names.append(self.role_arn)
        return Principal(kind="AWS", names=tuple(names))


def find(access_key_id: str) -> Identity | None:
    """Return the owner of an access key, or None if nobody has it."""
    process = settings.current()
    for credential in (process.credential, process.own_credential):
        if access_key_id == credential.access_key_id:
            return Identity(
                access_key_id=access_key_id,
                secret_access_key=credential.secret_access_key,
                arn=f"arn:aws:iam::{settings.ACCOUNT}:root",
                user_id=settings.ACCOUNT,
            )
    return _session(access_key_id) or _user(access_key_id)


def role_statements(role_arn: str) -> list[Statement]:
    """Return the statements of all policies of a role, inline and attached; of an unknown role none."""
    role = _role(role_arn)
    return [] if role is None else _policies_of(role)


def role_may(role_arn: str, action: str, resource: str | None, context: Mapping[str, str] | None = None) -> bool:
    """Return whether the policies of a role allow an action; None as the resource stands for any."""
    request = Request(action=action, resource=resource, context=context or {})
    return evaluate(role_statements(role_arn), request) is Decision.ALLOWED


def can_be_assumed_by(role_arn: str, service: str, *, context: Mapping[str, str] | None = None) -> bool:
    """Return whether a role exists and trusts `service`, e.g. `sagemaker.amazonaws.com`.

    Args:
        role_arn: The role.
        service: The service's principal.
        context: The condition keys that the service fills in, e.g. `aws:SourceAccount`.
    """
    role = _role(role_arn)
    if role is None:
        return False
    principal = Principal(kind="Service", names=(service,))
    request = Request(action="sts:AssumeRole", principal=principal, context=context or {})
    return evaluate(statements_of(role.assume_role_policy_document), request) is Decision.ALLOWED


def _session(access_key_id: str) -> Identity | None:
    session = sts_backends[settings.ACCOUNT][_PARTITION].get_assumed_role_from_access_key(access_key_id)
    if session is None:
        return None
    role_name = session.role_arn.rpartition("/")[2]
    return Identity(
        access_key_id=access_key_id,
        secret_access_key=session.secret_access_key,
        session_token=session.session_token,
        arn=session.arn,
        user_id=session.user_id,
        role_arn=session.role_arn,
        statements=None if role_name.startswith(_CLI_ROLE_PREFIX) else role_statements(session.role_arn),
    )


def _user(access_key_id: str) -> Identity | None:
    backend = iam_backends[settings.ACCOUNT][_PARTITION]
    key = backend.access_keys.get(access_key_id)
    if key is None or key.user_name is None or key.status != "Active":
        return None
    user = backend.get_user(key.user_name)
    groups = backend.get_groups_for_user(key.user_name)
    return Identity(
        access_key_id=access_key_id,
        secret_access_key=key.secret_access_key,
        arn=user.arn,
        user_id=user.id,
        statements=[statement for owner in (user, *groups) for statement in _policies_of(owner)],
    )


def _role(role_arn: str) -> Any:
    try:
        return iam_backends[settings.ACCOUNT][_PARTITION].get_role_by_arn(role_arn)
    except NotFoundException:
        return None


def _policies_of(owner: Any) -> list[Statement]:
    """Return the statements of moto's role, user or group `owner`."""
    attached = [
        version.document
        for policy in owner.managed_policies.values()
        for version in policy.versions
        if version.is_default
    ]
    documents = [*owner.policies.values(), *attached]
    return [statement for document in documents for statement in statements_of(document)]
