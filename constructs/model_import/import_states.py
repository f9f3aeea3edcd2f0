"""States of an import: check artifacts, make room, import, poll, smoke test, publish, prune."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_ssm as ssm
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.model_import.import_job_states import ImportJobStates
from constructs.model_import.imported_model import ImportedModel
from constructs.state_machines.pointer_states import PointerStates
from constructs.state_machines.step_tasks import StepTasks
from constructs.values.arns import place_of
from constructs.values.durations import in_seconds

from model_import.contract import (
    ARTIFACTS,
    IMPORTED,
    NO_RELEASE,
    NOT_READY_ERROR,
    RUNNING,
    STEP,
)

_SMOKE_TRIES = 40
# Waits for a cold model slow down to this many paces.
_SLOWEST_SMOKE = 8


class ImportStates:
    """Builds the states of one state machine and grants its role what they call.

    The state machine's timeout covers all states. A timed-out run cleans nothing up; the next run removes what it
    imported.

    Every state adds its results to the input: `artifacts` (the check's), `run` (the plan), `job`, `model`, `wait`
    (seconds until the next look, and tries), `refusal` and `failure`.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        role: iam.Role,
        model: ImportedModel,
        check: lambda_.Function,
        steps: lambda_.Function,
        import_role: iam.Role,
        pace: Duration,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
    ) -> None:
        """Store the collaborators.

        Args:
            scope: Scope of the states.
            role: The state machine's role.
            model: The imported model.
            check: Checks artifacts.
            steps: Does the other steps that need more than one call.
            import_role: The role that Bedrock assumes.
            pace: The shortest wait, in whole seconds.
            subnet_ids: Subnets of the imports, with `security_group_ids`; no VPC by default.
            security_group_ids: Security groups of the imports.
        """
        self._scope = scope
        self._tasks = StepTasks(scope, role=role)
        self._model = model
        self._check = check
        self._steps = steps
        self._pace = round(in_seconds(pace))
        self._pointer = PointerStates(self._tasks, model.pointer)
        self._failed = self._failure()
        self._job = ImportJobStates(
            scope,
            role=role,
            tasks=self._tasks,
            model=model,
            import_role=import_role,
            pace=self._pace,
            failed=self._failed,
            subnet_ids=subnet_ids,
            security_group_ids=security_group_ids,
        )

    def chain(self) -> sfn.IChainable:
        """Build the states, and return the first of them."""
        publish = self._publish(self._prune())
        smoke = self._smoke_test()
        smoke.next(publish)
        poll = self._job.poll(smoke)
        room = self._step("Make room", "make_room", {"version.$": "$.run.version"}, result_path="$.room")
        room.next(self._job.start(room=room, poll=poll))

        there = self._tasks.put("Take the version that is there", {"arn.$": "$.run.modelArn"}, "$.model")
        there.next(smoke)
        running = self._tasks.put("Take the job that runs", {"arn.$": "$.run.jobArn"}, "$.job")
        running.next(poll)
        choice = sfn.Choice(self._scope, "Import?", comment="a retry never imports twice")
        choice.when(sfn.Condition.string_equals("$.run.status", IMPORTED), there)
        choice.when(sfn.Condition.string_equals("$.run.status", RUNNING), running)
        choice.otherwise(room)
        plan = self._step(
            "Plan",
            "plan",
            {"weights.$": "$.artifacts.weights", "artifacts.$": "$.artifacts", "execution.$": "$$.Execution.Id"},
            result_path="$.run",
        )
        plan.next(choice)
        check = self._caught(
            self._tasks.invoke(
                "Check artifacts",
                self._check,
                {"weights.$": "$.weights", "region": place_of(self._scope).region},
                select={f"{member}.$": f"$.Payload.{member}" for member in ARTIFACTS},
                result_path="$.artifacts",
            )
        )
        check.next(plan)
        begin = self._tasks.put("Begin", {"seconds": self._pace, "tries": 0}, "$.wait")
        begin.next(check)
        return begin

    def _smoke_test(self) -> sfn.CustomState:
        cold = {
            "ErrorEquals": [NOT_READY_ERROR],
            "IntervalSeconds": self._pace,
            "MaxAttempts": _SMOKE_TRIES,
            "BackoffRate": 1.5,
            "MaxDelaySeconds": _SLOWEST_SMOKE * self._pace,
        }
        return self._step(
            "Smoke test", "smoke_test", {"modelArn.$": "$.model.arn"}, result_path="$.smoke", retriers=[cold]
        )

    def _publish(self, then: sfn.IChainable) -> sfn.IChainable:
        pointer = self._model.pointer
        read = self._caught(
            self._pointer.read("Read the served version", pointer.served, member="version", result_path="$.served")
        )
        keep = self._write("Keep the version before", pointer.previous, "$.served.version")
        target = self._write("Point to the model", pointer.target, "$.model.arn")
        served = self._write("Publish the version", pointer.served, "$.run.version")
        keep.next(target)
        target.next(served)
        served.next(then)
        new = sfn.Choice(self._scope, "Another version than before?")
        new.when(sfn.Condition.string_equals_json_path("$.served.version", "$.run.version"), target)
        new.when(sfn.Condition.string_equals("$.served.version", NO_RELEASE), target)
        new.otherwise(keep)
        read.next(new)
        return read

    def _prune(self) -> sfn.IChainable:
        # The shim reads the pointer every 10 s, and requests to the old version may still run.
        drain = self._tasks.wait("Let requests end", 4 * self._pace)
        prune = self._step("Prune", "prune", {}, result_path="$.pruned", caught=False)
        end = sfn.CustomState(
            self._scope,
            "Imported",
            state_json={
                "Type": "Pass",
                "Parameters": {
                    "modelArn.$": "$.model.arn",
                    "modelName.$": "$.run.modelName",
                    "version.$": "$.run.version",
                },
                "End": True,
            },
        )
        # A deletion that failed is repeated after the next run; the new version is served all the same.
        prune.add_catch(end, result_path="$.unpruned")
        drain.next(prune)
        prune.next(end)
        return drain

    def _failure(self) -> sfn.IChainable:
        tidy = self._step("Tidy up", "tidy", {"state.$": "$"}, result_path="$.failure", caught=False)
        fail = sfn.Fail(self._scope, "Failed", error_path="$.failure.error", cause_path="$.failure.cause")
        untidy = sfn.Fail(self._scope, "Failed untidily", error_path="$.untidied.Error", cause_path="$.failure.Cause")
        tidy.add_catch(untidy, result_path="$.untidied")
        tidy.next(fail)
        return tidy

    def _step(
        self,
        name: str,
        step: str,
        payload: Mapping[str, Any],
        *,
        result_path: str,
        caught: bool = True,
        retriers: Sequence[Mapping[str, Any]] = (),
    ) -> sfn.CustomState:
        state = self._tasks.invoke(
            name,
            self._steps,
            {"step": step, **payload},
            select={f"{member}.$": f"$.Payload.{member}" for member in STEP[step].outputs},
            result_path=result_path,
            retriers=retriers,
        )
        return self._caught(state) if caught else state

    def _write(self, name: str, parameter: ssm.CfnParameter, value_path: str) -> sfn.CustomState:
        return self._caught(self._pointer.write(name, parameter, {"Value.$": value_path}))

    def _caught(self, state: sfn.CustomState) -> sfn.CustomState:
        state.add_catch(self._failed, result_path="$.failure")
        return state
