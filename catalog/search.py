"""Search of the lock by words: parts of ids, containers, instance types and properties."""

from __future__ import annotations

import re
from collections.abc import Sequence

from catalog.deployment import Deployment
from catalog.lock import Lock
from catalog.spec import CatalogError, ImageUri, ModelVersion

# A word this short, such as "7b" or "g5", has to match whole.
_SHORTEST_BEGINNING = 3
# JumpStart's names of one task, in the second part of an id.
_TEXT_GENERATION = {"llm", "textgeneration", "textgeneration1", "textgeneration2"}


def search(lock: Lock, words: Sequence[str]) -> list[ModelVersion]:
    """Return the model versions that match every word.

    Args:
        lock: The lock.
        words: Parts of an id (a task such as llm, a family such as mistral, a size such as 7b), a container (tgi, lmi),
            an instance type or its family (ml.g5.2xlarge, g5), or gated, eula, package, deprecated.

    Raises:
        CatalogError: Nothing matches.
    """
    found = [entry.model for entry in lock.entries() if all(matches(entry.model, word.lower()) for word in words)]
    if not found:
        raise CatalogError([f"no model in the lock matches {' '.join(words)!r}: try fewer words"])
    return found


def matches(model: ModelVersion, word: str) -> bool:
    """Return whether a model version matches one word in lower case."""
    parts = _parts(model.model_id)
    families = {name.split(".")[1] for name in model.instance_types if name.count(".") > 1}
    flags = {
        "gated": model.gated,
        "eula": model.requires_eula,
        "package": bool(model.model_packages or model.variant_model_packages),
        "deprecated": model.deprecated,
    }
    wanted = _parts(word)
    return (
        flags.get(word, False)
        or word in {model.model_id.lower(), *model.instance_types, *families, container(model)}
        or (word in _TEXT_GENERATION and not _TEXT_GENERATION.isdisjoint(parts))
        or (len(word) >= _SHORTEST_BEGINNING and word.isalpha() and any(part.startswith(word) for part in parts))
        or (bool(wanted) and any(parts[start : start + len(wanted)] == wanted for start in range(len(parts))))
    )


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[-._]", text.lower()) if part]


def container(model: ModelVersion) -> str:
    """Return `tgi` or `lmi`, else the image's repository, or `package` where the image is inside one."""
    deployment = _anywhere(model)
    if deployment is None:
        return "unknown"
    if deployment.image is None:
        return "package"
    return deployment.container if deployment.container != "other" else ImageUri.parse(deployment.image).repository


def _anywhere(model: ModelVersion) -> Deployment | None:
    for region in model.regions():
        return model.resolve(region=region)
    return None
