"""Complete CreateTrainingJob requests for a recipe, as the `sagemaker` SDK's JumpStartEstimator sends it.

The parity tests compare the requests and list the intended differences in one table: the SDK's defaults for
its debugger and profiler are left out, and a storage volume's key where the instance type takes none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.deployment import CatalogError, takes_volume_size
from catalog.limits.training import LONGEST_RUNTIME_SECONDS
from catalog.training.hyperparameters import MOST_HYPERPARAMETERS
from catalog.training.recipe import TrainingRecipe

_DEFAULT_VOLUME_GB = 30
"""The SDK's volume size where the spec gives none, or the instance type takes none."""
# Path of the mounted code channel, and the program in it that the container runs (`sagemaker.estimator`,
# `sagemaker.jumpstart.constants`).
_MOUNTED_SCRIPT = "/opt/ml/input/data/code/sourcedir.tar.gz"
_PROGRAM = "transfer_learning.py"
_LOG_LEVEL = 20
_RESERVED_CHANNELS = ("model", "code")
# API CreateTrainingJob.
_JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_CHANNEL_NAME = re.compile(r"[A-Za-z0-9.\-_]{1,64}")
_MOST_CHANNELS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """One training job of a recipe.

    Attributes:
        name: Name of the job.
        role_arn: ARN of the execution role.
        region: AWS region.
        channels: S3 prefix of data by name of the channel, in their order (`catalog.training.channels`).
        output_path: S3 prefix under which SageMaker writes `<name>/output/`.
        hyperparameters: Values other than the recipe's defaults, as texts.
        instance_type: SageMaker instance type; the recipe's default if None.
        allow_unlisted_instance_type: Take an instance type that AWS does not list, as long as there is an image.
        instance_count: Number of instances.
        max_runtime_seconds: The longest run; the recipe's if None.
        spot: Whether spot instances are used.
        max_wait_seconds: With spot: the longest for waiting and running together; twice the run if None.
        checkpoint_path: With spot: S3 prefix of checkpoints; none if None.
        uncompressed: Whether the model is written as files below a prefix even where the recipe would pack it.
        output_key_arn: KMS key that the output is encrypted with, None for the bucket's own.
        volume_key_arn: KMS key of the storage volume where the instance type takes one.
        subnet_ids: Subnets that the job runs in; none for no VPC.
        security_group_ids: Their security groups.
        accept_eula: Whether you accept the model's licence, where it has one.
        tags: Value by name, before those that name the model.
    """

    name: str
    role_arn: str
    region: str
    channels: Mapping[str, str]
    output_path: str
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    instance_type: str | None = None
    allow_unlisted_instance_type: bool = False
    instance_count: int = 1
    max_runtime_seconds: int | None = None
    spot: bool = False
    max_wait_seconds: int | None = None
    checkpoint_path: str | None = None
    uncompressed: bool = False
    output_key_arn: str | None = None
    volume_key_arn: str | None = None
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    accept_eula: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def model_data(self) -> str:
        """S3 prefix at which SageMaker leaves an uncompressed model."""
        return model_prefix(self.output_path, self.name)


def model_prefix(output_path: str, job_name: str) -> str:
    """Return the S3 prefix at which SageMaker leaves the uncompressed model of a job."""
    return f"{output_path.rstrip('/')}/{job_name}/output/model/"


def create_training_job(recipe: TrainingRecipe, job: TrainingJob) -> dict[str, Any]:
    """Build the request.

    Args:
        recipe: The training recipe.
        job: The job.

    Returns:
        The arguments of boto3's `create_training_job`.

    Raises:
        CatalogError: The job does not fit the recipe or the API; every problem is listed.
    """
    instance_type = job.instance_type or recipe.default_instance_type
    problems = [
        *job_problems(recipe, job),
        *recipe.hyperparameter_problems(job.hyperparameters, instance_type=instance_type),
    ]
    hyperparameters = _hyperparameters(recipe, job, instance_type)
    if len(hyperparameters) > MOST_HYPERPARAMETERS:
        problems.append(f"the job has {len(hyperparameters)} hyperparameters: at most {MOST_HYPERPARAMETERS}")
    if problems:
        raise CatalogError(problems)
    request: dict[str, Any] = {
        "TrainingJobName": job.name,
        "RoleArn": job.role_arn,
        "AlgorithmSpecification": _algorithm(recipe, job, instance_type),
        "InputDataConfig": _channels(recipe, job, instance_type),
        "OutputDataConfig": {
            "S3OutputPath": job.output_path,
            **({"KmsKeyId": job.output_key_arn} if job.output_key_arn else {}),
            **({"CompressionType": "NONE"} if job.uncompressed or not recipe.compresses_output else {}),
        },
        "ResourceConfig": _resources(recipe, job, instance_type),
        "StoppingCondition": _stopping(recipe, job),
        "HyperParameters": hyperparameters,
        "Tags": _tags(recipe, job),
    }
    environment = _environment(recipe, job, instance_type)
    if environment:
        request["Environment"] = environment
    if job.subnet_ids:
        request["VpcConfig"] = {"Subnets": list(job.subnet_ids), "SecurityGroupIds": list(job.security_group_ids)}
    if recipe.network_isolation:
        request["EnableNetworkIsolation"] = True
    if recipe.encrypts_traffic:
        request["EnableInterContainerTrafficEncryption"] = True
    if job.spot:
        request["EnableManagedSpotTraining"] = True
        if job.checkpoint_path:
            request["CheckpointConfig"] = {"S3Uri": job.checkpoint_path}
    return request


def job_problems(recipe: TrainingRecipe, job: TrainingJob) -> Iterator[str]:
    """Check a job apart from its hyperparameters; yield one sentence a problem."""
    instance_type = job.instance_type or recipe.default_instance_type
    if not _JOB_NAME.fullmatch(job.name):
        yield f"the job's name is {job.name!r}: allowed are 1 to 63 letters, digits and inner hyphens"
    yield from _instance_problems(recipe, job, instance_type)
    yield from _channel_problems(job)
    if recipe.requires_eula and not job.accept_eula:
        where = f" ({recipe.eula_key})" if recipe.eula_key else ""
        yield f"accept_eula is False: {recipe.label} is trained only once its licence{where} is accepted"
    runtime = job.max_runtime_seconds
    if runtime is not None and not 1 <= runtime <= LONGEST_RUNTIME_SECONDS:
        yield f"max_runtime_seconds is {runtime}: allowed are 1 to {LONGEST_RUNTIME_SECONDS}"
    stopping = _stopping(recipe, job)
    if job.spot and stopping["MaxWaitTimeInSeconds"] < stopping["MaxRuntimeInSeconds"]:
        allowed = f"at least the runtime, {stopping['MaxRuntimeInSeconds']}"
        yield f"max_wait_seconds is {job.max_wait_seconds}: allowed is {allowed}"
    if not job.spot and job.max_wait_seconds is not None:
        yield f"max_wait_seconds is {job.max_wait_seconds}: it goes with spot instances only"


def _instance_problems(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> Iterator[str]:
    regions = recipe.image_regions(instance_type)
    if instance_type not in recipe.instance_types and not job.allow_unlisted_instance_type:
        listed = ", ".join(recipe.instance_types)
        yield f"instance_type is {instance_type!r}: {recipe.label} is trained on one of {listed}"
    elif not regions:
        variants = ", ".join(sorted(recipe.variant_images))
        yield f"instance_type is {instance_type!r}: {recipe.label} has training images for {variants}"
    elif job.region not in regions:
        yield f"{recipe.label} has no training image in region {job.region!r}: it has them in {', '.join(regions)}"
    elif not recipe.takes_model_channel and not recipe.gated_model(job.region, instance_type):
        variants = ", ".join(sorted(recipe.gated_keys)) or "none"
        yield f"instance_type is {instance_type!r}: {recipe.label} has weights to train for {variants}"
    if job.instance_count < 1:
        yield f"instance_count is {job.instance_count}: allowed is 1 or more"


def _channel_problems(job: TrainingJob) -> Iterator[str]:
    if not job.channels:
        yield "the job has no data: there must be a training channel"
    for name, uri in job.channels.items():
        if name in _RESERVED_CHANNELS or not _CHANNEL_NAME.fullmatch(name):
            yield f"channel {name!r} cannot be the data's: allowed are other names than model and code"
        if not uri.startswith("s3://"):
            yield f"channel {name!r} is {uri!r}: allowed is an s3:// prefix"
    if len(job.channels) + len(_RESERVED_CHANNELS) > _MOST_CHANNELS:
        yield f"the job has {len(job.channels)} channels: at most {_MOST_CHANNELS - len(_RESERVED_CHANNELS)}"


def _algorithm(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> dict[str, Any]:
    metrics = recipe.metrics_on(instance_type)
    return {
        "TrainingImage": recipe.image(job.region, instance_type),
        "TrainingInputMode": "File",
        **({"MetricDefinitions": metrics} if metrics else {}),
    }


def _channels(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> list[dict[str, Any]]:
    channels = [_channel(name, uri) for name, uri in job.channels.items()]
    artifact = recipe.artifact(job.region, instance_type)
    if recipe.takes_model_channel and artifact:
        model = _channel("model", artifact)
        model |= {"ContentType": "application/x-sagemaker-model", "InputMode": "File"}
        if recipe.requires_eula:
            model["DataSource"]["S3DataSource"]["ModelAccessConfig"] = {"AcceptEula": job.accept_eula}
        channels.append(model)
    if recipe.network_isolation:
        # Without isolation the container downloads the script itself.
        channels.append(_channel("code", recipe.script(job.region)))
    return channels


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _resources(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> dict[str, Any]:
    sized = takes_volume_size(instance_type)
    return {
        "InstanceType": instance_type,
        "InstanceCount": job.instance_count,
        "VolumeSizeInGB": recipe.volume_size if sized and recipe.volume_size is not None else _DEFAULT_VOLUME_GB,
        # Local NVMe is encrypted by the instance itself; SageMaker refuses a key for it.
        **({"VolumeKmsKeyId": job.volume_key_arn} if sized and job.volume_key_arn else {}),
    }


def _stopping(recipe: TrainingRecipe, job: TrainingJob) -> dict[str, int]:
    runtime = recipe.max_runtime_seconds if job.max_runtime_seconds is None else job.max_runtime_seconds
    if not job.spot:
        return {"MaxRuntimeInSeconds": runtime}
    wait = 2 * runtime if job.max_wait_seconds is None else job.max_wait_seconds
    return {"MaxRuntimeInSeconds": runtime, "MaxWaitTimeInSeconds": wait}


def _hyperparameters(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> dict[str, str]:
    values: dict[str, object] = {
        one.name: one.default for one in recipe.hyperparameters_on(instance_type) if one.is_algorithms
    }
    values |= job.hyperparameters
    values |= {
        "sagemaker_submit_directory": _MOUNTED_SCRIPT if recipe.network_isolation else recipe.script(job.region),
        "sagemaker_program": _PROGRAM,
        "sagemaker_container_log_level": _LOG_LEVEL,
        "sagemaker_job_name": job.name,
        "sagemaker_region": job.region,
    }
    return {name: json.dumps(value) for name, value in values.items()}


def _environment(recipe: TrainingRecipe, job: TrainingJob, instance_type: str) -> dict[str, str]:
    environment = recipe.environment_on(instance_type)
    gated = recipe.gated_model(job.region, instance_type)
    if gated:
        environment["SageMakerGatedModelS3Uri"] = gated
        if recipe.requires_eula:
            environment["accept_eula"] = json.dumps(job.accept_eula)
    return environment


def _tags(recipe: TrainingRecipe, job: TrainingJob) -> list[dict[str, str]]:
    tags = {
        **job.tags,
        "sagemaker-sdk:jumpstart-model-id": recipe.model_id,
        "sagemaker-sdk:jumpstart-model-version": recipe.version,
    }
    if recipe.config:
        tags["sagemaker-sdk:jumpstart-training-config-name"] = recipe.config
    return [{"Key": key, "Value": value} for key, value in tags.items()]
