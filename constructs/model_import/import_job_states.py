"""States around one import job of Bedrock: start it, wait where it is refused for now, and poll until it ends."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.model_import.import_role import USE_MODEL_KEY
from constructs.model_import.imported_model import ImportedModel
from constructs.permissions.statements import allow_pass_role
from constructs.state_machines.step_tasks import TASK_FAILED, StepTasks
from constructs.values.arns import arn, place_of

from model_import.contract import SOURCE_TAG

# A role is known to Bedrock within minutes (public reports); 40 times 15 s are ten.
_ROLE_TRIES = 40
# Polling slows down by one pace a time, from one to eight.
_SLOWEST = 8
# Errors after which the same request may succeed; of the others "Why was it refused?" decides.
_FAULTS = [
    *("Bedrock.InternalServerException", "Bedrock.ThrottlingException"),
    *("Bedrock.BedrockException", "Bedrock.SdkClientException"),
]


class ImportJobStates:
    """Builds the states of *import* and *poll*, and grants the state machine's role what they call.

    They read `$.artifacts` (the check's `weights` and `source`) and `$.run` (the plan's `jobName`, `modelName` and
    `token`), keep `$.wait` (seconds until the next look, and tries) and `$.job`, and store the model's ARN in
    `$.model.arn`, or the error in `$.failure`.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        role: iam.Role,
        tasks: StepTasks,
        model: ImportedModel,
        import_role: iam.Role,
        pace: int,
        failed: sfn.IChainable,
        subnet_ids: Sequence[str] = (),
        security_group_ids: Sequence[str] = (),
    ) -> None:
        """Store the collaborators.

        Args:
            scope: Scope of the states.
            role: The state machine's role.
            tasks: Builds the states that call services.
            model: The imported model.
            import_role: The role that Bedrock assumes.
            pace: The shortest wait, in seconds.
            failed: The state that follows a failure.
            subnet_ids: Subnets of the imports, with `security_group_ids`; no VPC by default.
            security_group_ids: Security groups of the imports.
        """
        self._scope = scope
        self._role = role
        self._tasks = tasks
        self._model = model
        self._import_role = import_role
        self._pace = pace
        self._failed = failed
        self._vpc = {"SubnetIds": list(subnet_ids), "SecurityGroupIds": list(security_group_ids)} if subnet_ids else {}

    def start(self, *, room: sfn.IChainable, poll: sfn.IChainable) -> sfn.CustomState:
        """Build the states that start the job, again where it is refused for now.

        Args:
            room: State to return to after a quota refusal, since other imports may have used up the room.
            poll: The state that follows.
        """
        key = self._model.encryption_key
        tags = [{"Key": name, "Value": value} for name, value in self._model.tags.items()]
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
                (["bedrock:CreateModelImportJob"], ["*"], self._model.marks_this_model),
                (
                    ["bedrock:TagResource"],
                    [self._arns("model-import-job"), self._arns("imported-model")],
                    self._model.marks_no_other_model,
                ),
            ],
            select={"arn.$": "$.JobArn"},
            result_path="$.job",
            retry=_FAULTS,
        )
        self._grant_role_and_key()
        state.next(poll)
        state.add_catch(self._refused(again=state, room=room), result_path="$.refusal")
        return state

    def poll(self, then: sfn.IChainable) -> sfn.IChainable:
        """Build the states that poll `$.job` until its end, ever more slowly.

        Args:
            then: The state that follows a successful import.
        """
        wait = sfn.Wait(self._scope, "Wait for the import", time=sfn.WaitTime.seconds_path("$.wait.seconds"))
        look = self._tasks.call(
            "Look at the import",
            "aws-sdk:bedrock:getModelImportJob",
            {"JobIdentifier.$": "$.job.arn"},
            allow=[(["bedrock:GetModelImportJob"], [self._arns("model-import-job")])],
            result_path="$.look",
            retry=TASK_FAILED,
        )
        look.add_catch(self._failed, result_path="$.failure")
        done = self._tasks.put("Keep the model's ARN", {"arn.$": "$.look.ImportedModelArn"}, "$.model")
        done.next(then)
        slower = self._tasks.put(
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
            self._fail("The import failed", {"Error": "ImportJobFailed", "Cause.$": "$.look.FailureMessage"}),
        )
        silent = {"Error": "ImportJobFailed", "Cause": "Bedrock gives no failureMessage"}
        ended.when(
            sfn.Condition.string_equals("$.look.Status", "Failed"),
            self._fail("The import failed without a word", silent),
        )
        ended.when(sfn.Condition.number_less_than("$.wait.seconds", _SLOWEST * self._pace), slower)
        ended.otherwise(wait)
        wait.next(look)
        look.next(ended)
        return wait

    def _refused(self, *, again: sfn.IChainable, room: sfn.IChainable) -> sfn.Choice:
        """Build the states after a refused import: wait for its turn, or for its role, or fail."""
        for_turn = self._tasks.wait("Wait for its turn", 4 * self._pace)
        for_turn.next(room)
        count = self._tasks.put(
            "Count tries", {"seconds": self._pace, "tries.$": "States.MathAdd($.wait.tries, 1)"}, "$.wait"
        )
        count.next(again)
        for_role = self._tasks.wait("Wait for the role", self._pace)
        for_role.next(count)
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
        why.otherwise(
            self._fail("Refused for good", {"Error.$": "$.refusal.Error", "Cause.$": "$.refusal.Cause"}),
        )
        return why

    def _fail(self, name: str, failure: dict[str, str]) -> sfn.CustomState:
        state = self._tasks.put(name, failure, "$.failure")
        state.next(self._failed)
        return state

    def _grant_role_and_key(self) -> None:
        allow_pass_role(self._role, self._import_role, service="bedrock.amazonaws.com")
        key = self._model.encryption_key
        if key:
            region = place_of(self._scope).region
            iam.Grant.add_to_principal(
                grantee=self._role,
                actions=list(USE_MODEL_KEY),
                resource_arns=[key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"bedrock.{region}.amazonaws.com"}},
            )

    def _arns(self, kind: str) -> str:
        return arn(self._scope, "bedrock", f"{kind}/*")
