"""Paths of files that are named by what others publish: model ids and keys never lead out of their folder."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from catalog.deployment import CatalogError

# The longest id in the lock has 86 characters, all of them letters, digits and hyphens; a file's name may have 255.
_MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


def model_id_problem(model_id: str) -> str | None:
    """Return the fault of a model id, of which a file's name is made; None for no fault."""
    if _MODEL_ID.fullmatch(model_id):
        return None
    return f"model_id {model_id!r}: allowed are letters, digits and inner hyphens, dots and underscores, at most 200"


def key_problem(key: str) -> str | None:
    """Return the fault of a document's key, of which a path below a folder is made; None for no fault."""
    leads_out = bool({"", ".", ".."} & set(key.split("/"))) or "\\" in key
    if not leads_out and key.isprintable() and PurePosixPath(key).suffix == ".json":
        return None
    return f"spec_key {key!r}: allowed is a relative path that ends in .json"


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file below a folder.

    Args:
        folder: The folder, which need not exist.
        name: The file's path relative to the folder.

    Raises:
        CatalogError: The path, or a symbolic link on it, leads out of the folder, or the file is a link.
    """
    path = folder / name
    try:
        leads_out = path.is_symlink() or not path.resolve().is_relative_to(folder.resolve())
    # A zero byte in a name.
    except ValueError:
        leads_out = True
    if leads_out:
        raise CatalogError([f"{name!r} leads out of {folder}: allowed is a file below it, and no symbolic link"])
    return path
