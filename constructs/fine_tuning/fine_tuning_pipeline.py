"""State machine of a fine-tuning run: prepare, train, then the steps of its `Serving`."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.fine_tuning.training_job import TrainingJob
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import step_functions
from constructs.served_pointer import ServedPointer
from constructs.values.durations import seconds
from constructs.values.storage import Storage

from model_import.contract import NO_RELEASE
from training.contract import PREPARE, RELEASE, ROLLBACK, SERVE, TRAINED, TRAINING

_PREPARE_TIMEOUT = Duration.minutes(16)


class EntryStates(NamedTuple):
    """The first states of serving a release.

    Attributes:
        after_training: First state after a training; `$.run` is the training, with its `version` and its `modelData`.
        rollback: First state of a rollback; `$.before.release` is the release to return to, which may be gone.
    """

    after_training: sfn.IChainable
    rollback: sfn.IChainable


class Serving(Protocol):
    """Steps after a training: `EndpointServing`, or `ImportServing`."""

    @property
    def pointer(self) -> ServedPointer:
        """Names the served release and the one before."""
        ...

    @property
    def longest_seconds(self) -> int:
        """Longest time of the steps, *prepare* included."""
        ...

    @property
    def wildcards(self) -> Mapping[str, str]:
        """ARNs with a wildcard in the role's policy that the states need, with the reasons."""
        ...

    def before_training(self, states: PipelineStates, train: sfn.IChainable) -> sfn.IChainable:
        """Build the states that refuse a training whose result could not be served; return the first, or `train`."""
        ...

    def entry_states(self, states: PipelineStates) -> EntryStates:
        """Build the states, each of which ends in `states.failed` or in `states.success`."""
        ...


class FineTuningPipeline(Construct):
    """State machine that trains one model on its data and serves it.

    Defines: an `AWS::StepFunctions::StateMachine` with its role and its log. Its input is `{}`,
    `{"dataPrefix": "s3://…"}`, `{"action": "rollback"}` or `{"action": "serve", "release": "…"}`.

    Data flow: *prepare* checks the data and writes the training job's request; *train* runs it, unless a job of the
    same data and settings has succeeded, or is running: that one is waited for. `serving` serves the tuned weights and
    writes the pointer. A rollback gives it the previous release, `serve` the one that the input names.

    Failures: every failure is reported with its reason and fails the execution; the served release stays until
    `serving` has seen the new one answer.

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
        storage: Storage,
    ) -> None:
        """Define the state machine.

        Args:
            name: The state machine's name.
            prepare: Checks the data and writes the job's request.
            job: The training step.
            serving: The steps that follow it.
            notices: Reports the end.
            storage: Settings of the log group.
        """
        super().__init__(scope, construct_id)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=step_functions(scope),
            description=f"runs the fine-tuning of {name}",
        )
        states = PipelineStates(self, name=name, role=self.role, pointer=serving.pointer, notices=notices)
        start = _chain(states, prepare, job, serving)
        log_group = storage.state_machine_log_group(self, kind="pipeline")
        self.state_machine = sfn.StateMachine(
            self,
            "Resource",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(start),
            role=self.role,
            timeout=seconds(job.longest_seconds + serving.longest_seconds),
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        acknowledge_wildcards(self.role, serving.wildcards)


def _chain(states: PipelineStates, prepare: lambda_.Function, job: TrainingJob, serving: Serving) -> sfn.IChainable:
    entries = serving.entry_states(states)
    training = job.states(states, then=entries.after_training)
    trained = sfn.Choice(states.scope, "Trained already?", comment="a second job of the same data would cost as much")
    trained.when(sfn.Condition.string_equals("$.run.status", TRAINED), entries.after_training)
    trained.when(sfn.Condition.string_equals("$.run.status", TRAINING), training.watch)
    trained.otherwise(serving.before_training(states, training.train))
    prepared = _prepare(states, prepare)
    prepared.next(trained)
    given = states.put("Take the given release", {"release.$": f"$.{RELEASE}"}, "$.before")
    given.next(entries.rollback)
    return _entry(states, prepared, _rollback(states, serving.pointer, entries.rollback), given)


def _entry(
    states: PipelineStates, prepared: sfn.IChainable, rollback: sfn.IChainable, release: sfn.IChainable
) -> sfn.IChainable:
    refuse = states.refuse(
        "Refuse the action",
        error="ActionError",
        cause="the input's action is unknown; allowed: rollback, serve with a release, or none to train",
    )
    action = sfn.Choice(states.scope, "Train or roll back?")
    given = sfn.Condition.is_present("$.action")
    named = sfn.Condition.and_(sfn.Condition.is_present(f"$.{RELEASE}"), sfn.Condition.is_string(f"$.{RELEASE}"))
    action.when(sfn.Condition.and_(given, sfn.Condition.string_equals("$.action", ROLLBACK)), rollback)
    action.when(sfn.Condition.and_(given, sfn.Condition.string_equals("$.action", SERVE), named), release)
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
            select={f"{member}.$": f"$.Payload.{member}" for member in PREPARE.outputs},
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
    there.when(sfn.Condition.string_equals("$.before.release", NO_RELEASE), nothing)
    there.otherwise(previous)
    read.next(there)
    return read
