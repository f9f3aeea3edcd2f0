"""`python -m catalog search`: models of the lock that match words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

from catalog.commands.output import print_table
from catalog.deployment import Deployment
from catalog.lock import Lock
from catalog.spec import CatalogError, ImageUri, ModelVersion

_HEADINGS = ("id", "version", "default instance", "container", "gated")
# A word this short, such as "7b" or "g5", has to match whole.
_SHORTEST_BEGINNING = 3
# JumpStart's names of one task, in the second part of an id.
_TEXT_GENERATION = {"llm", "textgeneration", "textgeneration1", "textgeneration2"}


def add(commands: Any) -> None:
    """Adds the command; `commands` is what `add_subparsers` gave."""
    parser = commands.add_parser(
        "search",
        help="models in the lock that match every word",
        description="Words are parts of an id (a task such as llm or txt2img, a family such as mistral, a size such "
        "as 7b), a container (tgi, lmi), an instance type or its family (ml.g5.2xlarge, g5), or gated, eula, package.",
    )
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Prints a table of the versions that match every word.

    Raises:
        CatalogError: Nothing matches.
    """
    rows = list(_rows(Lock.load(options.lock), [word.lower() for word in options.words]))
    if not rows:
        raise CatalogError([f"no model in the lock matches {' '.join(options.words)!r}: try fewer words"])
    print_table(_HEADINGS, rows)


def matches(model: ModelVersion, word: str) -> bool:
    """Whether a model version matches one word in lower case."""
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
        or word in {model.model_id.lower(), *model.instance_types, *families, _container(model)}
        or (word in _TEXT_GENERATION and not _TEXT_GENERATION.isdisjoint(parts))
        or (len(word) >= _SHORTEST_BEGINNING and word.isalpha() and any(part.startswith(word) for part in parts))
        or (bool(wanted) and any(parts[start : start + len(wanted)] == wanted for start in range(len(parts))))
    )


def _rows(lock: Lock, words: list[str]) -> Iterator[tuple[str, ...]]:
    for entry in lock.entries():
        model = entry.model
        if all(matches(model, word) for word in words):
            gated = "gated" if model.gated else "open"
            yield model.model_id, model.version, model.default_instance_type, _container(model), gated


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"[-._]", text.lower()) if part]


def _container(model: ModelVersion) -> str:
    """`tgi` or `lmi`, else the image's repository, or `package` where the image is inside one."""
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
