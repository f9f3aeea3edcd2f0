"""A role is taken on only for the sources that its trust policy names."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.sagemaker.sagemaker_driver import ACCOUNT, REGION, STATEMENTS, container, name
from tests.support.local_aws import ClientFactory as Aws
from tests.support.state_machine_driver import allow

HOSTING = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:*"
TRAINING = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/*"


def _role(aws: Aws, service: str, condition: dict[str, Any] | None, statements: list[dict[str, Any]]) -> str:
    trust: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    if condition:
        trust["Condition"] = condition
    role = name()
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = str(aws("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"])
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws("iam").put_role_policy(RoleName=role, PolicyName="inline", PolicyDocument=policy)
    return arn


def _host(aws: Aws, condition: dict[str, Any] | None) -> None:
    statements = [{"Effect": "Allow", **statement} for statement in STATEMENTS.values()]
    role, model = _role(aws, "sagemaker.amazonaws.com", condition, statements), name()
    aws("sagemaker").create_model(ModelName=model, ExecutionRoleArn=role, PrimaryContainer=container())
    aws("sagemaker").delete_model(ModelName=model)


@pytest.mark.parametrize(
    "condition",
    [
        None,
        {"ArnLike": {"aws:SourceArn": HOSTING}},
        {"ArnLike": {"aws:SourceArn": HOSTING}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    ],
    ids=["without a condition", "documented", "with the account"],
)
def test_a_model_is_hosted_with_the_documented_condition(aws: Aws, condition: dict[str, Any] | None) -> None:
    _host(aws, condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/*"}},
        {"ArnLike": {"aws:SourceArn": TRAINING}},
        {"ArnLike": {"aws:SourceArn": f"arn:aws:sagemaker:{REGION}:999988887777:*"}},
        {"StringEquals": {"aws:SourceAccount": "999988887777"}},
    ],
    ids=["models", "training jobs", "another account's", "another account"],
)
def test_a_model_is_not_hosted_with_a_condition_that_sagemaker_does_not_meet(
    aws: Aws, condition: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="Could not assume role"):
        _host(aws, condition)


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("stateMachine:*", True),
        ("stateMachine:another", False),
        ("execution:*", False),
    ],
)
def test_a_state_machine_takes_a_role_on_for_its_own_arn(aws: Aws, source: str, *, taken: bool) -> None:
    condition = {
        "ArnLike": {"aws:SourceArn": f"arn:aws:states:{REGION}:{ACCOUNT}:{source}"},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    role = _role(aws, "states.amazonaws.com", condition, [allow("s3:ListAllMyBuckets")])
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})

    def create() -> str:
        made = aws("stepfunctions").create_state_machine(name=name(), definition=definition, roleArn=role)
        return str(made["stateMachineArn"])

    if taken:
        aws("stepfunctions").delete_state_machine(stateMachineArn=create())
    else:
        with pytest.raises(ClientError, match="authorized to assume the provided role"):
            create()
