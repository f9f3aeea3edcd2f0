"""The states of a state machine that read and write the parameters of a pointer."""

from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from constructs.served_pointer import ServedPointer
from constructs.step_tasks import StepTasks

_RETRIED = ["Ssm.SsmException"]


class PointerStates:
    """Makes the states, and lets the state machine's role do what they call."""

    def __init__(self, tasks: StepTasks, pointer: ServedPointer) -> None:
        """Keep what the states are made of.

        Args:
            tasks: Makes the states.
            pointer: Whose parameters they are.
        """
        self._tasks = tasks
        self._pointer = pointer

    def read(self, name: str, parameter: ssm.CfnParameter, *, member: str, result_path: str) -> sfn.CustomState:
        """Make the state that reads a parameter.

        Args:
            name: The state's name.
            parameter: One of the pointer's.
            member: What the value is called in the result.
            result_path: Where the result goes.
        """
        return self._tasks.call(
            name,
            "aws-sdk:ssm:getParameter",
            {"Name": parameter.name},
            allow=[(["ssm:GetParameter"], [self._pointer.arn(parameter)])],
            select={f"{member}.$": "$.Parameter.Value"},
            result_path=result_path,
            retry=_RETRIED,
        )

    def write(self, name: str, parameter: ssm.CfnParameter, value: Mapping[str, str]) -> sfn.CustomState:
        """Make the state that writes a parameter; `value` is `Value` or `Value.$`."""
        return self._tasks.call(
            name,
            "aws-sdk:ssm:putParameter",
            {"Name": parameter.name, "Overwrite": True, **value},
            allow=[(["ssm:PutParameter"], [self._pointer.arn(parameter)])],
            retry=_RETRIED,
        )
