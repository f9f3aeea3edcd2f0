"""Steps after training for models served by Bedrock: import the tuned weights."""

import math
from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs.fine_tuning.fine_tuning_pipeline import EntryStates
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.fine_tuning.training_states import MOST_TRAINING_EVENTS
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import LONGEST_RUN_SECONDS, ModelImportJob
from constructs.served_pointer import ServedPointer
from constructs.state_machines.step_tasks import MOST_EVENTS, TASK_FAILED
from constructs.values.arns import arn
from constructs.values.durations import in_seconds

from model_import.contract import STEP

# A look takes 9 events, for Wait, Task and Choice; all else beside the training takes less than 1,000.
_MOST_LOOKS = (MOST_EVENTS - MOST_TRAINING_EVENTS - 1_000) // 9
_SHORTEST_POLL_SECONDS = math.ceil(LONGEST_RUN_SECONDS / _MOST_LOOKS)
# IAM may answer for a model that does not exist: it lacks the tag that the statement requires.
_GONE = ["Bedrock.ResourceNotFoundException", "Bedrock.AccessDeniedException"]


class ImportServing:
    """Starts the import of a release into Bedrock, by the import's own state machine, and waits for its end.

    Data flow: the import gets the prefix of the tuned weights; it checks, imports, tests, publishes and prunes by
    itself (`ModelImportJob`). The release that it serves is the weights' version, whichever training they are of. A
    rollback looks up in Bedrock the prefix that the previous release was imported from, and imports that prefix: a
    version that still exists is served within a minute.

    Before a training is paid, the import's own function asks whether there will be room in the account's quota of
    imported models; a full one ends the run with the names of the models in it.

    The import's execution has the name of the pipeline's, so that a start that is retried starts nothing twice. It is
    polled.

    Failures: the import's own error and cause are the pipeline's, unchanged. A pipeline that is stopped or runs out of
    time leaves its import running to the end, which publishes; stop the import, too, to prevent that.

    Usage::

        serving = ImportServing(imported, job=import_job, weights_uri="s3://…/training/runs/")
    """

    # Prepare (15 minutes), and the polling of the import, beside the import.
    longest_seconds = LONGEST_RUN_SECONDS + 3600

    def __init__(
        self, model: ImportedModel, *, job: ModelImportJob, weights_uri: str, poll_interval: Duration | None = None
    ) -> None:
        """Store the collaborators.

        Args:
            model: The imported model.
            job: Imports it.
            weights_uri: Prefix of the weights of all trainings, for an import by hand.
            poll_interval: Time between two looks at the import, 25 s or more; 30 s by default.

        Raises:
            ValueError: If an execution had too few events to poll an import to its longest end.
        """
        poll_seconds = in_seconds(poll_interval) if poll_interval else 30
        if poll_seconds < _SHORTEST_POLL_SECONDS:
            raise ValueError(
                f"poll_interval is {poll_seconds:g} s: allowed are {_SHORTEST_POLL_SECONDS} s or more, because an "
                "execution has at most 25,000 events"
            )
        self._model = model
        self._job = job
        self._weights_uri = weights_uri
        self._poll_seconds = poll_seconds

    @property
    def pointer(self) -> ServedPointer:
        """Names the served release and the one before; the import writes it."""
        return self._model.pointer

    @property
    def wildcards(self) -> Mapping[str, str]:
        """ARNs with a wildcard in the role's policy, with the reasons."""
        return {
            self._executions: "this model's imports have the names of the pipeline's runs",
            **self._model.invoke_wildcards,
            "*": "the log delivery of CloudWatch Logs and X-Ray's records have no resource in IAM",
        }

    @property
    def _executions(self) -> str:
        return arn(self._model, "states", f"execution:{self._model.state_machine_name}:*")

    def before_training(self, states: PipelineStates, train: sfn.IChainable) -> sfn.IChainable:
        """Build the state that asks for room in the quota of imported models: a full one would waste the training."""
        room = states.caught(
            states.tasks.invoke(
                "Is there room for the import?",
                self._job.steps,
                {"step": "check_room"},
                select={f"{member}.$": f"$.Payload.{member}" for member in STEP["check_room"].outputs},
                result_path="$.room",
            )
        )
        room.next(train)
        return room

    def entry_states(self, states: PipelineStates) -> EntryStates:
        """Build the states."""
        serve = states.read("Read served release", self.pointer.served, "$.served")
        serve.next(self._import(states))
        trained = states.put("Take the tuned weights", {"weights.$": "$.run.modelData"}, "$.source")
        trained.next(serve)
        previous = self._find_previous(states)
        previous.next(serve)
        return EntryStates(after_training=trained, rollback=previous)

    def _find_previous(self, states: PipelineStates) -> sfn.CustomState:
        find = states.tasks.call(
            "Find the previous release",
            "aws-sdk:bedrock:getImportedModel",
            {"ModelIdentifier.$": f"States.Format('{self._model.model_name}-{{}}', $.before.release)"},
            allow=[],
            select={"weights.$": "$.ModelDataSource.S3DataSource.S3Uri"},
            result_path="$.source",
            retry=TASK_FAILED,
            final=_GONE,
        )
        iam.Grant.add_to_principal(
            grantee=states.role,
            actions=["bedrock:GetImportedModel"],
            resource_arns=[self._model.model_arns],
            conditions={operator: dict(keys) for operator, keys in self._model.is_this_model.items()},
        )
        gone = states.refuse(
            "The previous release is gone",
            error="ReleaseGoneError",
            cause=(
                "States.Format('release {} is no longer imported, so that there is nothing to go back to ({}). To "
                f"serve it, start {self._model.state_machine_name} with the prefix of its tuned weights, one of those "
                f"below {self._weights_uri}', $.before.release, $.gone.Cause)"
            ),
        )
        find.add_catch(gone, errors=_GONE, result_path="$.gone")
        return states.caught(find)

    def _import(self, states: PipelineStates) -> sfn.CustomState:
        machine = self._job.state_machine.state_machine_arn
        start = states.caught(
            states.tasks.call(
                "Start the import",
                "aws-sdk:sfn:startExecution",
                {
                    "StateMachineArn": machine,
                    "Name.$": "$$.Execution.Name",
                    "Input.$": "States.JsonToString($.source)",
                },
                allow=[(["states:StartExecution"], [machine])],
                select={"execution.$": "$.ExecutionArn"},
                result_path="$.import",
                retry=TASK_FAILED,
            )
        )
        wait = states.tasks.wait("Wait for the import", self._poll_seconds)
        look = states.caught(
            states.tasks.call(
                "Look at the import",
                "aws-sdk:sfn:describeExecution",
                {"ExecutionArn.$": "$.import.execution"},
                allow=[(["states:DescribeExecution"], [self._executions])],
                result_path="$.look",
                retry=TASK_FAILED,
            )
        )
        start.next(wait)
        wait.next(look)
        look.next(self._ended(states, wait))
        return start

    def _ended(self, states: PipelineStates, wait: sfn.IChainable) -> sfn.Choice:
        served = states.put("Take what is served", {"output.$": "States.StringToJson($.look.Output)"}, "$.imported")
        served.next(states.success(release="$.imported.output.version", previous="$.served.release"))
        failed = states.put("The import failed", {"Error.$": "$.look.Error", "Cause.$": "$.look.Cause"}, "$.error")
        failed.next(states.failed)
        silent = states.refuse(
            "The import ended without a reason",
            error="ImportEndedError",
            cause="States.Format('the import {} is {}', $.import.execution, $.look.Status)",
        )
        ended = sfn.Choice(states.scope, "Has the import ended?")
        ended.when(sfn.Condition.string_equals("$.look.Status", "RUNNING"), wait)
        ended.when(sfn.Condition.string_equals("$.look.Status", "SUCCEEDED"), served)
        ended.when(
            sfn.Condition.and_(sfn.Condition.is_present("$.look.Error"), sfn.Condition.is_present("$.look.Cause")),
            failed,
        )
        ended.otherwise(silent)
        return ended
