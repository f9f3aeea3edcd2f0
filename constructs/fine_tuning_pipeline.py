"""The state machine that turns data into a served model: prepare, train, register, serve, verify, publish, prune."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning_functions import FineTuningFunctions
from constructs.pipeline_notices import PipelineNotices
from constructs.pipeline_serving import ServingStates
from constructs.served_pointer import NOTHING, ServedPointer
from constructs.step_tasks import StepTasks
from constructs.training_job import TrainingJob

_RUN = ("dataSha256", "jobName", "modelData", "report", "request", "samples", "status", "version")
# Longer than prepare (15 minutes), and than an endpoint that is made, updated, returned and watched (4 hours each).
_BESIDE_TRAINING = Duration.hours(14)
_PREPARE_TIMEOUT = Duration.minutes(16)
_VERIFY_TIMEOUT = Duration.minutes(6)


class FineTuningPipeline(Construct):
    """One fine-tuned model's way from data to traffic, as a state machine.

    Defines: an `AWS::StepFunctions::StateMachine` with its role and its log. Its input is `{}`,
    `{"dataPrefix": "s3://…"}` or `{"action": "rollback"}`.

    Data flow: *prepare* checks the data and writes the training job's request; *train* runs it, unless a job of the
    same data and settings has ended well; *register* makes model and endpoint config of a release, which is the
    training's version and a hash of what it is served with; *serve* puts it behind the endpoint, blue/green;
    *verify* asks the endpoint; *publish* writes the pointer; *prune* deletes what is neither served nor needed for a
    rollback. A rollback begins with the previous release at *serve*.

    Failures: whatever fails is told with its reason and ends the execution as failed; until *publish* the pointer
    stays. An update that fails its alarms is rolled back by SageMaker, one that fails *verify* by the pipeline.

    Prerequisites: as of its parts.

    Usage::

        pipeline = FineTuningPipeline(self, "Pipeline", name="dev-mistral-7b-dolly", functions=..., job=..., ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        functions: FineTuningFunctions,
        job: TrainingJob,
        endpoint: FineTunedEndpoint,
        pointer: ServedPointer,
        notices: PipelineNotices,
        encryption_key: kms.IKey,
        training_time: Duration,
        tags: Mapping[str, str] | None = None,
        poll_interval: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN,
    ) -> None:
        """Define the state machine.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            name: The state machine's name, and what the names of models and configs begin with.
            functions: What the pipeline runs beside services' calls.
            job: The training step.
            endpoint: What the tuned model is served with.
            pointer: What names the served release.
            notices: How the end is told.
            encryption_key: Key of the log group.
            training_time: How long a job may take at most, waiting included.
            tags: Tags of what the pipeline makes.
            poll_interval: How often the endpoint is looked at; 30 s by default.
            log_retention: How long the log group keeps its events.
            removal_policy: What becomes of the log group when it leaves the stack.
        """
        super().__init__(scope, construct_id)
        self._name = name
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"runs the fine-tuning of {name}",
        )
        self._tasks = StepTasks(self, role=self.role)
        self._pointer = pointer
        self._notices = notices
        serving = ServingStates(
            self,
            tasks=self._tasks,
            role=self.role,
            name=name,
            endpoint=endpoint,
            tags=[{"Key": key, "Value": value} for key, value in sorted((tags or {}).items())],
            poll_interval=poll_interval or Duration.seconds(30),
        )
        self._failed = self._failure()
        start = self._states(functions, job, endpoint, serving)
        log_group = logs.LogGroup(
            self, "Logs", encryption_key=encryption_key, retention=log_retention, removal_policy=removal_policy
        )
        self.state_machine = sfn.StateMachine(
            self,
            "Resource",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(start),
            role=self.role,
            timeout=training_time.plus(_BESIDE_TRAINING),
            tracing_enabled=True,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
        )
        self._acknowledge(endpoint)

    def _states(
        self,
        functions: FineTuningFunctions,
        job: TrainingJob,
        endpoint: FineTunedEndpoint,
        serving: ServingStates,
    ) -> sfn.IChainable:
        train = self._caught(job.task(self._tasks, role=self.role))
        publish = self._publish(functions.prune, endpoint)
        check = self._tasks.invoke(
            "Verify",
            functions.verify,
            {"endpointName": endpoint.endpoint_name, "configName.$": "$.serve.name"},
            select={"answer.$": "$.Payload.answer"},
            result_path="$.verified",
            timeout=_VERIFY_TIMEOUT,
        )
        check.next(publish)
        check.add_catch(serving.back(then=self._failed, pointed="$.served.release"), result_path="$.error")
        serve = self._read("Read served release", self._pointer.served, "$.served")
        serve.next(serving.put_into_place(self._caught, then=check, failed=self._failed))
        register = serving.register(self._caught, then=serve)
        name_release = _pass(
            self,
            "Name the release",
            {
                "release.$": f"States.Format('{{}}-{endpoint.settings_hash}', $.run.version)",
                "name.$": f"States.Format('{self._name}-{{}}-{endpoint.settings_hash}', $.run.version)",
            },
            "$.serve",
        )
        name_release.next(register)
        train.next(name_release)
        trained = sfn.Choice(self, "Trained already?", comment="a second job of the same data would cost as much")
        trained.when(sfn.Condition.string_equals("$.run.status", "trained"), name_release)
        trained.otherwise(train)
        prepared = self._prepare(functions.prepare)
        prepared.next(trained)
        return self._entry(prepared, self._rollback(serve))

    def _entry(self, prepared: sfn.IChainable, rollback: sfn.IChainable) -> sfn.IChainable:
        refuse = _pass(
            self,
            "Refuse the action",
            {"Error": "ActionError", "Cause": "the input's action is unknown; allowed: rollback, or none to train"},
            "$.error",
        )
        refuse.next(self._failed)
        action = sfn.Choice(self, "Train or roll back?")
        given = sfn.Condition.is_present("$.action")
        action.when(sfn.Condition.and_(given, sfn.Condition.string_equals("$.action", "rollback")), rollback)
        action.when(given, refuse)
        action.otherwise(prepared)
        return action

    def _prepare(self, function: lambda_.Function) -> sfn.CustomState:
        return self._caught(
            self._tasks.invoke(
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

    def _rollback(self, serve: sfn.IChainable) -> sfn.IChainable:
        read = self._read("Read previous release", self._pointer.previous, "$.before")
        nothing = _pass(
            self,
            "Nothing to roll back to",
            {"Error": "NoPreviousReleaseError", "Cause": "no release was served before the one that is served now"},
            "$.error",
        )
        nothing.next(self._failed)
        name = _pass(
            self,
            "Name the previous release",
            {
                "release.$": "$.before.release",
                "name.$": f"States.Format('{self._name}-{{}}', $.before.release)",
            },
            "$.serve",
        )
        name.next(serve)
        there = sfn.Choice(self, "Is there a previous release?")
        there.when(sfn.Condition.string_equals("$.before.release", NOTHING), nothing)
        there.otherwise(name)
        read.next(there)
        return read

    def _publish(self, prune: lambda_.Function, endpoint: FineTunedEndpoint) -> sfn.IChainable:
        done = self._success()
        pruned = self._tasks.invoke("Prune", prune, {"keep.$": "$.serve.release"}, timeout=_VERIFY_TIMEOUT)
        pruned.next(done)
        # What could not be deleted is deleted after the next run; the new release is served all the same.
        pruned.add_catch(done, result_path="$.unpruned")
        keep = self._write("Keep the release before", self._pointer.previous, {"Value.$": "$.served.release"})
        publish = self._write("Publish", self._pointer.served, {"Value.$": "$.serve.release"})
        open_ = self._write("Point the API to the endpoint", self._pointer.target, {"Value": endpoint.endpoint_name})
        trained = sfn.Choice(self, "A new training?", comment="a rollback must not delete what a training registers")
        trained.when(sfn.Condition.is_present("$.run"), pruned)
        trained.otherwise(done)
        keep.next(publish)
        publish.next(open_)
        open_.next(trained)
        new = sfn.Choice(self, "Another release than before?")
        new.when(sfn.Condition.string_equals_json_path("$.served.release", "$.serve.release"), open_)
        new.otherwise(keep)
        return new

    def _success(self) -> sfn.IChainable:
        outcome = _pass(
            self,
            "Sum up",
            {
                "pipeline": self._name,
                "status": "SUCCEEDED",
                "execution.$": "$$.Execution.Id",
                "release.$": "$.serve.release",
                "previous.$": "$.served.release",
            },
            "$.outcome",
        )
        message = f"States.Format('{self._name} serves release {{}}; before: {{}}', $.serve.release, $.served.release)"
        end = sfn.Succeed(self, "Succeeded")
        outcome.next(self._notices.states(self._tasks, outcome="success", message=message, end=end))
        return outcome

    def _failure(self) -> sfn.IChainable:
        outcome = _pass(
            self,
            "Sum up what failed",
            {
                "pipeline": self._name,
                "status": "FAILED",
                "execution.$": "$$.Execution.Id",
                "error.$": "$.error.Error",
                "cause.$": "$.error.Cause",
            },
            "$.outcome",
        )
        message = f"States.Format('{self._name}: {{}}: {{}}', $.error.Error, $.error.Cause)"
        end = sfn.Fail(self, "Failed", error_path="$.error.Error", cause_path="$.error.Cause")
        outcome.next(self._notices.states(self._tasks, outcome="failure", message=message, end=end))
        return outcome

    def _caught(self, state: sfn.CustomState) -> sfn.CustomState:
        state.add_catch(self._failed, result_path="$.error")
        return state

    def _read(self, name: str, parameter: Any, result_path: str) -> sfn.CustomState:
        return self._caught(
            self._tasks.call(
                name,
                "aws-sdk:ssm:getParameter",
                {"Name": parameter.name},
                allow=[(["ssm:GetParameter"], [self._pointer.arn(parameter)])],
                select={"release.$": "$.Parameter.Value"},
                result_path=result_path,
                retry=["Ssm.SsmException"],
            )
        )

    def _write(self, name: str, parameter: Any, value: Mapping[str, str]) -> sfn.CustomState:
        return self._caught(
            self._tasks.call(
                name,
                "aws-sdk:ssm:putParameter",
                {"Name": parameter.name, "Overwrite": True, **value},
                allow=[(["ssm:PutParameter"], [self._pointer.arn(parameter)])],
                retry=["Ssm.SsmException"],
            )
        )

    def _acknowledge(self, endpoint: FineTunedEndpoint) -> None:
        stack = Stack.of(self)
        releases = "models and configs of this pipeline: their names end in the hash of a release"
        names = [
            stack.format_arn(service="sagemaker", resource=kind, resource_name=f"{self._name}-*")
            for kind in ("endpoint-config", "model")
        ]
        acknowledge_in_policy(
            self.role,
            {
                **{wildcard_finding(self, name): releases for name in names},
                "AwsSolutions-IAM5[Resource::*]": (
                    "the log delivery of CloudWatch Logs, X-Ray's records and cloudwatch:DescribeAlarms have no "
                    "resource in IAM, or none that is known beforehand"
                ),
            },
        )


def _pass(scope: Construct, name: str, parameters: Mapping[str, Any], result_path: str) -> sfn.CustomState:
    state = {"Type": "Pass", "Parameters": dict(parameters), "ResultPath": result_path}
    return sfn.CustomState(scope, name, state_json=state)
