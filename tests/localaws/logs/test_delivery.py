"""State machines that log fill the account's resource policy, unless their log groups are below AWS's prefix."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import ClientFactory as Aws
from tests.support.state_machine_driver import make_role

# A region of its own: the policy is the region's, and other tests use the same local AWS.
REGION = "eu-west-3"
DEFINITION = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})


@pytest.fixture
def role(aws: Aws) -> str:
    return make_role(aws("iam"), "states.amazonaws.com", [])


def _logging(group: str) -> dict[str, Any]:
    arn = f"arn:aws:logs:{REGION}:123456789012:log-group:{group}:*"
    return {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]}


def _cycle(aws: Aws, role: str, group: str) -> None:
    """Create a state machine that logs, and delete it."""
    states = aws("stepfunctions", region=REGION)
    made = states.create_state_machine(
        name="machine", definition=DEFINITION, roleArn=role, loggingConfiguration=_logging(group)
    )
    states.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def _is_taken(aws: Aws, role: str, group: str) -> bool:
    try:
        _cycle(aws, role, group)
    except ClientError as error:
        return "Resource Policy size was exceeded" not in str(error)
    return True


def _policies(aws: Aws) -> list[dict[str, Any]]:
    policies: list[dict[str, Any]] = aws("logs", region=REGION).describe_resource_policies()["resourcePolicies"]
    return policies


def test_the_policy_fills_up_is_never_emptied_and_takes_vended_groups_still(aws: Aws, role: str) -> None:
    _cycle(aws, role, "/aws/vendedlogs/states/first")
    assert _policies(aws) == []
    _cycle(aws, role, "dev-mistral-7b-dolly-PipelineLogs402221E7-000000000000")
    _cycle(aws, role, "dev-mistral-7b-dolly-PipelineLogs402221E7-000000000000")
    [policy] = _policies(aws)
    assert policy["policyName"] == "AWSLogDeliveryWrite20150319"
    assert policy["policyDocument"].count(":log-stream:") == 1

    number = 1
    while _is_taken(aws, role, f"dev-mistral-7b-dolly-PipelineLogs402221E7-{number:012}"):
        number += 1

    [policy] = _policies(aws)
    assert 5000 < len(policy["policyDocument"]) <= 5120
    # About forty entries of this length.
    assert 35 < number < 45
    _cycle(aws, role, "/aws/vendedlogs/states/second")


def test_an_update_adds_its_group_too(aws: Aws, role: str) -> None:
    states = aws("stepfunctions", region="eu-west-2")
    made = states.create_state_machine(name="machine", definition=DEFINITION, roleArn=role)
    states.update_state_machine(stateMachineArn=made["stateMachineArn"], loggingConfiguration=_logging("updated"))
    states.delete_state_machine(stateMachineArn=made["stateMachineArn"])

    [policy] = aws("logs", region="eu-west-2").describe_resource_policies()["resourcePolicies"]
    assert ":log-group:updated:log-stream:" in policy["policyDocument"]
