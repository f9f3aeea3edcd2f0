"""States of a training: start the job, look at it until its end, and stop it where it takes too long."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.state_machines.step_tasks import TASK_FAILED

_SHORTEST_POLL_SECONDS = 30
_MOST_LOOKS = 750
MOST_TRAINING_EVENTS = 11 * _MOST_LOOKS
"""Events of the longest training: a look takes 11, for Wait, Task, Choice and Pass."""
# The job of this name is this version's: the same data and settings.
_EXISTS = "SageMaker.ResourceInUseException"


class TrainingStates:
    """Builds the states of *train*; `$.run.request` is the request, `$.run.jobName` the job's name.

    They call SageMaker's API as it is. The optimized integration `createTrainingJob.sync` would wait for the job, but
    it checks the request against a model of its own: a nested field that is unknown to it ends an execution with
    `States.Runtime`, which nothing catches.

    A job that exists under the name is waited for, so that nothing is trained twice: where the answer of
    CreateTrainingJob was lost, and where an earlier run ended while its job went on.
    """

    def __init__(self, states: PipelineStates, *, job_arns: Sequence[str], longest_seconds: float) -> None:
        """Store the collaborators.

        Args:
            states: The pipeline's states.
            job_arns: ARNs of all jobs of the pipeline.
            longest_seconds: Time after which a job is stopped.
        """
        self._states = states
        self._tasks = states.tasks
        self._jobs = list(job_arns)
        self._longest = longest_seconds
        self._poll_seconds = max(_SHORTEST_POLL_SECONDS, math.ceil(longest_seconds / _MOST_LOOKS))

    def train(
        self, members: Sequence[str], *, conditions: Mapping[str, Mapping[str, Any]], watch: sfn.IChainable
    ) -> sfn.IChainable:
        """Build the state that starts the job.

        Args:
            members: Members of the request beside the job's name.
            conditions: Conditions of the right to start jobs.
            watch: The state that follows, built by `watch`.
        """
        parameters = {"TrainingJobName.$": "$.run.jobName"}
        parameters |= {f"{member}.$": f"$.run.request.{member}" for member in members}
        train = self._tasks.call(
            "Train",
            "aws-sdk:sagemaker:createTrainingJob",
            parameters,
            allow=[
                (["sagemaker:CreateTrainingJob"], self._jobs, conditions),
                (["sagemaker:AddTags"], self._jobs),
            ],
            retry=TASK_FAILED,
            final=[_EXISTS],
        )
        train.add_catch(watch, errors=[_EXISTS], result_path="$.last")
        train.next(watch)
        return self._states.caught(train)

    def watch(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that look at the job until it has ended.

        Args:
            then: The state that follows a completed job.
        """
        wait = self._tasks.wait("Wait for the training", self._poll_seconds)
        begin = self._states.put("Watch the training", {"looks": 0}, "$.training")
        begin.next(wait)
        look = self._describe("Look at the training", select={"status.$": "$.TrainingJobStatus"})
        wait.next(look)
        again = self._states.put("Count the looks", {"looks.$": "States.MathAdd($.training.looks, 1)"}, "$.training")
        again.next(wait)
        ended = sfn.Choice(self._states.scope, "Has the training ended?")
        ended.when(sfn.Condition.string_equals("$.look.status", "Completed"), then)
        over = sfn.Condition.or_(
            *(sfn.Condition.string_equals("$.look.status", status) for status in ("Failed", "Stopped"))
        )
        ended.when(over, self._reason())
        looks = math.ceil(self._longest / self._poll_seconds)
        ended.when(sfn.Condition.number_greater_than_equals("$.training.looks", looks), self._stop())
        ended.otherwise(again)
        look.next(ended)
        return begin

    def _describe(self, name: str, *, select: dict[str, str] | None = None) -> sfn.CustomState:
        return self._states.caught(
            self._tasks.call(
                name,
                "aws-sdk:sagemaker:describeTrainingJob",
                {"TrainingJobName.$": "$.run.jobName"},
                allow=[(["sagemaker:DescribeTrainingJob"], self._jobs)],
                select=select,
                result_path="$.look",
                retry=TASK_FAILED,
            )
        )

    def _reason(self) -> sfn.IChainable:
        """Build the states that fail with SageMaker's reason."""
        ask = self._describe("Ask for the reason")
        given = sfn.Choice(self._states.scope, "Is there a reason?")
        given.when(
            sfn.Condition.is_present("$.look.FailureReason"),
            self._fail(
                "The training failed",
                "States.Format('the training job {} failed: {}', $.run.jobName, $.look.FailureReason)",
            ),
        )
        given.otherwise(
            self._fail(
                "The training was stopped",
                "States.Format('the training job {} is {}: {}', $.run.jobName, $.look.TrainingJobStatus, "
                "$.look.SecondaryStatus)",
            )
        )
        ask.next(given)
        return ask

    def _stop(self) -> sfn.IChainable:
        """Build the states that stop a job for its time, and then fail."""
        stop = self._states.caught(
            self._tasks.call(
                "Stop the training",
                "aws-sdk:sagemaker:stopTrainingJob",
                {"TrainingJobName.$": "$.run.jobName"},
                allow=[(["sagemaker:StopTrainingJob"], self._jobs)],
                retry=TASK_FAILED,
            )
        )
        stop.next(
            self._states.refuse(
                "The training takes too long",
                error="TrainingTimeoutError",
                cause=(
                    f"States.Format('the training job {{}} did not end within {self._longest:g} s, waiting for "
                    "instances included, and was stopped', $.run.jobName)"
                ),
            )
        )
        return stop

    def _fail(self, name: str, cause: str) -> sfn.CustomState:
        return self._states.refuse(name, error="TrainingJobFailed", cause=cause)
