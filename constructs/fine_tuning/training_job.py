"""Training step of a state machine: one SageMaker training job, watched until its end."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.fine_tuning.pipeline_states import PipelineStates
from constructs.fine_tuning.release_arns import job_arns
from constructs.fine_tuning.training_role import TrainingRole
from constructs.fine_tuning.training_states import TrainingStates
from constructs.permissions.statements import allow_pass_role
from constructs.values.durations import in_seconds
from constructs.values.s3_location import S3Location

from catalog import Deployment
from training.contract import REQUEST_MEMBERS

# A job waits for instances and starts its container before its own time begins.
_START_SECONDS = 2 * 3600


class JobStates(NamedTuple):
    """The first states of a training.

    Attributes:
        train: Starts the job.
        watch: Waits for a job that runs.
    """

    train: sfn.IChainable
    watch: sfn.IChainable


class TrainingJob(Construct):
    """Runs the training job of a request that is in the state machine's data.

    Defines: the jobs' execution role (`TrainingRole`), and with `states` the states (`TrainingStates`).

    Data flow: the request is `$.run.request` and the job's name `$.run.jobName`, which *prepare* wrote; the job
    reads its data and the recipe's script and weights from S3 and writes the tuned weights below the output's
    prefix.

    Failures: a job that fails or is stopped fails the pipeline with `TrainingJobFailed` and SageMaker's reason. One
    that takes longer than its time, waiting for instances included, is stopped: `TrainingTimeoutError`. Where the
    execution itself ends first, the job goes on until its own longest time, and the next run of the same data waits
    for it.

    Prerequisites: quota for the instance type ("for training job usage", or "for spot training job usage").

    Usage::

        job = TrainingJob(self, "Job", job_prefix="dev-mistral-7b-dolly", deployment=deployment, ...)
        entries = job.states(pipeline_states, then=served)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_prefix: str,
        instance_type: str,
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
            instance_type: Instance type of the jobs, such as `ml.g5.12xlarge`.
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
        self.longest_seconds = in_seconds(max_wait or max_runtime) + _START_SECONDS
        self._optional = [*(["CheckpointConfig"] if max_wait else []), *(["VpcConfig"] if in_vpc else [])]
        self._conditions = _conditions(
            instance_type, max_runtime, encryption_key, volume_key=encryption_key if volume_key else None
        )
        self.role = TrainingRole(
            self,
            "Role",
            job_prefix=job_prefix,
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

    def states(self, states: PipelineStates, *, then: sfn.IChainable) -> JobStates:
        """Build the states.

        Args:
            states: The pipeline's states.
            then: The state that follows a completed job.
        """
        built = TrainingStates(states, job_arns=self.job_arns, longest_seconds=self.longest_seconds)
        members = sorted({*REQUEST_MEMBERS, *self._optional} - {"TrainingJobName"})
        watch = built.watch(then=then)
        train = built.train(members, conditions=self._conditions, watch=watch)
        allow_pass_role(states.role, self.role, service="sagemaker.amazonaws.com")
        return JobStates(train=train, watch=watch)


def _conditions(
    instance_type: str, max_runtime: Duration, output_key: kms.IKey, *, volume_key: kms.IKey | None
) -> dict[str, dict[str, Any]]:
    """Return the conditions that hold a state machine to the declared jobs, whoever changes its definition.

    Network isolation is the recipe's, which is read when a job is prepared (keys of CreateTrainingJob: service
    authorization reference).
    """
    return {
        "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": [instance_type]},
        "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": f"{in_seconds(max_runtime):.0f}"},
        "ArnEquals": {
            "sagemaker:OutputKmsKey": output_key.key_arn,
            **({"sagemaker:VolumeKmsKey": volume_key.key_arn} if volume_key else {}),
        },
    }
