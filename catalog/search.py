"""Search of the lock by words: parts of ids, containers, instance types and properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.deployment import Deployment
from catalog.lock import Lock
from catalog.nearest import parts
from catalog.spec import CatalogError, ImageUri, ModelVersion

# A word this short, such as "7b" or "g5", has to match whole.
_SHORTEST_BEGINNING = 3
# Words that people use for a task, and JumpStart's names of it, in the second part of an id.
_TASKS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("llm", "textgeneration", "text"), frozenset({"llm", "textgeneration"})),
    **dict.fromkeys(("embedding", "embeddings"), frozenset({"sentencesimilarity", "textembedding"})),
    **dict.fromkeys(("image", "images"), frozenset({"txt2img", "imagegeneration", "inpainting", "upscaling"})),
    **dict.fromkeys(("speech", "audio"), frozenset({"asr"})),
    "vision": frozenset({"vlm"}),
    "classification": frozenset({"tc", "zstc", "spc"}),
}


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
        problem = f"no model in the lock matches {' '.join(words)!r}: try fewer words"
        raise CatalogError([f"{problem}, or its id with ./jumpstack catalog update ID --source live if it is newer"])
    return found


def matches(model: ModelVersion, word: str) -> bool:
    """Return whether a model version matches one word in lower case."""
    own = parts(model.model_id)
    tasks = {model.model_id.split("-")[1].rstrip("0123456789")} if "-" in model.model_id else set()
    families = {name.split(".")[1] for name in model.instance_types if name.count(".") > 1}
    flags = {
        "gated": model.gated,
        "eula": model.requires_eula,
        "package": bool(model.model_packages or model.variant_model_packages),
        "deprecated": model.deprecated,
    }
    wanted = parts(word)
    return (
        flags.get(word, False)
        or word in {model.model_id.lower(), *model.instance_types, *families, container(model)}
        or not tasks.isdisjoint(_TASKS.get(word, ()))
        or (len(word) >= _SHORTEST_BEGINNING and word.isalpha() and any(part.startswith(word) for part in own))
        or (bool(wanted) and any(own[start : start + len(wanted)] == wanted for start in range(len(own))))
    )


def container(model: ModelVersion) -> str:
    """Return `tgi` or `lmi`, else the image's repository, or `package` where the image is inside one."""
    deployment = _anywhere(model)
    if deployment is None:
        return "unknown"
    if deployment.image is None:
        return "package"
    return deployment.container if deployment.container != "other" else ImageUri.parse(deployment.image).repository


def generates_text(model: ModelVersion) -> bool:
    """Return whether the app can serve a model: it generates text, in a container that the API speaks to."""
    deployment = _anywhere(model)
    return deployment is not None and deployment.container != "other"


def _anywhere(model: ModelVersion) -> Deployment | None:
    for region in model.regions():
        return model.resolve(region=region)
    return None
