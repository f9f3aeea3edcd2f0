"""Checks of a fine-tuning declaration that need no data.

`stacks.preflight.recipes` checks it against the base model's training recipe.
"""

from collections.abc import Iterator

from catalog.limits import training as limits
from stacks.declarations import OWN_VALIDATION, FineTunedModel
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, Level, breaches


def check_fine_tuning(placement: AnyPlacement, model: FineTunedModel) -> Iterator[Finding]:
    """Check a fine-tuned model's declaration.

    Args:
        placement: The model and its environment.
        model: The same model, by its type.
    """
    at = str(placement)
    runtime = model.max_runtime_seconds
    yield from breaches("training-method", at, limits.method(model.method, model.prompt_format))
    found = list(
        limits.job(
            instance_type=model.training_instance_type,
            instance_count=model.training_instance_count,
            max_runtime=runtime,
        )
    )
    yield from breaches("training-job", at, iter(found))
    yield from breaches("training-wait", at, limits.wait(model.max_wait_seconds, spot=model.spot, max_runtime=runtime))
    yield from breaches("hyperparameter", at, limits.hyperparameters(model.hyperparameters))
    yield from breaches("data-prefix", at, limits.prefix("data_prefix", model.data_prefix))
    yield from breaches(
        "data-prefix", at, limits.prefix("validation_prefix", model.validation_prefix, own=OWN_VALIDATION)
    )
    yield from breaches("validation", at, limits.validation(model.validation_split, model.validation_prefix))
    yield from breaches("training-start", at, limits.start(model.start, own_bucket=model.data_prefix is None))
    yield from _check_name(placement)
    if not found:
        yield from _check_doubtful(placement, model)


def _check_name(placement: AnyPlacement) -> Iterator[Finding]:
    if len(placement.name) > limits.LONGEST_PIPELINE_NAME:
        yield Finding(
            rule="pipeline-name-too-long",
            place=f"{placement}.name",
            value=repr(placement.model.name),
            message=f"with the environment's name it has {len(placement.name)} characters, and models and configs end "
            "in the hash of a release",
            allowed=f"{limits.LONGEST_PIPELINE_NAME} characters together",
        )


def _check_doubtful(placement: AnyPlacement, model: FineTunedModel) -> Iterator[Finding]:
    if model.max_runtime_seconds > limits.QUOTA_RUNTIME_SECONDS:
        yield Finding(
            rule="training-over-quota",
            place=f"{placement}.max_runtime_seconds",
            value=f"{model.max_runtime_seconds} s",
            message="SageMaker stops jobs after 5 days unless the quota was raised",
            suggestion=f"{limits.QUOTA_RUNTIME_SECONDS}",
            level=Level.WARNING,
        )
    if "deploy" in model.start and model.data_prefix is None:
        yield Finding(
            rule="start-without-data",
            place=f"{placement}.start",
            value="'deploy'",
            message="the stack's own bucket is empty at the first deployment, whose training fails for want of data",
            suggestion="'marker'",
            level=Level.WARNING,
        )
