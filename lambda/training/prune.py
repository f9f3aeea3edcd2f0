"""*Prune*: delete releases that are neither served nor kept for a rollback. It runs after *publish*.

The function may: `ssm:GetParameter` on the two parameters; `sagemaker:DeleteEndpointConfig` and
`sagemaker:DeleteModel` on the pipeline's own; `sagemaker:ListEndpointConfigs` and `sagemaker:ListModels`.
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
        event: `keep`, a release to keep beside the served and the previous one.

    Returns:
        `deleted`, the names of the deleted models and configs.
    """
    ssm: Any = boto3.client("ssm")
    parameters = [os.environ["SERVED_PARAMETER"], os.environ["PREVIOUS_PARAMETER"]]
    pointed = [str(ssm.get_parameter(Name=name)["Parameter"]["Value"]) for name in parameters]
    deleted = prune(boto3.client("sagemaker"), os.environ["NAME_PREFIX"], keep={str(event["keep"]), *pointed})
    print(json.dumps({"deleted": deleted, "kept": sorted({str(event["keep"]), *pointed})}))
    return {"deleted": deleted}


def prune(sagemaker: Any, pipeline: str, *, keep: set[str]) -> list[str]:
    """Delete a pipeline's models and endpoint configs, except those of some releases.

    Args:
        sagemaker: Client of SageMaker.
        pipeline: Such as `dev-mistral-7b-dolly`.
        keep: Releases to keep.

    Returns:
        The deleted names; a model and its config share one.

    Raises:
        botocore.exceptions.ClientError: A model or config cannot be deleted.
    """
    kept = {f"{pipeline}-{release}" for release in keep}
    # A config names its model, so it is deleted first.
    configs = [name for name in release_names(sagemaker, pipeline, kind="EndpointConfig") if name not in kept]
    for name in configs:
        sagemaker.delete_endpoint_config(EndpointConfigName=name)
    models = [name for name in release_names(sagemaker, pipeline, kind="Model") if name not in kept]
    for name in models:
        sagemaker.delete_model(ModelName=name)
    return sorted({*configs, *models})
