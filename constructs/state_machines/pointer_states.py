"""States of a state machine that read and write a pointer's parameters."""

from collections.abc import Mapping

from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from constructs.served_pointer import ServedPointer
from constructs.state_machines.step_tasks import TASK_FAILED, StepTasks


class PointerStates:
    """Builds the states, and grants the state machine's role what they call.

    Attributes:
        pointer: The pointer.
    """

    def __init__(self, tasks: StepTasks, pointer: ServedPointer) -> None:
        """Store the collaborators."""
        self.pointer = pointer
        self._tasks = tasks

    def read(self, name: str, parameter: ssm.CfnParameter, *, member: str, result_path: str) -> sfn.CustomState:
        """Build the state that reads a parameter.

        Args:
            name: The state's name.
            parameter: One of the pointer's.
            member: Name of the value in the result.
            result_path: Path of the result.
        """
        return self._tasks.call(
            name,
            "aws-sdk:ssm:getParameter",
            {"Name": self.pointer.name(parameter)},
            allow=[(["ssm:GetParameter"], [self.pointer.arn(parameter)])],
            select={f"{member}.$": "$.Parameter.Value"},
            result_path=result_path,
            retry=TASK_FAILED,
        )

    def write(self, name: str, parameter: ssm.CfnParameter, value: Mapping[str, str]) -> sfn.CustomState:
        """Build the state that writes a parameter; `value` is `Value` or `Value.$`."""
        return self._tasks.call(
            name,
            "aws-sdk:ssm:putParameter",
            {"Name": self.pointer.name(parameter), "Overwrite": True, **value},
            allow=[(["ssm:PutParameter"], [self.pointer.arn(parameter)])],
            retry=TASK_FAILED,
        )
