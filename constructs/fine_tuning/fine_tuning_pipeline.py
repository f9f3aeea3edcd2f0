"""The state machine that turns data into a served model: prepare, train, and what the served side makes of it."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.fine_tuning.training_job import TrainingJob
from constructs.served_pointer import NOTHING, ServedPointer

_RUN = ("dataSha256", "jobName", "modelData", "report", "request", "samples", "status", "version")
_PREPARE_TIMEOUT = Duration.minutes(16)


class Ways(NamedTuple):
    """The states by which a release comes to be served.

    Attributes:
        trained: First state after a training; `$.run` is the training, with its `version` and its `modelData`.
        previous: First state of a rollback; `$.before.release` is the release to go back to.
    """

    trained: sfn.IChainable
    previous: sfn.IChainable


class Serving(Protocol):
    """What follows a training: `EndpointServing`, or `ImportServing`."""

    @property
    def pointer(self) -> ServedPointer:
        """What names the served release and the one before."""
        ...

    @property
    def longest(self) -> Duration:
        """How long it may take, *prepare* included."""
        ...

    @property
    def findings(self) -> Mapping[str, str]:
        """The findings of rule packs about the role's policy that its states take, with their reasons."""
        ...

    def ways(self, states: PipelineStates) -> Ways:
        """Make the states, each of which ends in `states.failed` or in `states.success`."""
        ...


class FineTuningPipeline(Construct):
    """One fine-tuned model's way from data to traffic, as a state machine.

    Defines: an `AWS::StepFunctions::StateMachine` with its role and its log. Its input is `{}`,
    `{"dataPrefix": "s3://…"}` or `{"action": "rollback"}`.

    Data flow: *prepare* checks the data and writes the training job's request; *train* runs it, unless a job of the
    same data and settings has ended well; `serving` puts what it made into place and writes the pointer. A rollback
    hands it the previous release.

    Failures: whatever fails is told with its reason and ends the execution as failed; what is served stays until
    `serving` has found the new release to answer.

    Prerequisites: as of its parts.

    Usage::

        pipeline = FineTuningPipeline(self, "Pipeline", name="dev-mistral-7b-dolly", prepare=..., job=..., ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        prepare: lambda_.Function,
        job: TrainingJob,
        serving: Serving,
        notices: PipelineNotices,
        encryption_key: kms.IKey,
        training_time: Duration,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the state machine.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            name: The state machine's name.
            prepare: Checks the data and writes the job's request.
            job: The training step.
            serving: What follows it.
            notices: How the end is told.
            encryption_key: Key of the log group.
            training_time: How long a job may take at most, waiting included.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.
        """
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"runs the fine-tuning of {name}",
        )
        states = PipelineStates(self, name=name, role=self.role, pointer=serving.pointer, notices=notices)
        start = _chain(states, prepare, job, serving)
        log_group = logs.LogGroup(
            self, "Logs", encryption_key=encryption_key, retention=log_retention, removal_policy=removal_policy
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Resource",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(start),
            role=self.role,
            timeout=training_time.plus(serving.longest),
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        acknowledge_in_policy(self.role, serving.findings)


def _chain(states: PipelineStates, prepare: lambda_.Function, job: TrainingJob, serving: Serving) -> sfn.IChainable:
    train = states.caught(job.task(states.tasks, role=states.role))
    ways = serving.ways(states)
    train.next(ways.trained)
    trained = sfn.Choice(states.scope, "Trained already?", comment="a second job of the same data would cost as much")
    trained.when(sfn.Condition.string_equals("$.run.status", "trained"), ways.trained)
    trained.otherwise(train)
    prepared = _prepare(states, prepare)
    prepared.next(trained)
    return _entry(states, prepared, _rollback(states, serving.pointer, ways.previous))


def _entry(states: PipelineStates, prepared: sfn.IChainable, rollback: sfn.IChainable) -> sfn.IChainable:
    refuse = states.refuse(
        "Refuse the action",
        error="ActionError",
        cause="the input's action is unknown; allowed: rollback, or none to train",
    )
    action = sfn.Choice(states.scope, "Train or roll back?")
    given = sfn.Condition.is_present("$.action")
    action.when(sfn.Condition.and_(given, sfn.Condition.string_equals("$.action", "rollback")), rollback)
    action.when(given, refuse)
    action.otherwise(prepared)
    return action


def _prepare(states: PipelineStates, function: lambda_.Function) -> sfn.CustomState:
    return states.caught(
        states.tasks.invoke(
            "Prepare",
            function,
            {
                "execution.$": "$$.Execution.Id",
                "stateMachine.$": "$$.StateMachine.Id",
                "startedAt.$": "$$.Execution.StartTime",
                "input.$": "$$.Execution.Input",
            },
            select={f"{member}.$": f"$.Payload.{member}" for member in _RUN},
            result_path="$.run",
            timeout=_PREPARE_TIMEOUT,
        )
    )


def _rollback(states: PipelineStates, pointer: ServedPointer, previous: sfn.IChainable) -> sfn.IChainable:
    read = states.read("Read previous release", pointer.previous, "$.before")
    nothing = states.refuse(
        "Nothing to roll back to",
        error="NoPreviousReleaseError",
        cause="no release was served before the one that is served now",
    )
    there = sfn.Choice(states.scope, "Is there a previous release?")
    there.when(sfn.Condition.string_equals("$.before.release", NOTHING), nothing)
    there.otherwise(previous)
    read.next(there)
    return read
