"""Task states as written into a definition, and the rights that come with each."""

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs.permissions.statements import service_principal
from constructs.served_pointer import ServedPointer
from constructs.state_machines.pointer_states import PointerStates
from constructs.state_machines.step_tasks import TASK_FAILED, StepTasks

from tests.app.state_machine_calls import text
from tests.support.templates import rights, template_of

Make = Callable[[StepTasks], sfn.IChainable]


@pytest.fixture
def state(stack: cdk.Stack) -> Callable[[Make], dict[str, Any]]:
    """Return the definition of one state, in a machine whose role is `Role`."""

    def build(make: Make) -> dict[str, Any]:
        role = iam.Role(stack, "Role", assumed_by=service_principal("states.amazonaws.com"))
        body = sfn.DefinitionBody.from_chainable(make(StepTasks(stack, role=role)))
        sfn.StateMachine(stack, "Machine", definition_body=body, role=role)
        template = template_of(stack)
        [machine] = [one for one in template["Resources"].values() if one["Type"] == "AWS::StepFunctions::StateMachine"]
        [found] = json.loads(text(machine["Properties"]["DefinitionString"]))["States"].values()
        return dict(found)

    return build


def test_calls_a_service_with_the_rights_that_it_names(
    stack: cdk.Stack, state: Callable[[Make], dict[str, Any]]
) -> None:
    found = state(
        lambda tasks: tasks.call(
            "Look",
            "aws-sdk:sagemaker:describeEndpoint",
            {"EndpointName.$": "$.name"},
            allow=[(["sagemaker:DescribeEndpoint"], ["arn:aws:sagemaker:::endpoint/e"])],
            select={"status.$": "$.EndpointStatus"},
            result_path="$.live",
            timeout=cdk.Duration.minutes(2),
            retry=["SageMaker.SageMakerException"],
        )
    )

    assert found == {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sagemaker:describeEndpoint",
        "Parameters": {"EndpointName.$": "$.name"},
        "ResultSelector": {"status.$": "$.EndpointStatus"},
        "ResultPath": "$.live",
        "TimeoutSeconds": 120,
        "Retry": [
            {
                "ErrorEquals": ["SageMaker.SageMakerException"],
                "IntervalSeconds": 4,
                "MaxAttempts": 4,
                "BackoffRate": 2,
                "JitterStrategy": "FULL",
            }
        ],
        "End": True,
    }
    assert rights(template_of(stack), "Role") == {"sagemaker:DescribeEndpoint": ["arn:aws:sagemaker:::endpoint/e"]}


def test_an_error_that_no_repetition_helps_is_never_retried(state: Callable[[Make], dict[str, Any]]) -> None:
    found = state(
        lambda tasks: tasks.call("Look", "aws-sdk:ssm:getParameter", {}, allow=[], retry=TASK_FAILED, final=["A.B"])
    )

    # The first retrier that names an error decides.
    assert found["Retry"][0] == {"ErrorEquals": ["A.B"], "MaxAttempts": 0}
    assert found["Retry"][1]["ErrorEquals"] == ["States.TaskFailed"]


def test_a_result_that_nobody_reads_replaces_nothing_else(state: Callable[[Make], dict[str, Any]]) -> None:
    found = state(lambda tasks: tasks.call("Stop", "aws-sdk:sagemaker:stopTrainingJob", {}, allow=[]))

    assert found["ResultPath"] == "$.last"
    assert "Retry" not in found


def test_invokes_one_function_again_where_lambda_itself_fails(
    stack: cdk.Stack, state: Callable[[Make], dict[str, Any]]
) -> None:
    function = lambda_.Function(
        stack,
        "Function",
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler="a.b",
        code=lambda_.Code.from_inline("def b(): pass"),
    )
    found = state(lambda tasks: tasks.invoke("Do", function, {"a.$": "$.b"}))

    assert found["Resource"] == "arn:aws:states:::lambda:invoke"
    assert found["Parameters"]["Payload"] == {"a.$": "$.b"}
    [retry] = found["Retry"]
    assert "Lambda.TooManyRequestsException" in retry["ErrorEquals"]
    assert "States.ALL" not in retry["ErrorEquals"]
    [resource] = rights(template_of(stack), "Role")["lambda:InvokeFunction"]
    # This version only: no wildcard after the ARN.
    assert resource == found["Parameters"]["FunctionName"]


def test_waits_so_many_seconds(state: Callable[[Make], dict[str, Any]]) -> None:
    assert state(lambda tasks: tasks.wait("Wait", 30)) == {"Type": "Wait", "Seconds": 30, "End": True}


def test_adds_values_beside_those_that_there_are(state: Callable[[Make], dict[str, Any]]) -> None:
    assert state(lambda tasks: tasks.put("Put", {"a": 1}, "$.b")) == {
        "Type": "Pass",
        "Parameters": {"a": 1},
        "ResultPath": "$.b",
        "End": True,
    }


@pytest.mark.parametrize(("access", "action"), [("read", "ssm:GetParameter"), ("write", "ssm:PutParameter")])
def test_reads_and_writes_one_parameter_of_a_pointer(
    stack: cdk.Stack, state: Callable[[Make], dict[str, Any]], access: str, action: str
) -> None:
    pointer = ServedPointer(stack, "Served", path="dev/m")

    def make(tasks: StepTasks) -> sfn.IChainable:
        states = PointerStates(tasks, pointer)
        if access == "read":
            return states.read("Read", pointer.served, member="release", result_path="$.served")
        return states.write("Write", pointer.served, {"Value.$": "$.release"})

    found = state(make)

    assert found["Parameters"]["Name"] == "/jumpstack/dev/m/served"
    assert found["Parameters"].get("Overwrite") is (True if access == "write" else None)
    assert found.get("ResultSelector") == ({"release.$": "$.Parameter.Value"} if access == "read" else None)
    assert rights(template_of(stack), "Role") == {
        action: ["arn:aws:ssm:us-west-2:<AWS::AccountId>:parameter/jumpstack/dev/m/served"]
    }
