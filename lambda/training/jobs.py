"""Build the training job from a pipeline's settings and a recipe: the same in *prepare* and on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog.deployment import CatalogError
from catalog.training.channels import VALIDATION, training_channels
from catalog.training.methods import method_problems, with_method
from catalog.training.recipe import TrainingRecipe
from catalog.training.request import TrainingJob, create_training_job, job_problems
from catalog.training.split import SPLIT, differs
from training.dataset import Options, OptionsError, options_of
from training.errors import HyperparameterError, RecipeError
from training.settings import Settings


def job_of(settings: Settings, recipe: TrainingRecipe, data_prefix: str) -> TrainingJob:
    """Build the job, which has the pipeline's name until it has a version.

    Args:
        settings: The pipeline's settings.
        recipe: The base model's recipe.
        data_prefix: `s3://` prefix of the training data.

    Raises:
        HyperparameterError: Declared hyperparameters are wrong; all are listed.
        RecipeError: The declaration conflicts with the recipe in another way; all conflicts are listed.
    """
    job = _job(settings, data_prefix, _hyperparameters(recipe, settings))
    problems = list(job_problems(recipe, job))
    if problems:
        raise RecipeError("\n".join(problems))
    return job


def named(settings: Settings, job: TrainingJob, name: str) -> TrainingJob:
    """Return the job with a name, and with checkpoints below it where it runs on spot instances."""
    checkpoints = f"{settings.output_prefix}{name}/checkpoints/" if settings.spot else None
    return replace(job, name=name, checkpoint_path=checkpoints)


def request_of(recipe: TrainingRecipe, job: TrainingJob) -> dict[str, Any]:
    """Build the CreateTrainingJob request.

    Raises:
        RecipeError: The job conflicts with the recipe or the API.
    """
    try:
        return create_training_job(recipe, job)
    except CatalogError as error:
        raise RecipeError(str(error)) from None


def options_for(settings: Settings, recipe: TrainingRecipe, job: TrainingJob) -> Options:
    """Build the options of the data check from the job's hyperparameters, over the recipe's defaults.

    Raises:
        HyperparameterError: A hyperparameter makes no sense for the data.
    """
    defaults = {one.name: one.default for one in recipe.hyperparameters_on(settings.instance_type)}
    try:
        return options_of(settings.method, {**defaults, **job.hyperparameters}, template=settings.template)
    except OptionsError as error:
        raise HyperparameterError(str(error)) from None


def _hyperparameters(recipe: TrainingRecipe, settings: Settings) -> dict[str, str]:
    declared = dict(settings.hyperparameters)
    if settings.validation_split is not None:
        declared.setdefault(SPLIT, settings.validation_split)
    problems = [
        *method_problems(recipe, settings.method, declared),
        *recipe.hyperparameter_problems(declared, instance_type=settings.instance_type),
    ]
    if differs(settings.validation_split, declared.get(SPLIT)):
        problems.append(f"hyperparameter {SPLIT!r} is {declared[SPLIT]!r}, must be {settings.validation_split}")
    if problems:
        raise HyperparameterError("\n".join(problems))
    return with_method(recipe, settings.method, declared)


def _job(settings: Settings, data_prefix: str, hyperparameters: Mapping[str, str]) -> TrainingJob:
    channels = dict.fromkeys(training_channels(settings.model_id), data_prefix)
    if settings.validation_prefix:
        channels[VALIDATION] = f"{settings.validation_prefix.rstrip('/')}/"
    return TrainingJob(
        name=settings.pipeline,
        role_arn=settings.role_arn,
        region=settings.region,
        channels=channels,
        output_path=settings.output_prefix,
        hyperparameters=hyperparameters,
        instance_type=settings.instance_type,
        instance_count=settings.instance_count,
        max_runtime_seconds=settings.max_runtime_seconds,
        spot=settings.spot,
        max_wait_seconds=settings.max_wait_seconds,
        # Endpoints read the weights below a prefix, and Bedrock refuses to import a tarball.
        uncompressed=True,
        output_key_arn=settings.key_arn,
        volume_key_arn=settings.volume_key_arn,
        subnet_ids=settings.subnet_ids,
        security_group_ids=settings.security_group_ids,
        accept_eula=settings.accept_eula,
        tags=settings.tags,
    )
