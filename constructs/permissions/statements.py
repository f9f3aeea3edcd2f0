"""Principals and statements of roles: one call, one statement that names its purpose."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_iam as iam


@cache
def service_principal(service: str) -> iam.ServicePrincipal:
    """Return the principal of an AWS service, such as `lambda.amazonaws.com`."""
    return iam.ServicePrincipal(service)


def allow(role: iam.Role, sid: str, actions: Sequence[str], *resources: str, **conditions: Mapping[str, Any]) -> None:
    """Grant actions to a role, in its inline policy.

    Args:
        role: The role.
        sid: The statement's id, which names its purpose.
        actions: IAM actions.
        resources: ARNs.
        conditions: Operator to condition keys and values.
    """
    role.add_to_policy(
        iam.PolicyStatement(
            sid=sid, actions=list(actions), resources=list(resources), conditions=dict(conditions) or None
        )
    )


def allow_pass_role(role: iam.Role, passed: iam.IRole, *, service: str) -> None:
    """Grant a role the right to pass another one to one service, and to no other.

    Args:
        role: The role.
        passed: The role to pass.
        service: Such as `sagemaker.amazonaws.com`.
    """
    iam.Grant.add_to_principal(
        grantee=role,
        actions=["iam:PassRole"],
        resource_arns=[passed.role_arn],
        conditions={"StringEquals": {"iam:PassedToService": service}},
    )
