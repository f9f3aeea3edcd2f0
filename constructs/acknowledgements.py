"""How the constructs acknowledge findings of rule packs (cdk-nag): always one finding, always with a reason."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge rule-pack findings on a construct and everything below it.

    The reason is written into the template's metadata, beside the resource, where a reviewer reads it.

    Args:
        scope: The construct that the findings are about.
        reasons: Finding id, such as `AwsSolutions-IAM5[Resource::*]`, to the specific reason why it stands.
    """
    for finding, reason in sorted(reasons.items()):
        Validations.of(scope).acknowledge(Acknowledgment(id=finding, reason=reason))


def acknowledge_in_policy(role: iam.Role, reasons: Mapping[str, str]) -> None:
    """Acknowledge findings on a role's inline policy, so that the reasons stand beside its statements.

    Args:
        role: A role with at least one statement of its own.
        reasons: As in `acknowledge`.
    """
    acknowledge(role.node.find_child("DefaultPolicy"), reasons)


def wildcard_finding(scope: IConstruct, arn: str) -> str:
    """Return the id of cdk-nag's finding about a wildcard in one of a policy's resources.

    Args:
        scope: A construct of the stack that the policy is in.
        arn: The resource as the policy names it; it may hold tokens.

    Returns:
        An id such as `AwsSolutions-IAM5[Resource::arn:aws:s3:::bucket/prefix/*]`, in which references stand as
        `<AWS::AccountId>`, as cdk-nag writes them.
    """
    resolved = Stack.of(scope).resolve(arn)
    parts = [resolved] if isinstance(resolved, str) else resolved["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else f"<{_reference(part)}>" for part in parts)
    return f"AwsSolutions-IAM5[Resource::{text}]"


def _reference(part: Mapping[str, Any]) -> str:
    return ".".join(part["Fn::GetAtt"]) if "Fn::GetAtt" in part else str(part["Ref"])
