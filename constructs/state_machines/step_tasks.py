"""Service calls of a state machine, each with the permissions that it needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.values.arns import place_of
from constructs.values.durations import in_seconds, seconds

Statement = tuple[Sequence[str], Sequence[str]] | tuple[Sequence[str], Sequence[str], Mapping[str, Mapping[str, Any]]]
"""Actions, the ARNs on which they are allowed, and the conditions if there are any: operator to keys and values."""

# Errors of Lambda itself, where it could not run a function (Step Functions developer guide, "Handle transient Lambda
# service exceptions").
_LAMBDA_SERVICE = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]
TASK_FAILED = ("States.TaskFailed",)
"""Any failure of a call but a time-out, whatever its name (developer guide, "Handling errors in Step Functions
workflows").

Integrations report what an API's model does not declare, throttling and faults of the service among it, by names of
their own: `aws-sdk:sagemaker` as `SageMaker.SageMakerException`, the optimized `sagemaker` as
`SageMaker.AmazonSageMakerException`, and what never reached the service as `SageMaker.SdkClientException`."""

MOST_EVENTS = 25_000
"""Events that an execution may have (Step Functions developer guide, "Service quotas")."""

_RETRY = {"IntervalSeconds": 4, "MaxAttempts": 4, "BackoffRate": 2, "JitterStrategy": "FULL"}

# A ResultPath of null would discard a result, but jsii leaves out what is null, and without a ResultPath a result
# replaces everything that the states have gathered.
_LAST = "$.last"


class StepTasks:
    """Builds the task states of one state machine and grants its role exactly what they call.

    CDK's own tasks would add wildcards (`SageMakerCreateTrainingJob`: `s3:*` on `*`; `LambdaInvoke`: every version),
    so the states are written out.

    Usage::

        tasks = StepTasks(self, role=role)
        look = tasks.call("Look at endpoint", "aws-sdk:sagemaker:describeEndpoint", {...}, allow=[...])
    """

    def __init__(self, scope: Construct, *, role: iam.Role) -> None:
        """Store the scope for new states and the role that gets their permissions.

        Args:
            scope: Scope of the states.
            role: The state machine's role.
        """
        self._scope = scope
        self._role = role
        self._partition = place_of(scope).partition

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
        final: Sequence[str] = (),
        retriers: Sequence[Mapping[str, Any]] = (),
    ) -> sfn.CustomState:
        """Build a task state that calls a service.

        Args:
            name: The state's name, as the console shows it.
            integration: Such as `aws-sdk:sagemaker:createModel` or `sns:publish`.
            parameters: The request in JSONPath; names that end in `.$` hold paths.
            allow: The permissions that the call needs.
            select: Members of the result to keep, as `ResultSelector`.
            result_path: Path of the result; by default one that the next such result overwrites.
            timeout: Longest time of the call.
            retry: Errors after which the call is repeated, up to 4 times in a minute.
            final: Errors among those of `retry` after which no repetition helps.
            retriers: Further retriers, as a definition has them.
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
            state["TimeoutSeconds"] = in_seconds(timeout)
        # The first retrier that names an error decides.
        never = [{"ErrorEquals": list(final), "MaxAttempts": 0}] if final else []
        usual = [{"ErrorEquals": list(retry), **_RETRY}] if retry else []
        if retry or retriers:
            state["Retry"] = [*never, *usual, *map(dict, retriers)]
        task = sfn.CustomState(self._scope, name, state_json=state)
        for actions, resources, *conditions in allow:
            iam.Grant.add_to_principal(
                grantee=self._role,
                actions=list(actions),
                resource_arns=list(resources),
                conditions={operator: dict(keys) for one in conditions for operator, keys in one.items()} or None,
            )
        return task

    def put(self, name: str, parameters: Mapping[str, Any], result_path: str) -> sfn.CustomState:
        """Build a state that adds values to those that the states have gathered.

        Args:
            name: The state's name.
            parameters: The values, in JSONPath.
            result_path: Path of the values.
        """
        state = {"Type": "Pass", "Parameters": dict(parameters), "ResultPath": result_path}
        return sfn.CustomState(self._scope, name, state_json=state)

    def wait(self, name: str, time: float) -> sfn.Wait:
        """Build a state that waits so many seconds."""
        return sfn.Wait(self._scope, name, time=sfn.WaitTime.duration(seconds(time)))

    def invoke(
        self,
        name: str,
        function: lambda_.Function,
        payload: Mapping[str, Any],
        *,
        select: Mapping[str, Any] | None = None,
        result_path: str = _LAST,
        timeout: Duration | None = None,
        retriers: Sequence[Mapping[str, Any]] = (),
    ) -> sfn.CustomState:
        """Build a task state that invokes a function, again where Lambda itself had a fault.

        Args:
            name: The state's name.
            function: The function.
            payload: The event, in JSONPath.
            select: Members of the result to keep; the function's own result is `$.Payload`.
            result_path: Path of the result; by default one that the next such result overwrites.
            timeout: Longest time of the call.
            retriers: Retriers for the function's own errors, as a definition has them.
        """
        function_arn = function.function_arn
        return self.call(
            name,
            "lambda:invoke",
            {"FunctionName": function_arn, "Payload": dict(payload)},
            allow=[(["lambda:InvokeFunction"], [function_arn])],
            select=select,
            result_path=result_path,
            timeout=timeout,
            retry=_LAMBDA_SERVICE,
            retriers=retriers,
        )
