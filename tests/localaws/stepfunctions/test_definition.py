"""CreateStateMachine refuses definitions and roles that cannot work."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.local_aws import ClientFactory as Aws
from tests.support.state_machine_driver import StateMachines, allow


class TestDefinitions:
    @pytest.mark.parametrize(
        ("state", "problem"),
        [
            ({"Type": "Pass", "Next": "Nowhere"}, "Missing 'Next' target: Nowhere"),
            ({"Type": "Pass"}, "exactly one of [Next, End]"),
            ({"Type": "Pass", "End": True, "Paramters": {}}, "Field 'Paramters' is not supported"),
            ({"Type": "Pass", "End": True, "Parameters": {"a.$": "x"}}, "must be a valid JSONPath"),
            ({"Type": "Pass", "End": True, "Parameters": {"a.$": "States.Nope()"}}, "unknown intrinsic function"),
            ({"Type": "Task", "End": True, "Resource": "arn:aws:states:::glue:startJobRun.sync"}, "not recognized"),
            (
                {"Type": "Task", "End": True, "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModle"},
                "not recognized",
            ),
            (
                {
                    "Type": "Task",
                    "End": True,
                    "Resource": "arn:aws:states:::aws-sdk:ssm:putParameter",
                    "Parameters": {"Name": "n", "value": "v"},
                },
                "The field 'value' is not supported by Step Functions",
            ),
            (
                {"Type": "Task", "End": True, "Resource": "arn:aws:states:::sns:publish", "Parameters": {}},
                "The field 'Message' is required",
            ),
        ],
    )
    def test_what_is_wrong_is_refused(self, machines: StateMachines, state: Any, problem: str) -> None:
        with pytest.raises(ClientError) as caught:
            machines.create({"Only": state})
        assert caught.value.response["Error"]["Code"] == "InvalidDefinition"
        assert problem in caught.value.response["Error"]["Message"]

    def test_a_role_that_step_functions_may_not_take_on_is_refused(self, machines: StateMachines, aws: Aws) -> None:
        with pytest.raises(ClientError, match="is authorized to assume the provided role"):
            aws("stepfunctions").create_state_machine(
                name="unowned",
                definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
                roleArn="arn:aws:iam::123456789012:role/none",
            )

    def test_the_managed_rule_of_training_jobs_needs_its_permissions(self, machines: StateMachines) -> None:
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": {"TrainingJobName": "j", "RoleArn": "r", "OutputDataConfig": {"S3OutputPath": "s3://b/"}},
            "End": True,
        }
        with pytest.raises(ClientError, match="is not authorized to create managed-rule"):
            machines.create({"Train": state}, allow("sagemaker:*"))
