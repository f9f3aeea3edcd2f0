"""Deletes releases that are neither served nor kept for a rollback. The state machine invokes it after *publish*.

| variable | what it says |
|---|---|
| `NAME_PREFIX` | the pipeline, which names of models and configs begin with |
| `SERVED_PARAMETER`, `PREVIOUS_PARAMETER` | the SSM parameters that name the two releases |
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3

from training.releases import release_names


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[str]]:
    """Delete old releases.

    Args:
        event: `keep`: a release to keep beside the two that the parameters name.

    Returns:
        `deleted`: the names of the models and configs that were.
    """
    ssm: Any = boto3.client("ssm")
    parameters = [os.environ["SERVED_PARAMETER"], os.environ["PREVIOUS_PARAMETER"]]
    pointed = [str(ssm.get_parameter(Name=name)["Parameter"]["Value"]) for name in parameters]
    deleted = prune(boto3.client("sagemaker"), os.environ["NAME_PREFIX"], keep={str(event["keep"]), *pointed})
    print(json.dumps({"deleted": deleted, "kept": sorted({str(event["keep"]), *pointed})}))
    return {"deleted": deleted}


def prune(sagemaker: Any, pipeline: str, *, keep: set[str]) -> list[str]:
    """Delete a pipeline's models and endpoint configs but some.

    Args:
        sagemaker: boto3's client.
        pipeline: Such as `dev-mistral-7b-dolly`.
        keep: Releases to keep.

    Returns:
        The names of what was deleted; a model and its config have one name.

    Raises:
        botocore.exceptions.ClientError: If something cannot be deleted.
    """
    kept = {f"{pipeline}-{release}" for release in keep}
    # A config names its model, so that it goes first.
    configs = [name for name in release_names(sagemaker, pipeline, kind="EndpointConfig") if name not in kept]
    for name in configs:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    models = [name for name in release_names(sagemaker, pipeline, kind="Model") if name not in kept]
    for name in models:
        sagemaker.delete_model(ModelName=name)
    return sorted({*configs, *models})
