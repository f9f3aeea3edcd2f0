"""Order of versions, and the refusal of unknown model ids and versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from catalog.deployment import CatalogError
from catalog.nearest import did_you_mean


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


def check_known(model_id: str, known: Mapping[str, Iterable[str]], *, version: str | None = None, where: str) -> None:
    """Check that a collection has a model id, and a version of it.

    Args:
        model_id: The id asked for.
        known: Versions by model id.
        version: The version asked for; None for any.
        where: Name of the collection in the message, such as "the lock".

    Raises:
        CatalogError: The id is not there (with those that look like it), or its version is not (with those
            that are).
    """
    if model_id not in known:
        hint = did_you_mean(model_id, known) or "no id there is like it"
        raise CatalogError([f"model id {model_id!r} is not in {where}: {hint}"])
    if version is not None and version not in known[model_id]:
        versions = ", ".join(newest_first(known[model_id]))
        raise CatalogError([f"version {version!r} of {model_id} is not in {where}: choose one of {versions}"])
