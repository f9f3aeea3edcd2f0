"""Service calls of a state machine, with the permissions that they take: one statement a call."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

Statement = tuple[Sequence[str], Sequence[str]]
"""Actions, and the ARNs on which they are allowed."""

# What Lambda itself says when it could not run a function (Step Functions developer guide, "Handle transient Lambda
# service exceptions").
_LAMBDA_SERVICE = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]


# A ResultPath of null would throw an answer away, but jsii leaves out what is null, and without a ResultPath an answer
# takes the place of everything that the states have gathered.
_LAST = "$.last"


class StepTasks:
    """Makes the task states of one state machine and lets its role do exactly what they call.

    CDK's own tasks would add wildcards (`SageMakerCreateTrainingJob`: `s3:*` on `*`; `LambdaInvoke`: every version),
    so the states are written out.

    Usage::

        tasks = StepTasks(self, role=role)
        look = tasks.call("Look at endpoint", "aws-sdk:sagemaker:describeEndpoint", {...}, allow=[...])
    """

    def __init__(self, scope: Construct, *, role: iam.Role) -> None:
        """Keep the place of the states and the role that is let.

        Args:
            scope: Where the states are made.
            role: The state machine's role.
        """
        self._scope = scope
        self._role = role
        self._partition = Stack.of(scope).partition

    def call(
        self,
        name: str,
        integration: str,
        parameters: Mapping[str, Any],
        *,
        allow: Sequence[Statement],
        select: Mapping[str, Any] | None = None,
        result_path: str = _LAST,
        timeout: Duration | None = None,
        retry: Sequence[str] = (),
    ) -> sfn.CustomState:
        """Make a task state that calls a service.

        Args:
            name: The state's name, as the console shows it.
            integration: Such as `aws-sdk:sagemaker:createModel` or `sagemaker:createTrainingJob.sync`.
            parameters: The request in JSONPath; names that end in `.$` hold paths.
            allow: What the call takes.
            select: What of the answer is kept, by `ResultSelector`.
            result_path: Where the answer goes; by default to where the next answer of this kind overwrites it.
            timeout: How long the call may take.
            retry: Errors after which the call is made again, up to 4 times in a minute.
        """
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": f"arn:{self._partition}:states:::{integration}",
            "Parameters": dict(parameters),
            "ResultPath": result_path,
        }
        if select:
            state["ResultSelector"] = dict(select)
        if timeout:
            state["TimeoutSeconds"] = timeout.to_seconds()
        task = sfn.CustomState(self._scope, name, state_json=state)
        if retry:
            task.add_retry(
                errors=list(retry),
                interval=Duration.seconds(4),
                max_attempts=4,
                backoff_rate=2,
                jitter_strategy=sfn.JitterType.FULL,
            )
        for actions, resources in allow:
            self._role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources)))
        return task

    def put(self, name: str, parameters: Mapping[str, Any], result_path: str) -> sfn.CustomState:
        """Make a state that puts something beside what the states have gathered.

        Args:
            name: The state's name.
            parameters: What is put, in JSONPath.
            result_path: Where it goes.
        """
        state = {"Type": "Pass", "Parameters": dict(parameters), "ResultPath": result_path}
        return sfn.CustomState(self._scope, name, state_json=state)

    def wait(self, name: str, seconds: int) -> sfn.Wait:
        """Make a state that waits a fixed time."""
        return sfn.Wait(self._scope, name, time=sfn.WaitTime.duration(Duration.seconds(seconds)))

    def invoke(
        self,
        name: str,
        function: lambda_.Function,
        payload: Mapping[str, Any],
        *,
        select: Mapping[str, Any] | None = None,
        result_path: str = _LAST,
        timeout: Duration | None = None,
    ) -> sfn.CustomState:
        """Make a task state that invokes a function, again where Lambda itself had a fault.

        Args:
            name: The state's name.
            function: The function.
            payload: What it is given, in JSONPath.
            select: What of the answer is kept; what the function returned is `$.Payload`.
            result_path: Where the answer goes; by default to where the next answer of this kind overwrites it.
            timeout: How long the call may take.
        """
        return self.call(
            name,
            "lambda:invoke",
            {"FunctionName": function.function_arn, "Payload": dict(payload)},
            allow=[(["lambda:InvokeFunction"], [function.function_arn])],
            select=select,
            result_path=result_path,
            timeout=timeout,
            retry=_LAMBDA_SERVICE,
        )
