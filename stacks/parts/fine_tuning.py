"""The training half of a fine-tuned model's stack, which is the same whatever serves what was trained.

In the order in which a stack takes them: `data_store`, `training`, `pipeline`, and `start_and_clean_up` of
`stacks.parts.fine_tuning_runs`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aws_cdk import Duration, Stack
from constructs.artifact_bucket import ArtifactBucket
from constructs.fine_tuning.fine_tuning_functions import FineTuningFunctions
from constructs.fine_tuning.fine_tuning_pipeline import FineTuningPipeline, Serving
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.fine_tuning.training_job import TrainingJob
from constructs.model_key import ModelKey

from catalog import Deployment
from catalog.instances import hardware
from stacks.declarations import FineTunedModel
from stacks.environments import Environment
from stacks.settings import log_retention, name_of, path_of, removal_policy, seconds, tags_of

RUNS = "training/runs/"
"""What the keys of reports, requests and tuned weights begin with."""
_DATA = "training/data/"
_EVENT_SOURCE = "jumpstack.finetuning"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStore:
    """Where a model's data and weights are.

    Attributes:
        key: The stack's key.
        artifacts: The stack's bucket.
        data_prefix: URI of the training data.
        data: Buckets' ARNs and prefixes with data for training and validation.
        runs: Bucket's ARN and prefix of what the jobs make.
    """

    key: ModelKey
    artifacts: ArtifactBucket
    data_prefix: str
    data: Sequence[tuple[str, str]]
    runs: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """What trains.

    Attributes:
        job: The training step.
        functions: What the pipeline runs beside services' calls.
        notices: How a run's end is told.
        longest: How long a job may take, waiting included.
    """

    job: TrainingJob
    functions: FineTuningFunctions
    notices: PipelineNotices
    longest: Duration


def data_store(stack: Stack, *, environment: Environment, model: FineTunedModel) -> DataStore:
    """Define the stack's key and its bucket.

    Args:
        stack: The model's stack.
        environment: Where the model is trained and runs.
        model: The declaration.
    """
    removal = removal_policy(environment)
    key = ModelKey(stack, "Key", alias=path_of(environment, model), removal_policy=removal)
    artifacts = ArtifactBucket(
        stack, "Artifacts", encryption_key=key, removal_policy=removal, event_bridge="marker" in model.start
    )
    bucket = artifacts.bucket
    data = [_place(stack, model.data_prefix) or (bucket.bucket_arn, _DATA)]
    if validation := _place(stack, model.validation_prefix):
        data.append(validation)
    return DataStore(
        key=key,
        artifacts=artifacts,
        data_prefix=model.data_prefix or f"s3://{bucket.bucket_name}/{_DATA}",
        data=data,
        runs=(bucket.bucket_arn, RUNS),
    )


def training(
    stack: Stack, *, environment: Environment, model: FineTunedModel, store: DataStore, deployment: Deployment
) -> Training:
    """Define the jobs' role, *prepare*, and the topic.

    Args:
        stack: The model's stack.
        environment: Where the model is trained.
        model: The declaration.
        store: Where data and weights are.
        deployment: The base model, resolved for the stack's region.
    """
    name = name_of(environment, model)
    network = environment.network
    subnet_ids = network.subnet_ids if network else ()
    trainer = hardware(model.training_instance_type)
    volume_key = trainer is not None and trainer.local_nvme_gb == 0
    # Spot instances may be long in coming, and be taken away.
    max_wait_seconds = (model.max_wait_seconds or 2 * model.max_runtime_seconds) if model.spot else None
    max_wait, max_runtime = seconds(max_wait_seconds), Duration.seconds(model.max_runtime_seconds)
    job = TrainingJob(
        stack,
        "Training",
        job_prefix=name,
        deployment=deployment,
        data=store.data,
        output=store.runs,
        encryption_key=store.key,
        max_runtime=max_runtime,
        max_wait=max_wait,
        volume_key=volume_key,
        in_vpc=bool(subnet_ids),
    )
    functions = FineTuningFunctions(
        stack,
        "Functions",
        pipeline=name,
        settings={
            "MODEL_ID": model.model_id,
            "MODEL_VERSION": model.version,
            "METHOD": model.method,
            "HYPERPARAMETERS": json.dumps(dict(sorted(model.hyperparameters.items()))),
            "INSTANCE_TYPE": model.training_instance_type,
            "INSTANCE_COUNT": model.training_instance_count,
            "SPOT": json.dumps(model.spot),
            "MAX_RUNTIME_SECONDS": model.max_runtime_seconds,
            "MAX_WAIT_SECONDS": max_wait_seconds,
            "DATA_PREFIX": store.data_prefix,
            "VALIDATION_SPLIT": model.validation_split,
            "VALIDATION_PREFIX": model.validation_prefix,
            "ACCEPT_EULA": json.dumps(model.accept_eula),
            "PROMPT_TEMPLATE": model.prompt_template,
            "OUTPUT_PREFIX": f"s3://{store.artifacts.bucket.bucket_name}/{RUNS}",
            "ROLE_ARN": job.role.role_arn,
            "KMS_KEY_ARN": store.key.key_arn,
            "VOLUME_KMS_KEY_ARN": store.key.key_arn if volume_key else None,
            "SUBNET_IDS": ",".join(subnet_ids) or None,
            "SECURITY_GROUP_IDS": ",".join(network.security_group_ids if network else ()) or None,
            "TAGS": json.dumps(dict(sorted(tags_of(environment, model).items()))),
        },
        data=store.data,
        output=store.runs,
        encryption_key=store.key,
        log_retention=log_retention(environment),
        removal_policy=removal_policy(environment),
    )
    notices = PipelineNotices(
        stack,
        "Notices",
        subject=path_of(environment, model),
        event_source=_EVENT_SOURCE,
        encryption_key=store.key,
    )
    return Training(job=job, functions=functions, notices=notices, longest=max_wait or max_runtime)


def pipeline(
    stack: Stack,
    *,
    environment: Environment,
    model: FineTunedModel,
    store: DataStore,
    trained: Training,
    serving: Serving,
) -> FineTuningPipeline:
    """Define the state machine.

    Args:
        stack: The model's stack.
        environment: Where the model is trained and runs.
        model: The declaration.
        store: Where data and weights are.
        trained: What trains.
        serving: What follows a training.
    """
    return FineTuningPipeline(
        stack,
        "Pipeline",
        name=name_of(environment, model),
        prepare=trained.functions.prepare,
        job=trained.job,
        serving=serving,
        notices=trained.notices,
        encryption_key=store.key,
        training_time=trained.longest,
        log_retention=log_retention(environment),
        removal_policy=removal_policy(environment),
    )


def _place(stack: Stack, uri: str | None) -> tuple[str, str] | None:
    """A bucket's ARN and a prefix."""
    if uri is None:
        return None
    location = urlsplit(uri)
    arn = stack.format_arn(service="s3", region="", account="", resource=location.netloc)
    return arn, location.path.removeprefix("/")
