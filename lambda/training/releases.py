"""Find a fine-tuned model's releases in SageMaker: its models and endpoint configs, and its training jobs, by name."""

import re
from collections.abc import Iterator
from typing import Any

from training.contract import SETTINGS_DIGITS, VERSION_DIGITS

_VERSION = rf"[0-9a-f]{{{VERSION_DIGITS}}}"
_RELEASE = rf"{_VERSION}-[0-9a-f]{{{SETTINGS_DIGITS}}}"
_JOB = rf"{_VERSION}(-\d+)?"


def release_names(sagemaker: Any, pipeline: str, *, kind: str) -> Iterator[str]:
    """Iterate over the names of a pipeline's models or endpoint configs, and of no other pipeline's.

    Args:
        sagemaker: Client of SageMaker.
        pipeline: Such as `dev-mistral-7b-dolly`.
        kind: `Model` or `EndpointConfig`.
    """
    operation = {"Model": "list_models", "EndpointConfig": "list_endpoint_configs"}[kind]
    pages = sagemaker.get_paginator(operation).paginate(NameContains=pipeline)
    names = [entry[f"{kind}Name"] for page in pages for entry in page[f"{kind}s"]]
    yield from (name for name in names if re.fullmatch(f"{re.escape(pipeline)}-{_RELEASE}", name))


def running_jobs(sagemaker: Any, pipeline: str) -> list[str]:
    """List the names of a pipeline's training jobs that have not ended."""
    return [name for status in ("InProgress", "Stopping") for name in _jobs(sagemaker, pipeline, StatusEquals=status)]


def all_jobs(sagemaker: Any, pipeline: str) -> list[str]:
    """List the names of all training jobs of a pipeline."""
    return list(_jobs(sagemaker, pipeline))


def _jobs(sagemaker: Any, pipeline: str, **filters: str) -> Iterator[str]:
    pages = sagemaker.get_paginator("list_training_jobs").paginate(NameContains=pipeline, **filters)
    names = [entry["TrainingJobName"] for page in pages for entry in page["TrainingJobSummaries"]]
    yield from (name for name in names if re.fullmatch(f"{re.escape(pipeline)}-{_JOB}", name))
