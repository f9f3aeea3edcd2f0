"""Training step of a state machine: one SageMaker training job, waited for."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.fine_tuning.release_arns import job_arns
from constructs.fine_tuning.training_role import TrainingRole
from constructs.permissions.statements import allow_pass_role
from constructs.state_machines.step_tasks import StepTasks
from constructs.values.arns import arn
from constructs.values.durations import in_seconds, seconds
from constructs.values.s3_location import S3Location

from catalog import Deployment
from training.contract import REQUEST_MEMBERS

# The rule by which Step Functions learns that a job has ended (developer guide, "Create and manage Amazon SageMaker AI
# jobs", IAM).
_EVENTS_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
# A job that was refused for now was not made, so that its name is free still; a job that failed keeps its name, and
# the pipeline's next run takes another.
_RETRIED = ["SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException"]
# A job waits for instances and starts its container before its own time begins.
_START_SECONDS = 2 * 3600


class TrainingJob(Construct):
    """Runs the training job of a request that is in the state machine's data.

    Defines: the jobs' execution role (`TrainingRole`), and with `task` the state: an integration with
    `createTrainingJob.sync`, without the `s3:*` on `*` that CDK's own task would add.

    Data flow: the request is `$.run.request` and the job's name `$.run.jobName`, which *prepare* wrote; the job
    reads its data and the recipe's script and weights from S3 and writes the tuned weights below the output's
    prefix.

    Failures: a job that fails, is stopped, or takes longer than its time ends the state with `States.TaskFailed` or
    `States.Timeout`; SageMaker's reason is in the cause.

    Prerequisites: quota for the instance type ("for training job usage", or "for spot training job usage").

    Usage::

        job = TrainingJob(self, "Job", job_prefix="dev-mistral-7b-dolly", deployment=deployment, ...)
        train = job.task(tasks, role=state_machine_role)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_prefix: str,
        deployment: Deployment,
        data: Sequence[S3Location],
        output: S3Location,
        encryption_key: kms.IKey,
        max_runtime: Duration,
        max_wait: Duration | None = None,
        volume_key: bool = False,
        in_vpc: bool = False,
    ) -> None:
        """Define the jobs' role.

        Args:
            job_prefix: Beginning of the jobs' names, without the hyphen that follows.
            deployment: The base model, resolved for the stack's region.
            data: Training and validation data.
            output: Tuned weights and checkpoints.
            encryption_key: Key of the output.
            max_runtime: Longest training time of a job.
            max_wait: With managed spot training: longest time to wait and train; None trains on demand.
            volume_key: The jobs' volumes are encrypted with the key.
            in_vpc: The jobs' containers get network interfaces in a VPC.
        """
        super().__init__(scope, construct_id)
        self._prefix = job_prefix
        self._timeout = seconds(in_seconds(max_wait or max_runtime) + _START_SECONDS)
        self._optional = [*(["CheckpointConfig"] if max_wait else []), *(["VpcConfig"] if in_vpc else [])]
        self.role = TrainingRole(
            self,
            "Role",
            deployment=deployment,
            data=data,
            output=output,
            encryption_key=encryption_key,
            volume_key=volume_key,
            in_vpc=in_vpc,
        )

    @property
    def job_arns(self) -> list[str]:
        """ARNs of all jobs of this prefix."""
        return job_arns(self, self._prefix)

    def task(self, tasks: StepTasks, *, role: iam.Role, name: str = "Train") -> sfn.CustomState:
        """Build the state.

        Args:
            tasks: Builds the states of the state machine.
            role: The state machine's role.
            name: The state's name.
        """
        rule = arn(self, "events", f"rule/{_EVENTS_RULE}")
        members = sorted({*REQUEST_MEMBERS, *self._optional} - {"TrainingJobName"})
        parameters = {"TrainingJobName.$": "$.run.jobName"}
        parameters |= {f"{member}.$": f"$.run.request.{member}" for member in members}
        actions = ["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags", "ListTags"]
        state = tasks.call(
            name,
            "sagemaker:createTrainingJob.sync",
            parameters,
            allow=[
                ([f"sagemaker:{action}" for action in actions], self.job_arns),
                (["events:DescribeRule", "events:PutRule", "events:PutTargets"], [rule]),
            ],
            select={"job.$": "$.TrainingJobName", "arn.$": "$.TrainingJobArn", "status.$": "$.TrainingJobStatus"},
            result_path="$.training",
            timeout=self._timeout,
            retry=_RETRIED,
        )
        allow_pass_role(role, self.role, service="sagemaker.amazonaws.com")
        return state
