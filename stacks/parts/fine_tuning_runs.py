"""What starts a fine-tuned model's pipeline, what cleans up after it, and what its stack tells of it."""

from collections.abc import Sequence

from aws_cdk import CfnOutput, Stack
from constructs import IDependable
from constructs.fine_tuning.fine_tuning_pipeline import FineTuningPipeline
from constructs.fine_tuning.pipeline_lifecycle import PipelineLifecycle
from constructs.fine_tuning.pipeline_triggers import MARKER, PipelineTriggers
from constructs.run_notices import UNFINISHED

from stacks.declaration_hash import declaration_hash
from stacks.declarations import FineTunedModel
from stacks.environments import Environment, Removal
from stacks.parts.fine_tuning import DataStore, Training
from stacks.settings import log_retention, name_of, removal_policy

_SCHEDULE = "schedule:"


def start_and_clean_up(
    stack: Stack,
    *,
    environment: Environment,
    model: FineTunedModel,
    store: DataStore,
    trained: Training,
    tuning: FineTuningPipeline,
    needs: Sequence[IDependable],
    endpoint_name: str | None = None,
) -> None:
    """Define what starts the pipeline, what cleans up after it, and what is told of it.

    Args:
        stack: The model's stack.
        environment: Where the model is trained and runs.
        model: The declaration.
        store: Where data and weights are.
        trained: What trains.
        tuning: The pipeline.
        needs: What else has to be there as long as the pipeline may run, or something is to be cleaned up after it.
        endpoint_name: The endpoint that the pipeline makes; None where it makes none.
    """
    machine = tuning.state_machine
    unfinished = trained.notices.watch(machine, statuses=UNFINISHED)
    kept = "are deleted with it" if environment.removal is Removal.DESTROY else "stay in the bucket"
    lifecycle = PipelineLifecycle(
        stack,
        # Two ids: where a declaration comes to be served by Bedrock, the endpoint's clean-up leaves the stack with all
        # its rights, and deletes the endpoint.
        "Lifecycle" if endpoint_name else "ImportLifecycle",
        pipeline=name_of(environment, model),
        state_machine=machine,
        artifacts=f"data and tuned weights {kept}",
        declaration_hash=declaration_hash(model),
        needs=[store.artifacts, *needs, trained.job, trained.functions, trained.notices.topic, tuning],
        endpoint_name=endpoint_name,
        encryption_key=store.key,
        start_on_deploy="deploy" in model.start,
        log_retention=log_retention(environment),
        removal_policy=removal_policy(environment),
    )
    triggers = PipelineTriggers(
        stack,
        "Triggers",
        state_machine=machine,
        bucket=store.artifacts.bucket,
        marker_key=f"training/{MARKER}" if "marker" in model.start else None,
        schedules=[start.removeprefix(_SCHEDULE) for start in model.start if start.startswith(_SCHEDULE)],
    )
    # Nothing may start an execution once the clean-up has begun, and it ends none that is to be told.
    triggers.node.add_dependency(lifecycle)
    unfinished.node.add_dependency(lifecycle)
    outputs = {
        "BucketName": (store.artifacts.bucket_name, "the model's data and artifacts"),
        "KeyArn": (store.key.key_arn, "the key of all that the stack stores"),
        "DataPrefix": (store.data_prefix, "where the training data goes"),
        "StateMachineArn": (machine.state_machine_arn, "the fine-tuning pipeline"),
        "StartCommand": (
            f"aws stepfunctions start-execution --state-machine-arn {machine.state_machine_arn}"
            f" --region {stack.region}",
            'starts a training; with --input \'{"action": "rollback"}\' serves the release before',
        ),
        "TopicArn": (trained.notices.topic.topic_arn, "tells how trainings end: subscribe to it"),
    }
    for output, (value, description) in outputs.items():
        CfnOutput(stack, output, value=value, description=description)
