"""Order of versions, and the refusal of unknown model ids and versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from catalog.deployment import CatalogError
from catalog.nearest import similar_models

_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def version_order(version: str) -> tuple[int, ...]:
    """Return the sort key of a version: 2.10.0 comes after 2.9.1.

    Raises:
        CatalogError: The version is not numbers joined by dots.
    """
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        problem = f"version {version!r} is not numbers joined by dots, such as 2.0.1"
        raise CatalogError([problem]) from None


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Return versions, newest first."""
    return tuple(sorted(versions, key=version_order, reverse=True))


def check_known(
    model_id: str, known: Mapping[str, Iterable[str]], *, version: str | None = None, where: str, otherwise: str = ""
) -> None:
    """Check that a collection has a model id, and a version of it.

    Args:
        model_id: The id asked for.
        known: Versions by model id.
        version: The version asked for; None for any.
        where: Name of the collection in the message, such as "the lock".
        otherwise: The command that finds it elsewhere, with `{reference}` for the model; empty where there is none.

    Raises:
        CatalogError: The id is not there (with those that look like it), or its version is not (with those
            that are).
    """
    if model_id not in known:
        raise CatalogError([f"model id {model_id!r} is not in {where}: {_hint(model_id, known, otherwise)}"])
    if version is not None and version not in known[model_id]:
        versions = ", ".join(newest_first(known[model_id]))
        elsewhere = f", or {otherwise.format(reference=f'{model_id}@{version}')}"
        elsewhere = elsewhere if otherwise and is_version(version) else ""
        raise CatalogError(
            [f"version {version!r} of {model_id} is not in {where}: choose one of {versions}{elsewhere}"]
        )


def model_id_in(text: str) -> tuple[str, str]:
    """Return what a text for a model id holds: the id, or an owner's name for a model, and the version.

    Args:
        text: An id, ID@VERSION, the ARN of a hub's content, a Hugging Face name or its address; spaces may surround it.

    Returns:
        Both are empty where the text has none.
    """
    text = text.strip()
    if text.startswith("arn:"):
        # arn:aws:sagemaker:REGION:aws:hub-content/SageMakerPublicHub/Model/ID/VERSION
        model_id, _, version = text.partition("/Model/")[2].partition("/")
    else:
        model_id, _, version = text.rstrip("/").rpartition("/")[2].partition("@")
    return model_id, version if is_version(version) else ""


def is_version(text: str) -> bool:
    """Return whether a text may be a version of JumpStart's: three numbers."""
    return _VERSION.fullmatch(text) is not None


def _hint(model_id: str, known: Iterable[str], otherwise: str) -> str:
    """Return what to do about an unknown id."""
    known = sorted(known)
    name, _ = model_id_in(model_id)
    if model_id.startswith("arn:"):
        return f"give a JumpStart id, not an ARN{f': {name}' if name in known else ''}"
    near = ", ".join(similar_models(name, known))
    means = f"did you mean {near}?" if near else "no id there is like it"
    if "/" in model_id:
        return f"JumpStart's ids have no owner; {means}"
    end = "" if near else "."
    return f"{means}{end} If AWS has it: {otherwise.format(reference=model_id)}" if otherwise else means
