"""`./jumpstack catalog update`, `diff` and `verify`: change the lock, print what would change, check it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.cli.catalog.source_options import SourceOptions, opened, options_of, source_options
from tools.cli.types import MODEL_ID

if TYPE_CHECKING:
    from catalog.lock import Entry, Lock
    from catalog.sources.source import Description, Source
    from catalog.spec import ModelVersion
    from catalog.update import ModelReference


@click.command(short_help="Write the lock from the published catalogue.")
@click.argument("words", metavar="[ID[@VERSION]]...", nargs=-1, type=MODEL_ID)
@click.option("--config", metavar="C", help="Pin ID@VERSION with this inference config.")
@click.option("--unpin", is_flag=True, help="Give up the pins of each ID@VERSION, and do nothing else.")
@source_options
@click.pass_context
def update(
    context: click.Context,
    *,
    words: Sequence[str],
    config: str | None,
    unpin: bool,
    source: str | None,
    wheel: Path | None,
) -> None:
    """Write the lock from the published catalogue, and print what that changed.

    Without ids: the newest version of every model, and every pin again. ID moves one model to its newest version;
    ID@VERSION pins a version, which then stays until it is unpinned.
    """
    options = options_of(context, source, wheel)
    if unpin and (not words or options.given or config):
        raise click.UsageError("--unpin takes each ID@VERSION to give up, and no source or config", context)
    if config is not None and (len(words) != 1 or "@" not in words[0]):
        raise click.UsageError(f"--config {config} needs one ID@VERSION to pin", context)
    _update(context.obj, words, config=config, unpin=unpin, options=options)


def _update(path: Path, words: Sequence[str], *, config: str | None, unpin: bool, options: SourceOptions) -> None:
    from dataclasses import replace

    from catalog import lock as locks
    from catalog.changes import lock_changes
    from catalog.spec import CatalogError
    from catalog.update import files, image_regions, unpinned, updated
    from tools.cli.output import print_lines

    lock = _lock_if_any(path)
    before = tuple(lock.entries()) if lock else ()
    wanted = [replace(reference, config=config) for reference in _references(words)]
    skipped: tuple[str, ...] = ()
    description: Description | None = None
    if unpin:
        if lock is None:
            raise CatalogError([f"there is no lock in {path}: ./jumpstack catalog update"])
        after = unpinned(lock, wanted)
    else:
        with opened(options) as source:
            after, skipped = updated(lock, source, wanted=wanted)
            description = source.description
    written, unusual = files(lock, description, after, _registry_accounts(image_regions(after)))
    locks.write(path, written)
    for problem in skipped:
        print(f"left as it was: {problem}", file=sys.stderr)
    for uri in unusual:
        print(f"not in its region's registry, kept whole: {uri}", file=sys.stderr)
    print_lines(lock_changes(before, after))
    print(_count(after))


@click.command(short_help="Print what an update would change.")
@click.argument("words", metavar="[ID|ID@VERSION|DIR]...", nargs=-1, type=MODEL_ID)
@source_options
@click.pass_context
def diff(context: click.Context, *, words: Sequence[str], source: str | None, wheel: Path | None) -> None:
    """Print one line a change, or that there is none.

    Without two words: between the lock and what the source has now, for all models or one ID. Two words: versions
    ID@VERSION, from the lock or else from the source; or folders of locks.
    """
    from catalog.changes import lock_changes, model_changes
    from catalog.lock import Lock
    from catalog.update import updated
    from tools.cli.output import print_lines

    options = options_of(context, source, wheel)
    folders = [Path(word) for word in words]
    if len(words) == 2 and all(folder.is_dir() for folder in folders):
        before, after = (tuple(Lock.load(folder).entries()) for folder in folders)
        lines: Iterable[str] = lock_changes(before, after)
    elif len(words) == 2:
        lines = model_changes(*_two_versions(context.obj, words, options))
    elif len(words) > 2:
        raise click.UsageError(f"diff takes up to two words, not {len(words)}", context)
    else:
        lock = _lock_if_any(context.obj)
        entries = tuple(lock.entries()) if lock else ()
        with opened(options) as catalogue:
            after, skipped = updated(lock, catalogue, wanted=_references(words))
        for problem in skipped:
            print(f"not compared: {problem}", file=sys.stderr)
        lines = lock_changes(entries, after)
    if not print_lines(lines):
        print("no changes")


@click.command(short_help="Check form, order and hashes of the lock.")
@click.pass_obj
def verify(path: Path) -> None:
    """Check form, order and hashes of the lock."""
    from catalog import lock as locks
    from catalog.spec import CatalogError

    problems = locks.verify(path)
    if problems:
        raise CatalogError(problems)
    lock = locks.Lock.load(path)
    origins = ", ".join(" ".join(filter(None, (source.name, source.version))) for source in lock.sources.values())
    print(f"{_count(tuple(lock.entries()))}, from {origins}")


def _two_versions(path: Path, words: Sequence[str], options: SourceOptions) -> tuple[ModelVersion, ModelVersion]:
    wanted = _references(words)
    lock = _lock_if_any(path)
    found = [_locked(lock, reference) for reference in wanted]
    if None in found:
        with opened(options) as source:
            found = [model or _published(source, reference) for model, reference in zip(found, wanted, strict=True)]
    left, right = found
    assert left is not None  # noqa: S101 - for mypy: what the lock lacked came from the source
    assert right is not None  # noqa: S101 - likewise
    return left, right


def _locked(lock: Lock | None, reference: ModelReference) -> ModelVersion | None:
    if lock is None or reference.model_id not in lock.model_ids():
        return None
    versions = lock.versions(reference.model_id)
    if reference.version is None:
        return lock.model(reference.model_id, versions[0])
    return lock.model(reference.model_id, reference.version) if reference.version in versions else None


def _published(source: Source, reference: ModelReference) -> ModelVersion:
    return (
        source.model(reference.model_id, reference.version) if reference.version else source.newest(reference.model_id)
    )


def _lock_if_any(path: Path) -> Lock | None:
    from catalog.lock import Lock

    return Lock.load(path) if path.exists() else None


def _references(words: Iterable[str]) -> list[ModelReference]:
    from catalog.update import ModelReference

    return [ModelReference.parse(word) for word in words]


def _count(entries: Sequence[Entry]) -> str:
    models = len({entry.model.model_id for entry in entries})
    pins = sum(entry.pinned for entry in entries)
    return f"{len(entries)} versions of {models} models, {pins} pinned"


def _registry_accounts(regions: Iterable[str]) -> Mapping[str, str | None]:
    """Return the accounts of the deep learning containers' registries, from CDK's region facts."""
    # CDK starts a Node process when it is imported; only this command needs it.
    from aws_cdk.region_info import RegionInfo

    return {region: RegionInfo.get(region).dlc_repository_account for region in regions}
