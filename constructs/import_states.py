"""The states of an import: check artifacts, make room, import, poll, smoke test, publish, prune."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.import_role import USE_MODEL_KEY
from constructs.imported_model import MODEL_TAG, SOURCE_TAG, ImportedModel
from constructs.served_pointer import NOTHING
from constructs.step_tasks import StepTasks

# A role is known to Bedrock within minutes (public reports); 40 times 15 s are ten.
_ROLE_TRIES = 40
_SMOKE_TRIES = 40
# Polling slows down by one pace a time, from one to eight.
_SLOWEST = 8
# What each step returns (lambda/model_import/steps.py).
_MEMBERS = {
    "plan": ("status", "version", "modelName", "modelArn", "jobArn", "jobName", "token"),
    "make_room": ("models", "quota", "removed"),
    "smoke_test": ("answer",),
    "prune": ("removed",),
    "tidy": ("error", "cause"),
}
# What is kept of the check (lambda/model_import/check.py).
_ARTIFACTS = ("weights", "source", "version", "chatTemplate", "converse")
_BEDROCK_FAULTS = ("Bedrock.InternalServerException", "Bedrock.ThrottlingException")


class ImportStates:
    """Makes the states of one state machine and lets its role do what they call.

    The whole of it has the state machine's time; when that is up, nothing is tidied up: a version that was imported by
    then is removed by the next run.

    Every state keeps what it finds out beside the input: `artifacts` (the check's), `run` (the plan),
    `job`, `model`, `wait` (seconds until the next look), `tries`, `refusal` and `failure`.
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
        """Keep what the states are made of.

        Args:
            scope: Where the states are made.
            role: The state machine's role.
            model: What is imported.
            check: Checks artifacts.
            steps: Does the other steps that take more than one call.
            import_role: What Bedrock assumes.
            pace: The shortest wait, in whole seconds.
            subnet_ids: Where imports run, with `security_group_ids`; not in a VPC by default.
            security_group_ids: What protects them there.
        """
        self._scope = scope
        self._role = role
        self._tasks = StepTasks(scope, role=role)
        self._model = model
        self._check = check
        self._steps = steps
        self._import_role = import_role
        self._pace = round(pace.to_seconds())
        self._vpc = {"SubnetIds": list(subnet_ids), "SecurityGroupIds": list(security_group_ids)} if subnet_ids else {}
        self._failed = self._failure()

    def chain(self) -> sfn.IChainable:
        """Make the states; the first of them."""
        publish = self._publish(self._prune())
        smoke = self._smoke_test()
        smoke.next(publish)
        poll = self._poll(smoke)
        import_ = self._import(poll)
        room = self._step("Make room", "make_room", {"version.$": "$.run.version"}, result_path="$.room")
        room.next(import_)
        self._refused(import_, again=import_, room=room)

        there = self._pass("Take the version that is there", {"arn.$": "$.run.modelArn"}, "$.model")
        there.next(smoke)
        running = self._pass("Take the job that runs", {"arn.$": "$.run.jobArn"}, "$.job")
        running.next(poll)
        choice = sfn.Choice(self._scope, "Import?", comment="a retry never imports twice")
        choice.when(sfn.Condition.string_equals("$.run.status", "imported"), there)
        choice.when(sfn.Condition.string_equals("$.run.status", "running"), running)
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
                {"weights.$": "$.weights", "region": Stack.of(self._scope).region},
                select={f"{member}.$": f"$.Payload.{member}" for member in _ARTIFACTS},
                result_path="$.artifacts",
            )
        )
        check.next(plan)
        begin = self._pass("Begin", {"seconds": self._pace, "tries": 0}, "$.wait")
        begin.next(check)
        return begin

    def _import(self, poll: sfn.IChainable) -> sfn.CustomState:
        tags = [{"Key": MODEL_TAG, "Value": self._model.model_name}]
        key = self._model.encryption_key
        request = {
            "JobName.$": "$.run.jobName",
            "ImportedModelName.$": "$.run.modelName",
            "ClientRequestToken.$": "$.run.token",
            "RoleArn": self._import_role.role_arn,
            "ModelDataSource": {"S3DataSource": {"S3Uri.$": "$.artifacts.weights"}},
            "JobTags": tags,
            "ImportedModelTags": [*tags, {"Key": SOURCE_TAG, "Value.$": "$.artifacts.source"}],
            **({"ImportedModelKmsKeyId": key.key_arn} if key else {}),
            **({"VpcConfig": self._vpc} if self._vpc else {}),
        }
        state = self._tasks.call(
            "Import",
            "aws-sdk:bedrock:createModelImportJob",
            request,
            allow=[
                (["bedrock:CreateModelImportJob"], ["*"]),
                (["bedrock:TagResource"], [self._arns("model-import-job"), self._arns("imported-model")]),
            ],
            select={"arn.$": "$.JobArn"},
            result_path="$.job",
            retry=_BEDROCK_FAULTS,
        )
        self._role.add_to_policy(
            iam.PolicyStatement(
                actions=["iam:PassRole"],
                resources=[self._import_role.role_arn],
                conditions={"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}},
            )
        )
        if key:
            region = Stack.of(self._scope).region
            self._role.add_to_policy(
                iam.PolicyStatement(
                    actions=list(USE_MODEL_KEY),
                    resources=[key.key_arn],
                    conditions={"StringEquals": {"kms:ViaService": f"bedrock.{region}.amazonaws.com"}},
                )
            )
        state.next(poll)
        return state

    def _refused(self, import_: sfn.CustomState, *, again: sfn.IChainable, room: sfn.IChainable) -> None:
        """What a refused import leads to: wait for its turn, or for its role, or the end."""
        for_turn = self._wait("Wait for its turn", 4 * self._pace)
        for_turn.next(room)
        count = self._pass(
            "Count tries", {"seconds": self._pace, "tries.$": "States.MathAdd($.wait.tries, 1)"}, "$.wait"
        )
        count.next(again)
        for_role = self._wait("Wait for the role", self._pace)
        for_role.next(count)
        failed = self._pass(
            "Refused for good", {"Error.$": "$.refusal.Error", "Cause.$": "$.refusal.Cause"}, "$.failure"
        )
        failed.next(self._failed)
        why = sfn.Choice(self._scope, "Why was it refused?")
        why.when(
            sfn.Condition.string_equals("$.refusal.Error", "Bedrock.ServiceQuotaExceededException"),
            for_turn,
            comment="one import at a time an account",
        )
        why.when(
            sfn.Condition.and_(
                sfn.Condition.string_matches("$.refusal.Cause", "*role ARN is invalid*"),
                sfn.Condition.number_less_than("$.wait.tries", _ROLE_TRIES),
            ),
            for_role,
            comment="a new role is not known everywhere at once",
        )
        why.otherwise(failed)
        import_.add_catch(why, result_path="$.refusal")

    def _poll(self, smoke: sfn.IChainable) -> sfn.IChainable:
        wait = sfn.Wait(self._scope, "Wait for the import", time=sfn.WaitTime.seconds_path("$.wait.seconds"))
        look = self._caught(
            self._tasks.call(
                "Look at the import",
                "aws-sdk:bedrock:getModelImportJob",
                {"JobIdentifier.$": "$.job.arn"},
                allow=[(["bedrock:GetModelImportJob"], [self._arns("model-import-job")])],
                result_path="$.look",
                retry=_BEDROCK_FAULTS,
            )
        )
        done = self._pass("Keep the model's ARN", {"arn.$": "$.look.ImportedModelArn"}, "$.model")
        done.next(smoke)
        failed = self._pass(
            "The import failed", {"Error": "ImportJobFailed", "Cause.$": "$.look.FailureMessage"}, "$.failure"
        )
        failed.next(self._failed)
        silent = self._pass(
            "The import failed without a word",
            {"Error": "ImportJobFailed", "Cause": "Bedrock gives no failureMessage"},
            "$.failure",
        )
        silent.next(self._failed)
        slower = self._pass(
            "Slow down",
            {"seconds.$": f"States.MathAdd($.wait.seconds, {self._pace})", "tries.$": "$.wait.tries"},
            "$.wait",
        )
        slower.next(wait)
        ended = sfn.Choice(self._scope, "Has it ended?")
        ended.when(sfn.Condition.string_equals("$.look.Status", "Completed"), done)
        ended.when(
            sfn.Condition.and_(
                sfn.Condition.string_equals("$.look.Status", "Failed"),
                sfn.Condition.is_present("$.look.FailureMessage"),
            ),
            failed,
        )
        ended.when(sfn.Condition.string_equals("$.look.Status", "Failed"), silent)
        ended.when(sfn.Condition.number_less_than("$.wait.seconds", _SLOWEST * self._pace), slower)
        ended.otherwise(wait)
        wait.next(look)
        look.next(ended)
        return wait

    def _smoke_test(self) -> sfn.CustomState:
        smoke = self._step(
            "Smoke test", "smoke_test", {"modelArn.$": "$.model.arn"}, result_path="$.smoke", caught=False
        )
        smoke.add_retry(
            errors=["ModelNotReadyError"],
            interval=Duration.seconds(self._pace),
            max_attempts=_SMOKE_TRIES,
            backoff_rate=1.5,
            max_delay=Duration.seconds(_SLOWEST * self._pace),
        )
        return self._caught(smoke)

    def _publish(self, then: sfn.IChainable) -> sfn.IChainable:
        pointer = self._model.pointer
        read = self._caught(
            self._tasks.call(
                "Read the served version",
                "aws-sdk:ssm:getParameter",
                {"Name": pointer.served.name},
                allow=[(["ssm:GetParameter"], [pointer.arn(pointer.served)])],
                select={"version.$": "$.Parameter.Value"},
                result_path="$.served",
                retry=["Ssm.SsmException"],
            )
        )
        keep = self._write("Keep the version before", pointer.previous, "$.served.version")
        target = self._write("Point to the model", pointer.target, "$.model.arn")
        served = self._write("Publish the version", pointer.served, "$.run.version")
        keep.next(target)
        target.next(served)
        served.next(then)
        new = sfn.Choice(self._scope, "Another version than before?")
        new.when(sfn.Condition.string_equals_json_path("$.served.version", "$.run.version"), target)
        new.when(sfn.Condition.string_equals("$.served.version", NOTHING), target)
        new.otherwise(keep)
        read.next(new)
        return read

    def _prune(self) -> sfn.IChainable:
        # The shim looks at the pointer every 10 s, and a request that it has sent may take its time.
        drain = self._wait("Let requests end", 4 * self._pace)
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
        # What could not be deleted is deleted after the next run; the new version is served all the same.
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
    ) -> sfn.CustomState:
        state = self._tasks.invoke(
            name,
            self._steps,
            {"step": step, **payload},
            select={f"{member}.$": f"$.Payload.{member}" for member in _MEMBERS[step]},
            result_path=result_path,
        )
        return self._caught(state) if caught else state

    def _write(self, name: str, parameter: Any, value_path: str) -> sfn.CustomState:
        return self._caught(
            self._tasks.call(
                name,
                "aws-sdk:ssm:putParameter",
                {"Name": parameter.name, "Overwrite": True, "Value.$": value_path},
                allow=[(["ssm:PutParameter"], [self._model.pointer.arn(parameter)])],
                result_path="$.written",
                retry=["Ssm.SsmException"],
            )
        )

    def _caught(self, state: sfn.CustomState) -> sfn.CustomState:
        state.add_catch(self._failed, result_path="$.failure")
        return state

    def _wait(self, name: str, seconds: int) -> sfn.Wait:
        return sfn.Wait(self._scope, name, time=sfn.WaitTime.duration(Duration.seconds(seconds)))

    def _pass(self, name: str, parameters: Mapping[str, Any], result_path: str) -> sfn.CustomState:
        state = {"Type": "Pass", "Parameters": dict(parameters), "ResultPath": result_path}
        return sfn.CustomState(self._scope, name, state_json=state)

    def _arns(self, kind: str) -> str:
        return Stack.of(self._scope).format_arn(service="bedrock", resource=kind, resource_name="*")
