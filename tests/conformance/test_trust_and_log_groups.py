"""The source that services name when they assume a role, and what logging of state machines leaves in the account."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.made import Made, allow
from tests.conformance.target import Target, error_of

pytestmark = pytest.mark.xdist_group("conformance")

_STRANGER = "000000000000"
_DELIVERY = (
    *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
    *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
)
# The image of the pinned Mistral 7B; its layers are not pulled by CreateModel.
_IMAGE = (
    "763104351884.dkr.ecr.{}.amazonaws.com/huggingface-pytorch-tgi-inference:2.0.1-tgi1.1.0-gpu-py39-cu118-ubuntu20.04"
)


def _role(made: Made, service: str, kind: str, account: str, *actions: str) -> str:
    """Make a role that a service may assume for resources of an account only."""
    source = f"arn:aws:{kind}:{made.target.region}:{account}:*"
    condition = {"StringEquals": {"aws:SourceAccount": account}, "ArnLike": {"aws:SourceArn": source}}
    return made.role(service, *([allow(*actions)] if actions else []), condition=condition)


@pytest.mark.belief("endpoint-trust-source-arn")
def test_sagemaker_says_for_whom_it_assumes_a_models_role(made: Made, target: Target, observe: Observe) -> None:
    pull = (
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchCheckLayerAvailability",
    )
    sagemaker = target.client("sagemaker")

    def create(role: str) -> tuple[str, str]:
        name = target.name()
        made.undo("sagemaker", "delete_model", ModelName=name)
        container = {"Image": _IMAGE.format(target.region)}
        return error_of(sagemaker.create_model, ModelName=name, ExecutionRoleArn=role, PrimaryContainer=container)

    stranger = create(_role(made, "sagemaker.amazonaws.com", "sagemaker", _STRANGER, *pull))
    role = _role(made, "sagemaker.amazonaws.com", "sagemaker", target.account, *pull)
    own = target.eventually(lambda: create(role), lambda error: error == ("", ""))
    observe(f"held to this account {own}; held to another {stranger[0]}: {stranger[1][:60]}")
    assert own == ("", "")
    assert "assume role" in stranger[1]


@pytest.mark.belief("iam-states-trust-source")
def test_step_functions_says_for_whom_it_assumes_a_role(made: Made, target: Target, observe: Observe) -> None:
    states = {"Succeed": {"Type": "Succeed"}}
    stranger = error_of(
        made.create_state_machine, states=states, role=_role(made, "states.amazonaws.com", "states", _STRANGER)
    )
    role = _role(made, "states.amazonaws.com", "states", target.account)
    machine = target.eventually(lambda: made.create_state_machine(states=states, role=role), bool)
    status = made.run(machine)["status"]
    observe(f"held to this account {status}; held to another {stranger[0]}")
    assert status == "SUCCEEDED"
    assert stranger[0] == "AccessDeniedException"


def _policies(target: Target) -> str:
    """Return the account's resource policies of log groups, as one text."""
    pages: Any = target.client("logs").describe_resource_policies()
    return "\n".join(policy["policyDocument"] for policy in pages["resourcePolicies"])


def _logging(made: Made, group: str) -> bool:
    """Make a state machine that logs into a group; return whether the account's policies name the group then."""
    target = made.target
    made.undo("logs", "delete_log_group", logGroupName=group)
    target.client("logs").create_log_group(logGroupName=group, tags=target.tags)
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": f"{target.arn('logs', f'log-group:{group}')}:*"}}
    made.state_machine(
        {"Succeed": {"Type": "Succeed"}},
        allow(*_DELIVERY),
        logging={"level": "ALL", "includeExecutionData": False, "destinations": [destination]},
    )
    return group in _policies(target)


@pytest.mark.belief("states-log-group-policy")
def test_a_log_group_below_vendedlogs_needs_no_line_in_a_policy(made: Made, target: Target, observe: Observe) -> None:
    named = _logging(made, f"/aws/vendedlogs/states/{target.name()}")
    observe(f"{'named' if named else 'not named'} in a resource policy")
    assert not named


# Nothing removes the line again.
@pytest.mark.belief("states-log-group-policy", local_only=True)
def test_any_other_log_group_is_named_in_a_policy_for_ever(made: Made, target: Target, observe: Observe) -> None:
    group = target.name()
    named = _logging(made, group)
    target.client("logs").delete_log_group(logGroupName=group)
    observe(f"{'named' if named else 'not named'} in a resource policy")
    assert named
    assert group in _policies(target)
