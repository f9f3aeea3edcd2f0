"""Compute the version of a run: a hash of everything that the trained weights depend on, and of nothing else.

Names, roles, keys, tags, times and locations are left out: the same data and settings are the same version wherever
the data is stored and whoever runs the job. So is the name of the channel that carries it: a job that has completed
read its data, whatever the channel was called, and one that failed for its name is tried again under the same version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from catalog.training.channels import VALIDATION
from training.contract import VERSION_DIGITS

# Hyperparameters in which the SDK passes a job's own name and region to it.
_NAMES = ("sagemaker_job_name", "sagemaker_region")
_RECIPES_CHANNELS = ("model", "code")


def version_of(request: Mapping[str, Any], *, model_id: str, model_version: str, data_sha256: str) -> str:
    """Compute the version of a run.

    Args:
        request: The CreateTrainingJob request.
        model_id: The base model's id.
        model_version: Its pinned version.
        data_sha256: SHA-256 of the data, in hex.

    Returns:
        12 hexadecimal digits.
    """
    resources = request["ResourceConfig"]
    channels = {channel["ChannelName"]: channel for channel in request["InputDataConfig"]}
    inputs = {
        "model": [model_id, model_version],
        "data": data_sha256,
        "channels": ["training", *([VALIDATION] if VALIDATION in channels else [])],
        "recipe": [channels.get(name, {}).get("DataSource") for name in _RECIPES_CHANNELS],
        "image": request["AlgorithmSpecification"]["TrainingImage"],
        "environment": request.get("Environment") or {},
        "hyperparameters": {k: v for k, v in request["HyperParameters"].items() if k not in _NAMES},
        "instances": [resources["InstanceType"], resources["InstanceCount"]],
    }
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:VERSION_DIGITS]


def job_name(pipeline: str, version: str, attempt: int) -> str:
    """Return the name of a version's job: `<pipeline>-<version>`, and after a failed one `-2`, `-3`, ..."""
    return f"{pipeline}-{version}" + (f"-{attempt}" if attempt > 1 else "")
