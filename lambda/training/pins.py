"""Hold a training recipe to the one that was pinned: an image and a script that run with the job's role come from it.

The lock pins the SHA-256 of a spec that was read from JumpStart's live cache. The published catalogue has no recipes;
for a version that was read from there, the first run records what it found beside the runs, and later ones compare.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from catalog.training.recipe import TrainingRecipe
from training.contract import FIRST_SEEN
from training.errors import RecipeError
from training.settings import Settings

Put = Callable[[str, Mapping[str, Any]], None]
"""Writes a JSON document at an `s3://` URI."""


def refuse_unpinned(settings: Settings, recipe: TrainingRecipe) -> None:
    """Refuse a recipe whose hash is not the lock's, where the lock has one.

    Raises:
        RecipeError: It is another one.
    """
    pinned = settings.recipe_sha256
    if pinned is not None and recipe.spec_sha256 != pinned:
        raise RecipeError(_refusal(recipe, f"the lock pins {pinned}"))


def refuse_other_than_first_seen(settings: Settings, recipe: TrainingRecipe, s3: Any, *, put: Put) -> None:
    """Refuse a recipe other than the one that the pipeline's first run saw; record it where this is the first.

    Args:
        settings: The pipeline's settings. A hash in the lock goes before what was seen.
        recipe: The recipe.
        s3: Client of S3.
        put: Writes the record.

    Raises:
        RecipeError: It is another one, or the record cannot be understood.
    """
    if settings.recipe_sha256 is not None:
        return
    uri = f"{settings.output_prefix}{FIRST_SEEN}"
    seen = _read(s3, uri)
    now = _facts(settings, recipe)
    before = seen.get(recipe.label)
    if before is None:
        put(uri, {**seen, recipe.label: now})
        return
    known = before if isinstance(before, dict) else {}
    # The other facts are those of one instance type, and tell a reader what changed.
    if known.get("sha256") != now["sha256"]:
        changed = [
            f"{name} {known.get(name)} is {value} now" for name, value in now.items() if known.get(name) != value
        ]
        raise RecipeError(_refusal(recipe, f"the first run saw another ({uri}): {', '.join(changed)}"))


def _facts(settings: Settings, recipe: TrainingRecipe) -> dict[str, str | None]:
    """Return what the record has of a recipe, by what a reader knows it."""
    region, instance_type = settings.region, settings.instance_type
    return {
        "sha256": recipe.spec_sha256,
        "image": recipe.image(region, instance_type),
        "script": recipe.script(region),
        "weights": recipe.gated_model(region, instance_type) or recipe.artifact(region, instance_type),
    }


def _refusal(recipe: TrainingRecipe, expected: str) -> str:
    reference = recipe.label.replace(" ", "@")
    return (
        f"the recipe of {recipe.label} in JumpStart's cache has SHA-256 {recipe.spec_sha256}, and {expected}. A "
        f"published version has changed: to take it, review what ./jumpstack catalog update {reference} --source live "
        "changes in the lock, and deploy"
    )


def _read(s3: Any, uri: str) -> dict[str, Any]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        document = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return {}
        raise
    except ValueError as error:
        raise RecipeError(f"{uri} is not JSON: {error}; a run wrote it, restore an earlier version of it") from None
    if not isinstance(document, dict):
        raise RecipeError(f"{uri} is a {type(document).__name__}: a run wrote an object, restore an earlier version")
    return document
