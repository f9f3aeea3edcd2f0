"""States that all parts of a fine-tuning pipeline's state machine share: tasks, pointer and ends."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.served_pointer import ServedPointer
from constructs.state_machines.pointer_states import PointerStates
from constructs.state_machines.step_tasks import StepTasks

SAGEMAKER_ERROR = "SageMaker.SageMakerException"
"""Error of `aws-sdk:sagemaker` for what the API's model does not declare, as SageMaker's `ValidationException`."""


class PipelineStates:
    """Builds the states that several parts of one state machine need, and grants its role what they call.

    Attributes:
        scope: Scope of the states.
        name: The pipeline's name.
        role: The state machine's role.
        tasks: Builds the states that call services.
        failed: The first state of the end that reports a failure; the reason is `$.error`.
    """

    def __init__(
        self, scope: Construct, *, name: str, role: iam.Role, pointer: ServedPointer, notices: PipelineNotices
    ) -> None:
        """Store the collaborators, and build the end that reports a failure.

        Args:
            scope: Scope of the states.
            name: The pipeline's name.
            role: The state machine's role.
            pointer: Names the served release.
            notices: Reports the end.
        """
        self.scope = scope
        self.name = name
        self.role = role
        self.tasks = StepTasks(scope, role=role)
        self._pointer = PointerStates(self.tasks, pointer)
        self._notices = notices
        self.failed = self._failure()

    def caught(self, state: sfn.CustomState) -> sfn.CustomState:
        """Catch a task's failure, which becomes the pipeline's."""
        state.add_catch(self.failed, result_path="$.error")
        return state

    def caught_unless(
        self, state: sfn.CustomState, name: str, *, says: str, then: sfn.IChainable, error: str = SAGEMAKER_ERROR
    ) -> sfn.CustomState:
        """Catch a task's failure, which becomes the pipeline's, unless its message names a state of the world.

        Args:
            state: The task.
            name: Name of the state that reads the message.
            says: Part of the message after which the pipeline goes on.
            then: The state that follows it.
            error: Name of the error that has this message.
        """
        why = sfn.Choice(self.scope, name)
        expected = sfn.Condition.and_(
            sfn.Condition.string_equals("$.error.Error", error),
            sfn.Condition.string_matches("$.error.Cause", f"*{says}*"),
        )
        why.when(expected, then)
        why.otherwise(self.failed)
        state.add_catch(why, result_path="$.error")
        return state

    def put(self, name: str, parameters: Mapping[str, Any], result_path: str) -> sfn.CustomState:
        """Build a state that adds values, as `StepTasks.put` does."""
        return self.tasks.put(name, parameters, result_path)

    def refuse(self, name: str, *, error: str, cause: str) -> sfn.CustomState:
        """Build the states that fail the pipeline with a reason of its own.

        Args:
            name: The first state's name.
            error: The error's name.
            cause: The problem, and what is allowed; an intrinsic function where it begins with `States.`.
        """
        member = "Cause.$" if cause.startswith("States.") else "Cause"
        state = self.put(name, {"Error": error, member: cause}, "$.error")
        state.next(self.failed)
        return state

    def read(self, name: str, parameter: ssm.CfnParameter, result_path: str) -> sfn.CustomState:
        """Build the state that reads a parameter of the pointer, into `release` below a path."""
        return self.caught(self._pointer.read(name, parameter, member="release", result_path=result_path))

    def write(self, name: str, parameter: ssm.CfnParameter, value: Mapping[str, str]) -> sfn.CustomState:
        """Build the state that writes a parameter of the pointer; `value` is `Value` or `Value.$`."""
        return self.caught(self._pointer.write(name, parameter, value))

    def success(self, *, release: str, previous: str) -> sfn.IChainable:
        """Build the end that reports the served release.

        Args:
            release: Path of the served release.
            previous: Path of the release before it.
        """
        outcome = self.put(
            "Sum up",
            {
                "pipeline": self.name,
                "status": "SUCCEEDED",
                "execution.$": "$$.Execution.Id",
                "release.$": release,
                "previous.$": previous,
            },
            "$.outcome",
        )
        message = f"States.Format('{self.name} serves release {{}}; before: {{}}', {release}, {previous})"
        end = sfn.Succeed(self.scope, "Succeeded")
        outcome.next(self._notices.states(self.tasks, outcome="success", message=message, end=end))
        return outcome

    def _failure(self) -> sfn.IChainable:
        outcome = self.put(
            "Sum up what failed",
            {
                "pipeline": self.name,
                "status": "FAILED",
                "execution.$": "$$.Execution.Id",
                "error.$": "$.error.Error",
                "cause.$": "$.error.Cause",
            },
            "$.outcome",
        )
        message = f"States.Format('{self.name}: {{}}: {{}}', $.error.Error, $.error.Cause)"
        end = sfn.Fail(self.scope, "Failed", error_path="$.error.Error", cause_path="$.error.Cause")
        outcome.next(self._notices.states(self.tasks, outcome="failure", message=message, end=end))
        return self._in_words(outcome)

    def _in_words(self, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that replace a function's error, a JSON text with a stack trace, by its message.

        Args:
            then: The state that follows.
        """
        message = "$.said.document.errorMessage"
        take = self.put("Take the function's message", {"Error.$": "$.error.Error", "Cause.$": message}, "$.error")
        take.next(then)
        has_message = sfn.Choice(self.scope, "Has it a message?")
        has_message.when(
            sfn.Condition.and_(sfn.Condition.is_present(message), sfn.Condition.string_greater_than(message, "")), take
        )
        has_message.otherwise(then)
        read = self.put("Read the function's error", {"document.$": "States.StringToJson($.error.Cause)"}, "$.said")
        read.next(has_message)
        # An intrinsic function that fails ends an execution without a notice: only what is a whole object is read.
        is_function = sfn.Choice(self.scope, "Did a function fail?")
        is_function.when(sfn.Condition.string_matches("$.error.Cause", '{"error*}'), read)
        is_function.otherwise(then)
        return is_function
