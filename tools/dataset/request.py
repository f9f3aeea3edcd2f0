"""What a training job would be, without one: `python -m tools.dataset.request prod/mistral-7b-dolly DIR`.

Checks the data in a folder as the pipeline's first step does, and prints the CreateTrainingJob request that the
pipeline would send, with the version and the name that it would have. Uses no AWS account: the recipe is the spec
document given by `--spec`, or is read from the region's public JumpStart cache. What only a deployed stack has (its
bucket, role and key) stands in angle brackets.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog import CatalogError, nearest
from catalog.training.recipe import TrainingRecipe, read_recipe
from stacks.declarations import FineTunedModel
from stacks.models import DEPLOYMENTS
from stacks.placement import Placement, is_of, placements

ROOT = Path(__file__).resolve().parents[2]
# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(ROOT / "lambda"))

from training import dataset  # noqa: E402 - its path comes first
from training.errors import HyperparameterError, RecipeError  # noqa: E402 - likewise
from training.jobs import job_of, named, options_for, request_of  # noqa: E402 - likewise
from training.recipes import public_client, recipe_of  # noqa: E402 - likewise
from training.settings import Settings  # noqa: E402 - likewise
from training.versions import job_name, version_of  # noqa: E402 - likewise

_BUCKET = "s3://<bucket of the stack>"


class RequestError(ValueError):
    """There is no request for what was asked."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: The command line's, without the program's name.

    Returns:
        0 when the request is printed, 1 when there is none; what is wrong is on stderr then.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.dataset.request", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("stack", metavar="ENVIRONMENT/MODEL", help="a declared fine-tuned model")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the training channel's folder")
    parser.add_argument("--validation", type=Path, metavar="DIR", help="the validation channel's folder")
    parser.add_argument("--spec", type=Path, metavar="FILE", help="the base model's spec document")
    asked = parser.parse_args(arguments)
    try:
        settings = settings_of(declared(asked.stack), has_validation=asked.validation is not None)
        recipe = _recipe(settings, asked.spec)
        job = job_of(settings, recipe, settings.data_prefix)
        report = dataset.check(
            dataset.LocalFolder(asked.folder),
            options_for(settings, recipe, job),
            validation=dataset.LocalFolder(asked.validation) if asked.validation else None,
        )
        report.raise_for_errors()
    except (
        *(CatalogError, RequestError, RecipeError, HyperparameterError),
        *(dataset.DataError, dataset.SourceError),
    ) as error:
        print(error, file=sys.stderr)
        return 1
    version = version_of(
        request_of(recipe, job),
        model_id=settings.model_id,
        model_version=settings.model_version,
        data_sha256=report.sha256,
    )
    request = request_of(recipe, named(settings, job, job_name(settings.pipeline, version, attempt=1)))
    answer = {"version": version, "dataSha256": report.sha256, "samples": report.train.count, "request": request}
    print(json.dumps(answer, indent=2))
    return 0


def declared(stack: str) -> Placement[FineTunedModel]:
    """Find a declared fine-tuned model by its stack, such as `prod/mistral-7b-dolly`.

    Raises:
        RequestError: There is none of that name.
    """
    known = {placement.path: placement for placement in placements(DEPLOYMENTS) if is_of(placement, FineTunedModel)}
    if stack in known:
        return known[stack]
    near = ", ".join(nearest.similar(stack, known)) or ", ".join(sorted(known))
    raise RequestError(f"no fine-tuned model {stack!r} is declared: try {near}")


def settings_of(placement: Placement[FineTunedModel], *, has_validation: bool) -> Settings:
    """What the stack of a declaration tells *prepare*, as far as it is known without a deployment."""
    model = placement.model
    validation = model.validation_prefix or (f"{_BUCKET}/training/validation/" if has_validation else None)
    return Settings(
        pipeline=placement.name,
        model_id=model.model_id,
        model_version=model.version,
        method=model.method,
        template=json.loads(model.prompt_template) if model.prompt_template else None,
        hyperparameters=model.hyperparameters,
        instance_type=model.training_instance_type,
        instance_count=model.training_instance_count,
        spot=model.spot,
        max_runtime_seconds=model.max_runtime_seconds,
        max_wait_seconds=model.max_wait_seconds if model.spot else None,
        data_prefix=model.data_prefix or f"{_BUCKET}/training/data/",
        validation_prefix=validation,
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


if __name__ == "__main__":
    sys.exit(main())
