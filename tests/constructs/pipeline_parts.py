"""A fine-tuning pipeline with all its parts, in an empty stack."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.artifact_bucket import ArtifactBucket
from constructs.endpoint_serving import EndpointServing
from constructs.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning_functions import FineTuningFunctions
from constructs.fine_tuning_pipeline import FineTuningPipeline
from constructs.model_key import ModelKey
from constructs.pipeline_notices import PipelineNotices
from constructs.served_pointer import ServedPointer
from constructs.training_job import TrainingJob

from catalog import Lock, ModelVersion
from tests.app.state_machine_calls import definition, machines

NAME = "dev-m"


@dataclass(frozen=True)
class Parts:
    """What was made.

    Attributes:
        stack: The stack.
        job: The training step.
        endpoint: What a release is served with.
        pipeline: The state machine.
    """

    stack: cdk.Stack
    job: TrainingJob
    endpoint: FineTunedEndpoint
    pipeline: FineTuningPipeline

    def template(self) -> dict[str, Any]:
        """The stack's template."""
        return dict(assertions.Template.from_stack(self.stack).to_json())

    def states(self) -> dict[str, Any]:
        """The state machine's states by name."""
        [(_, properties)] = machines(self.template())
        states: dict[str, Any] = definition(properties)["States"]
        return states


def base() -> ModelVersion:
    """Mistral 7B at the version that is tuned in the app."""
    return Lock.load().model("huggingface-llm-mistral-7b", "2.1.0")


def make(stack: cdk.Stack, *, endpoint: dict[str, Any] | None = None, job: dict[str, Any] | None = None) -> Parts:
    """Make a pipeline.

    Args:
        stack: An empty stack.
        endpoint: Props of the endpoint that differ.
        job: Props of the training step that differ.
    """
    key = ModelKey(stack, "Key", alias="dev/m")
    bucket = ArtifactBucket(stack, "Artifacts", encryption_key=key).bucket
    runs = (bucket.bucket_arn, "training/runs/")
    data = [(bucket.bucket_arn, "training/data/")]
    served: dict[str, Any] = {"instance_type": "ml.g5.2xlarge", "weights": runs, **(endpoint or {})}
    made = FineTunedEndpoint(stack, "Endpoint", model=base(), endpoint_name=NAME, encryption_key=key, **served)
    trained: dict[str, Any] = {"max_runtime": cdk.Duration.hours(24), **(job or {})}
    training = TrainingJob(
        stack,
        "Training",
        job_prefix=NAME,
        deployment=made.deployment,
        data=data,
        output=runs,
        encryption_key=key,
        **trained,
    )
    pointer = ServedPointer(stack, "Served", path="dev/m")
    functions = FineTuningFunctions(
        stack,
        "Functions",
        pipeline=NAME,
        settings={"METHOD": "domain"},
        data=data,
        output=runs,
        encryption_key=key,
    )
    serving = EndpointServing(
        made, pointer=pointer, functions=functions.for_endpoint(made, pointer=pointer), tags={"model": "m"}
    )
    pipeline = FineTuningPipeline(
        stack,
        "Pipeline",
        name=NAME,
        prepare=functions.prepare,
        job=training,
        serving=serving,
        notices=PipelineNotices(stack, "Notices", subject="dev/m", event_source="some.source", encryption_key=key),
        encryption_key=key,
        training_time=cdk.Duration.hours(24),
    )
    return Parts(stack, training, made, pipeline)
