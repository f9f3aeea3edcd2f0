"""Search of the lock by words: parts of ids, containers, instance types and properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.abilities import abilities
from catalog.deployment import Deployment
from catalog.kinds import kind_of
from catalog.lock import Lock
from catalog.nearest import parts
from catalog.spec import CatalogError, ImageUri, ModelVersion

# A word this short, such as "7b" or "g5", has to match whole.
_SHORTEST_BEGINNING = 3
# Words that people use for a kind, and words in the names of kinds.
_KINDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("llm", "textgeneration", "text"), ("chat", "completion")),
    "audio": ("speech recognition",),
    "embeddings": ("embedding",),
    **dict.fromkeys(("image", "images"), ("image generation", "image from depth", "inpainting", "upscaling")),
    "ner": ("named entities",),
    "rerank": ("reranking",),
    "speech": ("speech recognition",),
    "vision": ("with images",),
}
# A word of this length may stand anywhere in an id or in the name of a kind, as "embedding" does in "textembedding".
_SHORTEST_PART = 4


def search(lock: Lock, words: Sequence[str]) -> list[ModelVersion]:
    """Return the model versions that match every word.

    Args:
        lock: The lock.
        words: Parts of an id (a family such as mistral, a size such as 7b), a kind (chat, embedding, summarization), a
            container (tgi, lmi), an instance type or its family (ml.g5.2xlarge, g5), or gated, eula, package,
            deprecated.

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
        or _is_kind(model, word)
        or (len(word) >= _SHORTEST_PART and word.isalpha() and word in model.model_id.lower())
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


def route(model: ModelVersion) -> str:
    """Return the best route that serves a model, as `/v1/embeddings`; `no` where none does."""
    deployment = _anywhere(model)
    return next(iter(abilities(deployment).routes if deployment else ()), "no")


def _is_kind(model: ModelVersion, word: str) -> bool:
    wanted = _KINDS.get(word, (word,) if len(word) >= _SHORTEST_PART else ())
    return any(one in kind_of(model.model_id).name for one in wanted)


def _anywhere(model: ModelVersion) -> Deployment | None:
    for region in model.regions():
        return model.resolve(region=region)
    return None
