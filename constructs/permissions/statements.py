"""Principals and statements of roles: one call, one statement that names its purpose."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import IConstruct
from constructs.values.arns import arn, place_of


@cache
def service_principal(service: str) -> iam.ServicePrincipal:
    """Return the principal of an AWS service, such as `lambda.amazonaws.com`."""
    return iam.ServicePrincipal(service)


def sagemaker_hosting(scope: IConstruct) -> iam.ServicePrincipal:
    """Return SageMaker as the principal that hosts models of the stack's account and region.

    The ARN is the documented one and names no model or endpoint: SageMaker sends its asterisk as it stands (developer
    guide, "Cross-service confused deputy prevention", section on inference). It holds the account, so that the guide
    leaves `aws:SourceAccount` out.
    """
    return _of_sagemaker(arn(scope, "sagemaker", "*"))


def sagemaker_training(scope: IConstruct) -> iam.ServicePrincipal:
    """Return SageMaker as the principal that runs training jobs of the stack's account and region.

    Source: SageMaker developer guide, "Cross-service confused deputy prevention", section on training jobs.
    """
    return _of_sagemaker(arn(scope, "sagemaker", "training-job/*"))


def step_functions(scope: IConstruct) -> iam.ServicePrincipal:
    """Return Step Functions as the principal that runs state machines of the stack's account and region.

    The wildcard is the documented form, which names no machine: a role has to be trusted before its machine exists
    (Step Functions developer guide, "Creating an IAM role for your state machine", section on the confused deputy).
    """
    return iam.ServicePrincipal("states.amazonaws.com", conditions=of_state_machines(scope))


def of_state_machines(scope: IConstruct) -> dict[str, Any]:
    """Return the conditions of `step_functions`, for a role that CDK defines."""
    return {
        "StringEquals": {"aws:SourceAccount": place_of(scope).account},
        "ArnLike": {"aws:SourceArn": arn(scope, "states", "stateMachine:*")},
    }


def _of_sagemaker(source: str) -> iam.ServicePrincipal:
    return iam.ServicePrincipal("sagemaker.amazonaws.com", conditions={"ArnLike": {"aws:SourceArn": source}})


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
