"""Acknowledge findings of rule packs (cdk-nag): always one finding, always with a reason."""

import re
from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct
from constructs.values.tokens import is_token

# CDK's token of a pseudo parameter, such as `AWS::AccountId`.
_PSEUDO_PARAMETER = re.compile(r"\$\{Token\[AWS\.(\w+)\.\d+\]\}")


def acknowledge(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge rule-pack findings on a construct and everything below it.

    The reason is written into the template's metadata, beside the resource, where a reviewer reads it.

    Args:
        scope: The construct that the findings are about.
        reasons: Finding id, such as `AwsSolutions-SF1`, to the specific reason why it is acceptable.
    """
    acknowledgments = [Acknowledgment(id=finding, reason=reason) for finding, reason in sorted(reasons.items())]
    Validations.of(scope).acknowledge(*acknowledgments)


def acknowledge_wildcards(
    role: iam.Role, resources: Mapping[str, str], *, actions: Mapping[str, str] | None = None
) -> None:
    """Acknowledge wildcards in a role's inline policy, so that the reasons stand beside its statements.

    Args:
        role: A role with at least one statement of its own.
        resources: ARN with a wildcard, as the policy names it, or `*`, to the reason.
        actions: Action with a wildcard, to the reason.
    """
    named = {f"AwsSolutions-IAM5[Action::{action}]": reason for action, reason in (actions or {}).items()}
    acknowledge(role.node.find_child("DefaultPolicy"), {**wildcard_findings(role, resources), **named})


def wildcard_findings(scope: IConstruct, resources: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of cdk-nag's findings about wildcards in a policy's resources, with the reasons.

    Args:
        scope: A construct of the policy's stack.
        resources: ARN as the policy names it, which may hold tokens, to the reason.

    Returns:
        Ids such as `AwsSolutions-IAM5[Resource::arn:aws:s3:::bucket/prefix/*]`, in which references are written as
        `<AWS::AccountId>`, as cdk-nag does.
    """
    arns = [_PSEUDO_PARAMETER.sub(r"<AWS::\1>", arn) for arn in resources]
    # Node.js resolves all other references at once.
    resolved = Stack.of(scope).resolve(arns) if any(map(is_token, arns)) else arns
    return {
        f"AwsSolutions-IAM5[Resource::{_text(arn)}]": reason
        for arn, reason in zip(resolved, resources.values(), strict=True)
    }


def _text(resolved: Any) -> str:
    parts = [resolved] if isinstance(resolved, str) else resolved["Fn::Join"][1]
    return "".join(part if isinstance(part, str) else f"<{_reference(part)}>" for part in parts)


def _reference(part: Mapping[str, Any]) -> str:
    return ".".join(part["Fn::GetAtt"]) if "Fn::GetAtt" in part else str(part["Ref"])
