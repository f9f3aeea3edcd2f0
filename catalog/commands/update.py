"""`python -m catalog update`, `diff` and `verify`: change the lock, say what would change, check it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from catalog import lock as locks
from catalog.changes import lock_changes, model_changes
from catalog.commands import origin
from catalog.commands.output import print_lines
from catalog.lock import Entry, Lock
from catalog.sources.source import Description, Source
from catalog.spec import CatalogError, ModelVersion
from catalog.update import Wish, files, image_regions, unpinned, updated


def add(commands: Any) -> None:
    """Adds the commands; `commands` is what `add_subparsers` gave."""
    update = commands.add_parser(
        "update",
        help="write the lock from the published catalogue",
        description="Without ids: the newest version of every model, and every pin again. ID moves one model to its "
        "newest version; ID@VERSION pins a version, which then stays until it is unpinned.",
    )
    update.add_argument("words", nargs="*", metavar="ID[@VERSION]")
    update.add_argument("--config", metavar="C", help="pin ID@VERSION with this inference config")
    update.add_argument(
        "--unpin", nargs="+", default=[], metavar="ID@VERSION", help="give up pins, and do nothing else"
    )
    origin.add_options(update)
    update.set_defaults(run=run_update)

    diff = commands.add_parser(
        "diff",
        help="what an update would change, or what differs between two versions or two locks",
        description="Without two words: between the lock and what the source has now, for all models or one ID. "
        "Two words: versions ID@VERSION, from the lock or else from the source; or folders of locks.",
    )
    diff.add_argument("words", nargs="*", metavar="ID | ID@VERSION | FOLDER")
    origin.add_options(diff)
    diff.set_defaults(run=run_diff)

    verify = commands.add_parser("verify", help="check form, order and hashes of the lock")
    verify.set_defaults(run=run_verify)


def run_update(options: argparse.Namespace) -> None:
    """Writes the lock, and prints what that changed.

    Raises:
        CatalogError: Something asked for cannot be had; the lock stays as it is.
    """
    lock = _lock_if_any(options.lock)
    before = tuple(lock.entries()) if lock else ()
    wishes = _wishes(options.words)
    if options.config is not None:
        if len(wishes) != 1 or wishes[0].version is None:
            raise CatalogError([f"--config {options.config} needs one ID@VERSION to pin"])
        wishes = [replace(wishes[0], config=options.config)]
    skipped: tuple[str, ...] = ()
    description: Description | None = None
    if options.unpin:
        if options.words or options.source or options.wheel or options.config:
            raise CatalogError(["--unpin goes with no id, source or config: run update once more for those"])
        if lock is None:
            raise CatalogError([f"there is no lock in {options.lock}: run python -m catalog update"])
        after = unpinned(lock, _wishes(options.unpin))
    else:
        with origin.opened(options) as source:
            after, skipped = updated(lock, source, wishes=wishes)
            description = source.description
    written, unusual = files(lock, description, after, _registry_accounts(image_regions(after)))
    locks.write(options.lock, written)
    for problem in skipped:
        print(f"left as it was: {problem}", file=sys.stderr)
    for uri in unusual:
        print(f"not in its region's registry, kept whole: {uri}", file=sys.stderr)
    print_lines(lock_changes(before, after))
    print(_count(after))


def run_diff(options: argparse.Namespace) -> None:
    """Prints one line a change, or that there is none.

    Raises:
        CatalogError: A word is no id, version or folder that there is.
    """
    words = options.words
    folders = [Path(word) for word in words]
    if len(words) == 2 and all(folder.is_dir() for folder in folders):
        before, after = (tuple(Lock.load(folder).entries()) for folder in folders)
        lines: Iterable[str] = lock_changes(before, after)
    elif len(words) == 2:
        lines = model_changes(*_two_versions(options))
    elif len(words) > 2:
        raise CatalogError([f"diff takes up to two words, not {len(words)}"])
    else:
        lock = _lock_if_any(options.lock)
        entries = tuple(lock.entries()) if lock else ()
        with origin.opened(options) as source:
            after, skipped = updated(lock, source, wishes=_wishes(words))
        for problem in skipped:
            print(f"not compared: {problem}", file=sys.stderr)
        lines = lock_changes(entries, after)
    if not print_lines(lines):
        print("no changes")


def run_verify(options: argparse.Namespace) -> None:
    """Checks the lock.

    Raises:
        CatalogError: Something is wrong with it.
    """
    problems = locks.verify(options.lock)
    if problems:
        raise CatalogError(problems)
    lock = Lock.load(options.lock)
    origins = ", ".join(" ".join(filter(None, (source.name, source.version))) for source in lock.sources.values())
    print(f"{_count(tuple(lock.entries()))}, from {origins}")


def _two_versions(options: argparse.Namespace) -> tuple[ModelVersion, ModelVersion]:
    wishes = _wishes(options.words)
    lock = _lock_if_any(options.lock)
    found = [_locked(lock, wish) for wish in wishes]
    if None in found:
        with origin.opened(options) as source:
            found = [model or _published(source, wish) for model, wish in zip(found, wishes, strict=True)]
    left, right = found
    assert left is not None  # noqa: S101 - for mypy: what the lock lacked came from the source
    assert right is not None  # noqa: S101 - likewise
    return left, right


def _locked(lock: Lock | None, wish: Wish) -> ModelVersion | None:
    if lock is None or wish.model_id not in lock.model_ids():
        return None
    versions = lock.versions(wish.model_id)
    if wish.version is None:
        return lock.model(wish.model_id, versions[0])
    return lock.model(wish.model_id, wish.version) if wish.version in versions else None


def _published(source: Source, wish: Wish) -> ModelVersion:
    return source.model(wish.model_id, wish.version) if wish.version else source.newest(wish.model_id)


def _lock_if_any(path: Path) -> Lock | None:
    return Lock.load(path) if path.exists() else None


def _wishes(words: Iterable[str]) -> list[Wish]:
    return [Wish.parse(word) for word in words]


def _count(entries: Sequence[Entry]) -> str:
    models = len({entry.model.model_id for entry in entries})
    pins = sum(entry.pinned for entry in entries)
    return f"{len(entries)} versions of {models} models, {pins} pinned"


def _registry_accounts(regions: Iterable[str]) -> Mapping[str, str | None]:
    """Accounts of the deep learning containers' registries, from CDK's region facts."""
    # CDK starts a Node process when it is imported; only this command needs it.
    from aws_cdk.region_info import RegionInfo  # noqa: PLC0415 - see above

    return {region: RegionInfo.get(region).dlc_repository_account for region in regions}
