"""Fine-tuning pipelines with all their parts, each in an empty stack: served by an endpoint, and by Bedrock."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.artifact_bucket import ArtifactBucket
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.endpoint_serving import EndpointServing
from constructs.fine_tuning.fine_tuning_functions import FineTuningFunctions
from constructs.fine_tuning.fine_tuning_pipeline import FineTuningPipeline, Serving
from constructs.fine_tuning.import_serving import ImportServing
from constructs.fine_tuning.pipeline_notices import PipelineNotices
from constructs.fine_tuning.training_job import TrainingJob
from constructs.model_import.import_role import Weights
from constructs.model_import.imported_model import ImportedModel
from constructs.model_import.model_import_job import ModelImportJob
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.s3_location import S3Location
from constructs.values.storage import Storage

from catalog import Deployment, Lock, ModelVersion
from tests.app.state_machine_calls import definition, machines

NAME = "dev-m"
_DATA, _RUNS = "training/data/", "training/runs/"


@dataclass(frozen=True)
class Parts:
    """The constructs of a pipeline.

    Attributes:
        stack: The stack.
        job: The training step.
        pipeline: The state machine.
    """

    stack: cdk.Stack
    job: TrainingJob
    pipeline: FineTuningPipeline

    def template(self) -> dict[str, Any]:
        """Return the stack's template."""
        return dict(assertions.Template.from_stack(self.stack).to_json())

    def machine(self) -> dict[str, Any]:
        """Return the properties of the pipeline's state machine."""
        name = self.stack.resolve(self.pipeline.state_machine.state_machine_name)["Fn::GetAtt"][0]
        return dict(machines(self.template()))[name]

    def states(self) -> dict[str, Any]:
        """Return the state machine's states by name."""
        states: dict[str, Any] = definition(self.machine())["States"]
        return states


@dataclass(frozen=True)
class EndpointParts(Parts):
    """The constructs of a pipeline whose model an endpoint serves.

    Attributes:
        endpoint: The endpoint of all releases.
    """

    endpoint: FineTunedEndpoint


def base() -> ModelVersion:
    """Return Mistral 7B at the version that is tuned in the app."""
    return Lock.load().model("huggingface-llm-mistral-7b", "2.1.0")


def make(
    stack: cdk.Stack, *, endpoint: dict[str, Any] | None = None, job: dict[str, Any] | None = None
) -> EndpointParts:
    """Define a pipeline whose model an endpoint serves.

    Args:
        stack: An empty stack.
        endpoint: Props of the endpoint that differ.
        job: Props of the training step that differ.
    """
    key, bucket = _store(stack)
    served: dict[str, Any] = {
        "instance_type": "ml.g5.2xlarge",
        "weights": S3Location(bucket.bucket.bucket_arn, _RUNS),
        **(endpoint or {}),
    }
    made = FineTunedEndpoint(stack, "Endpoint", model=base(), endpoint_name=NAME, encryption_key=key, **served)
    training, functions = _training(stack, NAME, key, bucket, made.deployment, **(job or {}))
    pointer = ServedPointer(stack, "Served", path="dev/m")
    serving = EndpointServing(
        made, pointer=pointer, verify=functions.verify(made), prune=functions.prune(pointer), tags={"model": "m"}
    )
    return EndpointParts(stack, training, _pipeline(stack, NAME, key, training, functions, serving), made)


def make_importing(
    stack: cdk.Stack, *, name: str = NAME, path: str = "dev/m", poll_interval: cdk.Duration | None = None
) -> Parts:
    """Define a pipeline whose model Bedrock serves.

    Args:
        stack: An empty stack, in a region with Custom Model Import.
        name: The model's name.
        path: Path of its pointer's parameters.
        poll_interval: Time between two looks at the import.
    """
    key, bucket = _store(stack)
    model = ImportedModel(
        stack, "Model", model_name=name, pointer=ServedPointer(stack, "Served", path=path), body="completion"
    )
    weights = Weights(bucket_name=bucket.bucket.bucket_name, prefix=_RUNS, key_arn=key.key_arn)
    importing = ModelImportJob(stack, "Import", model=model, weights=weights, storage=Storage(encryption_key=key))
    deployment = base().resolve(region=stack.region)
    training, functions = _training(stack, name, key, bucket, deployment)
    serving = ImportServing(model, job=importing, weights_uri=weights.uri, poll_interval=poll_interval)
    return Parts(stack, training, _pipeline(stack, name, key, training, functions, serving))


def _store(stack: cdk.Stack) -> tuple[ModelKey, ArtifactBucket]:
    key = ModelKey(stack, "Key", alias="dev/m")
    return key, ArtifactBucket(stack, "Artifacts", encryption_key=key)


def _training(
    stack: cdk.Stack, name: str, key: ModelKey, bucket: ArtifactBucket, deployment: Deployment, **job: Any
) -> tuple[TrainingJob, FineTuningFunctions]:
    runs = S3Location(bucket.bucket.bucket_arn, _RUNS)
    data = [S3Location(bucket.bucket.bucket_arn, _DATA)]
    training = TrainingJob(
        stack,
        "Training",
        job_prefix=name,
        instance_type="ml.g5.12xlarge",
        deployment=deployment,
        data=data,
        output=runs,
        encryption_key=key,
        **{"max_runtime": cdk.Duration.hours(24), **job},
    )
    functions = FineTuningFunctions(
        stack,
        "Functions",
        pipeline=name,
        settings={"METHOD": "domain"},
        data=data,
        output=runs,
        storage=Storage(encryption_key=key),
    )
    return training, functions


def _pipeline(
    stack: cdk.Stack,
    name: str,
    key: ModelKey,
    training: TrainingJob,
    functions: FineTuningFunctions,
    serving: Serving,
) -> FineTuningPipeline:
    return FineTuningPipeline(
        stack,
        "Pipeline",
        name=name,
        prepare=functions.prepare,
        job=training,
        serving=serving,
        notices=PipelineNotices(stack, "Notices", subject="dev/m", event_source="some.source", encryption_key=key),
        storage=Storage(encryption_key=key),
    )
