"""Updates of a lock: its entries afterwards, and its files.

The newest version of a model only ever moves on by itself, never back. A pinned version stays, and is read again
where the source has it. A version that was read from another kind of source is kept as it is, because the sources
differ in how much they know, unless an update names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from catalog import lock as locks
from catalog.blocks import registry_table, unusual_images
from catalog.lock import Entry, Lock
from catalog.sources.source import Description, Progress, Source, SourceKind
from catalog.spec import CatalogError, ImageUri, ModelVersion, version_order

_Entries = dict[tuple[str, str], Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """A model that is asked for, or one of its versions.

    Attributes:
        model_id: JumpStart model id.
        version: The version to pin; None for the newest, which is not pinned.
        config: Inference config to apply, None for the one that AWS ranks first. A lock holds a version with one.
    """

    model_id: str
    version: str | None
    config: str | None = None

    @classmethod
    def parse(cls, word: str) -> ModelReference:
        """Read `ID` or `ID@VERSION`."""
        model_id, _, version = word.partition("@")
        return cls(model_id=model_id, version=version or None)


def unpinned(lock: Lock, pins: Sequence[ModelReference]) -> tuple[Entry, ...]:
    """Return the entries of a lock without some of its pins.

    Args:
        lock: The lock.
        pins: The pins to remove; a version that is the newest too stays as that.

    Returns:
        All entries, by model id and then newest first.

    Raises:
        CatalogError: Something is not pinned; every problem is listed.
    """
    entries = _entries(lock)
    problems = []
    for pin in pins:
        entry = entries.get((pin.model_id, pin.version or ""))
        if entry is None or not entry.pinned:
            versions = [
                other.model.version for other in entries.values() if other.pinned and _is_of(other, pin.model_id)
            ]
            pinned = f"pinned are {', '.join(versions)}" if versions else "no version of it is"
            problems.append(f"{pin.model_id}@{pin.version or ''} is not pinned: {pinned}")
        else:
            _give_up(entries, replace(entry, pinned=False))
    if problems:
        raise CatalogError(problems)
    return _sorted(entries)


def updated(
    lock: Lock | None, source: Source, *, wanted: Sequence[ModelReference] = (), progress: Progress | None = None
) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return the entries of a lock after an update.

    Args:
        lock: The lock before; None where there is none.
        source: The source to read.
        wanted: Models and versions to read; none for everything that the source has, and every pin.
        progress: Takes how far reading has come.

    Returns:
        All entries, by model id and then newest first; and the problems of models that could not be read, where
        everything was asked for. Their entries stay.

    Raises:
        CatalogError: A version that was asked for is not there or does not resolve; every problem is listed.
    """
    entries = _entries(lock)
    chosen = wanted or _everything(entries, source)
    problems: list[str] = []
    # A version that prefetching cannot read raises again below.
    with suppress(CatalogError):
        source.prefetch([(reference.model_id, reference.version) for reference in chosen], progress=progress)
    for reference in chosen:
        try:
            _take(entries, source, reference)
        except CatalogError as error:
            problems.extend(error.problems)
    if problems and wanted:
        raise CatalogError(problems)
    return _sorted(entries), tuple(problems)


def files(
    lock: Lock | None, description: Description | None, entries: Sequence[Entry], accounts: Mapping[str, str | None]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the files of a lock, and the images outside of their region's registry.

    Args:
        lock: The lock so far, for the description of sources that were not read now.
        description: The source that was read, None if none was.
        entries: The entries to write.
        accounts: Account of the containers' registry by region; None where it is unknown.

    Returns:
        Text by path relative to the lock's folder; and URIs, sorted.
    """
    known: dict[SourceKind, Description] = dict(lock.sources) if lock else {}
    if description is not None:
        known[description.kind] = description
    used = {entry.source for entry in entries}
    uris = image_uris(entries)
    registries = registry_table(uris, accounts)
    sources = {kind: known[kind] for kind in known if kind in used}
    return locks.render(sources, registries, entries), unusual_images(uris, registries)


def image_uris(entries: Iterable[Entry]) -> frozenset[str]:
    """Return every image URI of the entries."""
    return frozenset(uri for entry in entries for regions in entry.model.images.values() for uri in regions.values())


def image_regions(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return the regions of the entries' images, sorted."""
    return tuple(sorted({ImageUri.parse(uri).region for uri in image_uris(entries)}))


def _entries(lock: Lock | None) -> _Entries:
    return {(entry.model.model_id, entry.model.version): entry for entry in (lock.entries() if lock else ())}


def _sorted(entries: _Entries) -> tuple[Entry, ...]:
    return tuple(sorted(entries.values(), key=_place))


def _is_of(entry: Entry, model_id: str) -> bool:
    return entry.model.model_id == model_id


def _give_up(entries: _Entries, entry: Entry) -> None:
    """Remove an entry that is neither newest nor pinned any more; store it otherwise."""
    key = (entry.model.model_id, entry.model.version)
    if entry.newest or entry.pinned:
        entries[key] = entry
    else:
        del entries[key]


def _place(entry: Entry) -> tuple[str, tuple[int, ...]]:
    return entry.model.model_id, tuple(-number for number in version_order(entry.model.version))


def _everything(entries: _Entries, source: Source) -> list[ModelReference]:
    """Return the newest of every model of the source, and every pin that was read from this kind of source."""
    published = set(source.model_ids())
    kind = source.description.kind
    wanted = [ModelReference(model_id=model_id, version=None) for model_id in sorted(published)]
    for (model_id, version), entry in sorted(entries.items()):
        if entry.pinned and entry.source == kind and model_id in published and version in source.versions(model_id):
            wanted.append(ModelReference(model_id=model_id, version=version, config=entry.model.config))
    return wanted


def _check_image(model: ModelVersion, source: Source) -> None:
    """Check that a version to be pinned has images.

    Raises:
        CatalogError: It has none, so that no declaration of it could ever be deployed.
    """
    if model.regions():
        return
    hint = "choose another version"
    with suppress(CatalogError):
        hint = f"pin {model.model_id}@{source.newest(model.model_id).version}, the newest that has one"
    if source.description.kind != "live":
        hint += f", or read JumpStart's cache: ./jumpstack catalog update {model.model_id} --source live"
    raise CatalogError([f"{model.model_id} {model.version} has no image in {source.description.name}: {hint}"])


def _take(entries: _Entries, source: Source, reference: ModelReference) -> None:
    kind = source.description.kind
    if reference.version is not None:
        model = source.model(reference.model_id, reference.version, config=reference.config)
        _check_image(model, source)
        before = entries.get((reference.model_id, reference.version))
        newest = before is not None and before.newest
        entries[reference.model_id, reference.version] = _entry(source, model, newest=newest, pinned=True)
        return
    model = source.newest(reference.model_id)
    before = next((entry for entry in entries.values() if entry.newest and _is_of(entry, reference.model_id)), None)
    if before is not None and version_order(before.model.version) > version_order(model.version):
        return
    if before is not None and before.model.version != model.version:
        _give_up(entries, replace(before, newest=False))
    key = (model.model_id, model.version)
    same = entries.get(key)
    if same is not None and same.source != kind:
        entries[key] = replace(same, newest=True)
    elif same is not None and same.pinned:
        # The pin may be of another config than the one that AWS ranks first.
        pinned = source.model(model.model_id, model.version, config=same.model.config)
        entries[key] = _entry(source, pinned, newest=True, pinned=True)
    else:
        entries[key] = _entry(source, model, newest=True, pinned=False)


def _entry(source: Source, model: ModelVersion, *, newest: bool, pinned: bool) -> Entry:
    return Entry(
        model=model,
        source=source.description.kind,
        newest=newest,
        pinned=pinned,
        training=source.training(model.model_id, model.version),
    )
