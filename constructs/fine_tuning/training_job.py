"""The training step of a state machine: one SageMaker training job, waited for."""

from collections.abc import Sequence

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.fine_tuning.training_role import TrainingRole
from constructs.statements import pass_role
from constructs.step_tasks import StepTasks

from catalog import Deployment

# Members of a request that each recipe fills; what a recipe has nothing for is empty, not left out, because a path
# that leads nowhere fails a state.
_MEMBERS = (
    *("AlgorithmSpecification", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("EnableNetworkIsolation", "Environment", "HyperParameters", "InputDataConfig", "OutputDataConfig"),
    *("ResourceConfig", "RoleArn", "StoppingCondition", "Tags"),
)
# How Step Functions learns that a job has ended (developer guide, "Create and manage Amazon SageMaker AI jobs", IAM).
_EVENTS_RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"
# A job that was refused for now was not made, so that its name is free still; a job that failed keeps its name, and
# the pipeline's next run takes another.
_RETRIED = ["SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException"]
# A job waits for instances and starts its container before its own time begins.
_START = Duration.hours(2)


class TrainingJob(Construct):
    """Runs the training job that a request in the state describes.

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
        data: Sequence[tuple[str, str]],
        output: tuple[str, str],
        encryption_key: kms.IKey,
        max_runtime: Duration,
        max_wait: Duration | None = None,
        volume_key: bool = False,
        in_vpc: bool = False,
    ) -> None:
        """Define the jobs' role.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            job_prefix: What the jobs' names begin with; a hyphen follows.
            deployment: The base model, resolved for the stack's region.
            data: Buckets' ARNs and prefixes with data.
            output: Bucket's ARN and prefix of what the jobs make.
            encryption_key: Key of the output.
            max_runtime: How long a job may train.
            max_wait: With managed spot training: how long it may wait and train; None trains on demand.
            volume_key: Whether the jobs' volumes are encrypted with the key.
            in_vpc: Whether the jobs' containers get network interfaces in a VPC.
        """
        super().__init__(scope, construct_id)
        self._prefix = job_prefix
        self._timeout = (max_wait or max_runtime).plus(_START)
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
    def job_arns(self) -> str:
        """ARN of all jobs of this prefix, with a wildcard for what follows it."""
        return Stack.of(self).format_arn(
            service="sagemaker", resource="training-job", resource_name=f"{self._prefix}-*".lower()
        )

    def task(self, tasks: StepTasks, *, role: iam.Role, name: str = "Train") -> sfn.CustomState:
        """Make the state.

        Args:
            tasks: Makes the states of the state machine.
            role: The state machine's role, which must have other statements, too.
            name: The state's name.
        """
        stack = Stack.of(self)
        rule = stack.format_arn(service="events", resource="rule", resource_name=_EVENTS_RULE)
        parameters = {"TrainingJobName.$": "$.run.jobName"}
        parameters |= {f"{member}.$": f"$.run.request.{member}" for member in sorted([*_MEMBERS, *self._optional])}
        actions = ["CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags", "ListTags"]
        state = tasks.call(
            name,
            "sagemaker:createTrainingJob.sync",
            parameters,
            allow=[
                ([f"sagemaker:{action}" for action in actions], [self.job_arns]),
                (["events:DescribeRule", "events:PutRule", "events:PutTargets"], [rule]),
            ],
            select={"job.$": "$.TrainingJobName", "arn.$": "$.TrainingJobArn", "status.$": "$.TrainingJobStatus"},
            result_path="$.training",
            timeout=self._timeout,
            retry=_RETRIED,
        )
        pass_role(role, self.role, service="sagemaker.amazonaws.com")
        acknowledge_in_policy(
            role,
            {
                wildcard_finding(self, self.job_arns): (
                    "the names of this pipeline's own jobs: each ends in the hash of its data and settings"
                )
            },
        )
        return state
