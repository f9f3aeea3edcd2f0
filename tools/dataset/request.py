"""Build the CreateTrainingJob request of a fine-tuned model without starting a job.

The data in a folder is checked as the pipeline's first step does it, and the request is the one that the pipeline would
send, with the version and the name that it would have. No AWS account is used: the recipe comes from a spec document,
or from the region's public JumpStart cache. Values that only a deployed stack has (its bucket, role and key) stand in
angle brackets.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from catalog.lock import Lock
from catalog.nearest import did_you_mean
from catalog.training.recipe import TrainingRecipe, read_recipe
from stacks.declarations import OWN_DATA, OWN_VALIDATION, FineTunedModel
from stacks.models import DEPLOYMENTS
from stacks.placement import Placement, is_of, placements
from tools.dataset.check import no_validation_prefix, source
from training import dataset
from training.jobs import job_of, named, options_for, request_of
from training.pins import refuse_unpinned
from training.recipes import public_client, recipe_of
from training.settings import Settings
from training.versions import job_name, version_of

_BUCKET = "s3://<bucket of the stack>"


class RequestError(ValueError):
    """There is no request for this model or spec."""


def training_request(
    stack: str, folder: str, *, validation: str | None = None, spec: Path | None = None
) -> dict[str, Any]:
    """Build the request for the data in a folder.

    Args:
        stack: A declared fine-tuned model, such as `prod/mistral-7b-dolly`.
        folder: Folder of the training data, or its S3 URI.
        validation: The validation channel's, likewise: given where the model declares a `validation_prefix`, and only
            there, because the pipeline sends no such channel otherwise.
        spec: The base model's spec document; None reads it from the region's public JumpStart cache.

    Returns:
        The version, the data's hash, the number of samples, and the request.

    Raises:
        RequestError: If no such model is declared, the validation folder does not fit it, or the spec is none of its
            model.
        catalog.CatalogError: If the recipe cannot be read.
        training.errors.RecipeError: If the recipe does not fit, or is not the one that the lock pins.
        training.errors.HyperparameterError: If a hyperparameter is wrong.
        training.dataset.DataError: If the data cannot be used.
        training.dataset.SourceError: If a folder cannot be read.
    """
    placement = declared(stack)
    _check_validation(placement, validation)
    settings = settings_of(placement)
    recipe = _recipe(settings, spec)
    refuse_unpinned(settings, recipe)
    job = job_of(settings, recipe, settings.data_prefix)
    report = dataset.check(
        source(folder),
        options_for(settings, recipe, job),
        validation=source(validation) if validation else None,
    )
    report.raise_for_errors()
    version = version_of(
        request_of(recipe, job),
        model_id=settings.model_id,
        model_version=settings.model_version,
        data_sha256=report.sha256,
    )
    request = request_of(recipe, named(settings, job, job_name(settings.pipeline, version, attempt=1)))
    return {"version": version, "dataSha256": report.sha256, "samples": report.train.count, "request": request}


def declared(stack: str) -> Placement[FineTunedModel]:
    """Find a declared fine-tuned model by its stack, such as `prod/mistral-7b-dolly`.

    Raises:
        RequestError: There is none of that name.
    """
    known = {placement.path: placement for placement in placements(DEPLOYMENTS) if is_of(placement, FineTunedModel)}
    if stack in known:
        return known[stack]
    near = did_you_mean(stack, known) or f"declared are {', '.join(sorted(known))}"
    raise RequestError(f"ENV/MODEL is {stack!r}: no such fine-tuned model is declared; {near}")


def _check_validation(placement: Placement[FineTunedModel], validation: str | None) -> None:
    prefix = placement.model.validation_prefix
    if validation is not None and prefix is None:
        raise RequestError(no_validation_prefix(placement.path, validation))
    if validation is None and prefix is not None:
        raise RequestError(
            f"--validation is missing: {placement.path} declares validation_prefix {prefix!r}, whose files decide the "
            "version; name a folder with the same files"
        )


def settings_of(placement: Placement[FineTunedModel]) -> Settings:
    """Return the settings that a declaration's stack gives *prepare*, as far as they are known before a deployment."""
    model = placement.model
    validation = model.validation_prefix
    return Settings(
        pipeline=placement.name,
        model_id=model.model_id,
        model_version=model.version,
        recipe_sha256=Lock.load().recipe_sha256(model.model_id, model.version),
        method=model.method,
        template=json.loads(model.prompt_template) if model.prompt_template else None,
        hyperparameters=model.hyperparameters,
        instance_type=model.training_instance_type,
        instance_count=model.training_instance_count,
        spot=model.spot,
        max_runtime_seconds=model.max_runtime_seconds,
        max_wait_seconds=model.max_wait_seconds if model.spot else None,
        data_prefix=model.data_prefix or f"{_BUCKET}/{OWN_DATA}",
        validation_prefix=f"{_BUCKET}/{OWN_VALIDATION}" if validation == OWN_VALIDATION else validation,
        validation_split=None if model.validation_split is None else str(model.validation_split),
        output_prefix=f"{_BUCKET}/training/runs/",
        key_arn="<key of the stack>",
        volume_key_arn="<key of the stack>",
        role_arn="<role of the stack>",
        subnet_ids=tuple(placement.subnet_ids),
        security_group_ids=tuple(placement.security_group_ids),
        accept_eula=model.accept_eula,
        tags=placement.tags,
        region=placement.region,
    )


def _recipe(settings: Settings, spec: Path | None) -> TrainingRecipe:
    if spec is None:
        return recipe_of(
            public_client(settings.region),
            region=settings.region,
            model_id=settings.model_id,
            version=settings.model_version,
        )
    try:
        document: Any = json.loads(spec.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"{spec} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise RequestError(f"{spec} is not json: {error}") from None
    if not isinstance(document, dict):
        raise RequestError(f"{spec} is a {type(document).__name__}: allowed is an object")
    recipe = read_recipe(document)
    if recipe.label != f"{settings.model_id} {settings.model_version}":
        raise RequestError(f"{spec} is of {recipe.label}: declared is {settings.model_id} {settings.model_version}")
    return recipe
