"""Read the training recipe of the pinned version from the region's public JumpStart cache.

`models_manifest.json` lists the spec of every version by its key; requests are unsigned, as the `sagemaker` SDK
(2.257.1) sends them, so that the function needs no permission for them.
"""

from __future__ import annotations

import json
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from catalog.deployment import CatalogError, bucket_name
from catalog.sources.downloads import LARGEST_BYTES
from catalog.sources.live import MANIFEST
from catalog.training.recipe import TrainingRecipe, read_recipe
from catalog.versions import check_known
from training.errors import RecipeError


def public_client(region: str) -> Any:
    """Make an S3 client that sends unsigned requests."""
    return boto3.client("s3", region_name=region, config=Config(signature_version=UNSIGNED))


def recipe_of(client: Any, *, region: str, model_id: str, version: str) -> TrainingRecipe:
    """Read the recipe.

    Args:
        client: Client of `public_client`.
        region: AWS region whose cache is read.
        model_id: JumpStart model id.
        version: The pinned version.

    Raises:
        RecipeError: The cache cannot be read, has no such version, or the version cannot be fine-tuned.
    """
    bucket = bucket_name(region, "public")
    try:
        keys: dict[str, dict[str, str]] = {}
        for entry in _document(client, bucket, MANIFEST):
            keys.setdefault(entry["model_id"], {})[entry["version"]] = entry["spec_key"]
        check_known(model_id, keys, version=version, where=f"JumpStart's cache in {region}")
        return read_recipe(_document(client, bucket, keys[model_id][version]))
    except CatalogError as error:
        raise RecipeError(str(error)) from None
    except (KeyError, TypeError) as error:
        raise RecipeError(f"s3://{bucket}/{MANIFEST} has an unknown form: {error!r}") from None


def _document(client: Any, bucket: str, key: str) -> Any:
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
        if answer["ContentLength"] > LARGEST_BYTES:
            size = f"{answer['ContentLength']} bytes"
            raise RecipeError(f"s3://{bucket}/{key} has {size}: at most {LARGEST_BYTES} are read")
        return json.loads(answer["Body"].read())
    except (BotoCoreError, ClientError, OSError) as error:
        raise RecipeError(f"s3://{bucket}/{key} cannot be read: {error}") from error
    except ValueError as error:
        raise RecipeError(f"s3://{bucket}/{key} is not JSON: {error}") from None
