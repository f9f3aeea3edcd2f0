"""Make names and tokens of imports. They contain the content's version, so that the same content has the same names.

Source of patterns and lengths: CreateModelImportJob of the Bedrock API.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

JOB_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9\+\-\.])*")
"""Bedrock's pattern of `jobName`. It backtracks for hours on long names that do not match: check the length first."""
MODEL_NAME = re.compile(r"([0-9a-zA-Z][_-]?)+")
"""Bedrock's pattern of `importedModelName`: no dots, no two hyphens or underscores in a row."""
REQUEST_TOKEN = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9]{0,254}[a-zA-Z0-9])?")
"""Bedrock's pattern of `clientRequestToken`."""
LONGEST_NAME = 63
"""Characters of `jobName` and `importedModelName`."""

VERSION_DIGITS = 12
"""Hexadecimal digits of the version in a name: 48 bits, so that versions of one model never collide by chance."""
MOST_ATTEMPTS = 999
LONGEST_MODEL = LONGEST_NAME - len("-") - VERSION_DIGITS - len(f"-{MOST_ATTEMPTS}")
"""Characters of a model's own name; the version and an attempt's number follow it."""

# Both patterns at once: the model's allows no two hyphens in a row and no dots, the job's no underscores.
_MODEL = re.compile(r"[0-9a-zA-Z]+(-[0-9a-zA-Z]+)*")
_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_DIGITS}}}")


def check_model(model: str) -> None:
    """Check the name that versions of a model share.

    Args:
        model: The name.

    Raises:
        ValueError: The versions' names would not match Bedrock's patterns.
    """
    if len(model) > LONGEST_MODEL or not _MODEL.fullmatch(model):
        raise ValueError(
            f"the imported model's name is {model!r}, must be 1 to {LONGEST_MODEL} letters and digits, with single "
            "hyphens between them"
        )


def model_name(model: str, version: str) -> str:
    """Return the name of one version of a model, for `importedModelName`.

    Args:
        model: The name that its versions share.
        version: The content's version, from the artifact check.

    Raises:
        ValueError: The model or the version is malformed.
    """
    check_model(model)
    if not _VERSION.fullmatch(version):
        raise ValueError(f"the version is {version!r}, must be {VERSION_DIGITS} hexadecimal digits")
    return f"{model}-{version}"


def job_name(model: str, version: str, attempt: int = 1) -> str:
    """Return the name of a job that imports one version, for `jobName`.

    Args:
        model: The name that its versions share.
        version: The content's version.
        attempt: 1, and one more for every job that failed: Bedrock keeps failed jobs with their names.

    Raises:
        ValueError: The model, the version or the attempt is malformed.
    """
    if not 1 <= attempt <= MOST_ATTEMPTS:
        raise ValueError(f"the attempt is {attempt}, must be 1 to {MOST_ATTEMPTS}")
    name = model_name(model, version)
    return name if attempt == 1 else f"{name}-{attempt}"


def is_version_of(model: str, name: str) -> bool:
    """Report whether an imported model has the name of a version of this one.

    Args:
        model: The name that versions share.
        name: The imported model's name.
    """
    head, _, version = name.rpartition("-")
    return head == model and _VERSION.fullmatch(version) is not None


def request_token(model: str, version: str, *, settings: Mapping[str, str | None], attempt: int = 1) -> str:
    """Return the `clientRequestToken` of an import: a retry has the same one, so that it imports nothing twice.

    Args:
        model: The name that versions share.
        version: The content's version.
        settings: Other settings that distinguish the import: the weights' location, role, key, network.
        attempt: As for `job_name`; Bedrock would answer a known token with the job that failed.

    Returns:
        64 hexadecimal digits.

    Raises:
        ValueError: The model, the version or the attempt is malformed.
    """
    name = job_name(model, version, attempt)
    document = json.dumps([name, sorted(settings.items())])
    return hashlib.sha256(document.encode()).hexdigest()
