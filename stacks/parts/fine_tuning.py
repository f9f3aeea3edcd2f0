"""Fine-tuning in a model's stack, the same whatever serves the tuned model: data, training, pipeline and its triggers.

A stack defines `DataStore.of(...)`, then `FineTuning(...)`, calls `serve(...)` with what serves the model, and
`finish(...)` at last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from aws_cdk import Duration, Stack
from constructs import IDependable
from constructs.artifact_bucket import ArtifactBucket
from constructs.fine_tuning.fine_tuning_functions import FineTuningFunctions
from constructs.fine_tuning.fine_tuning_pipeline import FineTuningPipeline, Serving
from constructs.fine_tuning.job_stop import JobStop
from constructs.fine_tuning.pipeline_lifecycle import PipelineLifecycle
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.fine_tuning.pipeline_triggers import MARKER, PipelineTriggers
from constructs.fine_tuning.training_job import TrainingJob
from constructs.model_key import ModelKey
from constructs.values.arns import bucket_arn
from constructs.values.s3_location import S3Location

from catalog import Deployment
from catalog.instances import hardware
from stacks.declaration_hash import declaration_hash
from stacks.declarations import OWN_DATA, OWN_VALIDATION, FineTunedModel
from stacks.environments import Removal
from stacks.placed_stack import PlacedStack, seconds
from stacks.placement import Placement

RUNS = "training/runs/"
"""Prefix of the keys of reports, requests and tuned weights."""
_EVENT_SOURCE = "jumpstack.finetuning"
_SCHEDULE = "schedule:"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStore:
    """Key and bucket of a fine-tuned model, and the locations of its data and weights.

    Attributes:
        key: The stack's key.
        artifacts: The stack's bucket.
        data_prefix: URI of the training data.
        validation_prefix: URI of the validation data; None for none.
        data: Training and validation data.
        runs: The jobs' output.
    """

    key: ModelKey
    artifacts: ArtifactBucket
    data_prefix: str
    validation_prefix: str | None
    data: Sequence[S3Location]
    runs: S3Location

    @classmethod
    def of(cls, stack: PlacedStack, placement: Placement[FineTunedModel]) -> DataStore:
        """Define the key and the bucket of a stack."""
        model = placement.model
        key = ModelKey(stack, "Key", alias=placement.path, removal_policy=stack.removal_policy)
        artifacts = ArtifactBucket(
            stack,
            "Artifacts",
            encryption_key=key,
            removal_policy=stack.removal_policy,
            noncurrent_version_expiration=stack.old_version_expiration,
            access_log_expiration=stack.access_log_expiration,
            log_retention=stack.log_retention,
            event_bridge="marker" in model.start,
        )
        bucket = artifacts.bucket
        data = [_location(stack, model.data_prefix) or S3Location(bucket.bucket_arn, OWN_DATA)]
        validation_prefix = model.validation_prefix
        if validation_prefix == OWN_VALIDATION:
            data.append(S3Location(bucket.bucket_arn, OWN_VALIDATION))
            validation_prefix = f"s3://{bucket.bucket_name}/{OWN_VALIDATION}"
        elif validation := _location(stack, validation_prefix):
            data.append(validation)
        return cls(
            key=key,
            artifacts=artifacts,
            data_prefix=model.data_prefix or f"s3://{bucket.bucket_name}/{OWN_DATA}",
            validation_prefix=validation_prefix,
            data=data,
            runs=S3Location(bucket.bucket_arn, RUNS),
        )


class FineTuning:
    """The pipeline of a fine-tuned model's stack: training, the steps that serve, triggers and clean-up.

    Attributes:
        functions: The pipeline's Lambda functions.
    """

    functions: FineTuningFunctions
    _pipeline: FineTuningPipeline

    def __init__(
        self,
        stack: PlacedStack,
        placement: Placement[FineTunedModel],
        deployment: Deployment,
        *,
        store: DataStore,
        recipe_sha256: str | None,
    ) -> None:
        """Define the training job's role, the function *prepare*, and the topic.

        Args:
            stack: The model's stack.
            placement: The model and its environment.
            deployment: The base model, resolved for the stack's region.
            store: The stack's key and bucket.
            recipe_sha256: Hash of the spec with the training recipe, None where the lock has none.
        """
        self._recipe_sha256 = recipe_sha256
        self._stack, self._placement, self._store = stack, placement, store
        model = placement.model
        # Spot instances may be long in coming, and be taken away.
        self._max_wait_seconds = (model.max_wait_seconds or 2 * model.max_runtime_seconds) if model.spot else None
        trainer = hardware(model.training_instance_type)
        self._volume_key = trainer is not None and trainer.local_nvme_gb == 0
        self._job = TrainingJob(
            stack,
            "Training",
            job_prefix=placement.name,
            instance_type=model.training_instance_type,
            deployment=deployment,
            data=store.data,
            output=store.runs,
            encryption_key=store.key,
            max_runtime=Duration.seconds(model.max_runtime_seconds),
            max_wait=seconds(self._max_wait_seconds),
            volume_key=self._volume_key,
            in_vpc=bool(placement.subnet_ids),
        )
        self.functions = FineTuningFunctions(
            stack,
            "Functions",
            pipeline=placement.name,
            settings=self._settings(),
            data=store.data,
            output=store.runs,
            storage=stack.storage(store.key),
        )
        self._notices = PipelineNotices(
            stack,
            "Notices",
            subject=placement.path,
            event_source=_EVENT_SOURCE,
            encryption_key=store.key,
        )

    def _settings(self) -> Mapping[str, str | float | None]:
        """Return the settings of *prepare*."""
        placement, store = self._placement, self._store
        model = placement.model
        return {
            "MODEL_ID": model.model_id,
            "MODEL_VERSION": model.version,
            "RECIPE_SHA256": self._recipe_sha256,
            "METHOD": model.method,
            "HYPERPARAMETERS": json.dumps(dict(sorted(model.hyperparameters.items()))),
            "INSTANCE_TYPE": model.training_instance_type,
            "INSTANCE_COUNT": model.training_instance_count,
            "SPOT": json.dumps(model.spot),
            "MAX_RUNTIME_SECONDS": model.max_runtime_seconds,
            "MAX_WAIT_SECONDS": self._max_wait_seconds,
            "DATA_PREFIX": store.data_prefix,
            "VALIDATION_SPLIT": model.validation_split,
            "VALIDATION_PREFIX": store.validation_prefix,
            "ACCEPT_EULA": json.dumps(model.accept_eula),
            "PROMPT_TEMPLATE": model.prompt_template,
            "OUTPUT_PREFIX": f"s3://{store.artifacts.bucket.bucket_name}/{RUNS}",
            "ROLE_ARN": self._job.role.role_arn,
            "KMS_KEY_ARN": store.key.key_arn,
            "VOLUME_KMS_KEY_ARN": store.key.key_arn if self._volume_key else None,
            "SUBNET_IDS": ",".join(placement.subnet_ids) or None,
            "SECURITY_GROUP_IDS": ",".join(placement.security_group_ids) or None,
            "TAGS": json.dumps(dict(sorted(placement.tags.items()))),
        }

    def serve(self, serving: Serving) -> None:
        """Define the state machine.

        Args:
            serving: The steps after a training.
        """
        self._pipeline = FineTuningPipeline(
            self._stack,
            "Pipeline",
            name=self._placement.name,
            prepare=self.functions.prepare,
            job=self._job,
            serving=serving,
            notices=self._notices,
            storage=self._stack.storage(self._store.key),
        )

    def finish(self, *, needs: Sequence[IDependable], endpoint_name: str | None = None) -> None:
        """Define the triggers and the clean-up of the pipeline that `serve` has defined, and the outputs.

        Args:
            needs: Further resources that must exist as long as the pipeline may run or is cleaned up after.
            endpoint_name: The endpoint that the pipeline creates; None where it creates none.
        """
        stack, store, model = self._stack, self._store, self._placement.model
        machine = self._pipeline.state_machine
        unfinished = self._notices.watch(machine, unreported_only=True)
        destroyed = self._placement.environment.removal is Removal.DESTROY
        lifecycle = PipelineLifecycle(
            stack,
            # Two ids: where a declaration comes to be served by Bedrock, the endpoint's clean-up leaves the stack with
            # all its rights, and deletes the endpoint.
            "Lifecycle" if endpoint_name else "ImportLifecycle",
            pipeline=self._placement.name,
            state_machine=machine,
            artifacts=f"data and tuned weights {'are deleted with it' if destroyed else 'stay in the bucket'}",
            declaration_hash=declaration_hash(model),
            needs=[store.artifacts, *needs, self._job, self.functions, self._notices.topic, self._pipeline],
            endpoint_name=endpoint_name,
            storage=stack.storage(store.key),
            start_on_deploy="deploy" in model.start,
        )
        triggers = PipelineTriggers(
            stack,
            "Triggers",
            state_machine=machine,
            bucket=store.artifacts.bucket,
            marker_key=f"training/{MARKER}" if "marker" in model.start else None,
            schedules=[start.removeprefix(_SCHEDULE) for start in model.start if start.startswith(_SCHEDULE)],
        )
        stop = JobStop(stack, "JobStop", state_machine=machine, function=self.functions.stop(machine))
        # Triggers and the notification rule go first, so that the clean-up meets no new executions and sends no
        # notices for those it stops.
        triggers.node.add_dependency(lifecycle)
        unfinished.node.add_dependency(lifecycle)
        stop.node.add_dependency(lifecycle)
        start = f"aws stepfunctions start-execution --state-machine-arn {machine.state_machine_arn}"
        stack.add_outputs(
            {
                "BucketName": (store.artifacts.bucket_name, "the model's data and artifacts"),
                "KeyArn": (store.key.key_arn, "the key of all that the stack stores"),
                "DataPrefix": (store.data_prefix, "where the training data goes"),
                "StateMachineArn": (machine.state_machine_arn, "the fine-tuning pipeline"),
                "StartCommand": (
                    f"{start} --region {stack.region}",
                    'starts a training; with --input \'{"action": "rollback"}\' serves the release before',
                ),
                "TopicArn": (self._notices.topic.topic_arn, "tells how trainings end: subscribe to it"),
            }
        )
        if store.validation_prefix is not None:
            stack.add_outputs({"ValidationPrefix": (store.validation_prefix, "where the validation data goes")})


def _location(stack: Stack, uri: str | None) -> S3Location | None:
    """Return the location that an S3 URI names, or None for None."""
    if uri is None:
        return None
    parts = urlsplit(uri)
    return S3Location(bucket_arn(stack, parts.netloc), parts.path.removeprefix("/"))
