"""Statements of roles' inline policies: one call, one statement that says what for."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_iam as iam


def allow(role: iam.Role, sid: str, actions: Sequence[str], *resources: str, **conditions: Mapping[str, Any]) -> None:
    """Let a role do something.

    Args:
        role: The role.
        sid: The statement's id, which says what for.
        actions: IAM actions.
        resources: ARNs.
        conditions: Operator to condition keys and values.
    """
    role.add_to_policy(
        iam.PolicyStatement(
            sid=sid, actions=list(actions), resources=list(resources), conditions=dict(conditions) or None
        )
    )


def pass_role(role: iam.Role, passed: iam.IRole, *, service: str) -> None:
    """Let a role hand another one to one service, and to no other.

    Args:
        role: The role.
        passed: What it hands over.
        service: Such as `sagemaker.amazonaws.com`.
    """
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[passed.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": service}},
        )
    )
