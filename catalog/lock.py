"""The lock: every published JumpStart model, at versions that stay what they are until someone changes them.

For each model the lock holds the newest version that resolves completely, and each version that was pinned
because a declaration names it. `update` moves the newest on; a pinned version stays until it is unpinned. What was read
from JumpStart's live cache has the facts of its training recipe, too.

`jumpstart.lock/index.json` holds the sources, the registries of the regions, named sets of regions, and by model
id and version the SHA-256 of each block. `jumpstart.lock/models/<model id>.json` holds the blocks of one model.
Reading one model therefore parses the index (71 kB) and one file of about 2 kB, however many models the lock holds:
half a millisecond for 342 models, as `python -m bench.coverage` prints.

Files are JSON with sorted keys and hold no time stamps: the same input gives the same bytes. A block is checked
against its hash whenever it is read, so a change by hand is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.blocks import TRAINING, Registry, digest, from_block, text, to_block
from catalog.paths import inside, model_id_problem
from catalog.sources.source import Description, SourceKind
from catalog.spec import CatalogError, ModelVersion, check_known, newest_first
from catalog.training import facts as training_facts
from catalog.training.facts import TrainingFacts
from catalog.typed import checked, type_problems

DEFAULT_LOCK = Path(__file__).parent / "jumpstart.lock"
"""The lock that is committed with the app."""

_FORMAT = 2
_INDEX = "index.json"
_MODELS = "models"
_UPDATE = "./jumpstack catalog update {reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model version in a lock, and the reasons for it.

    Attributes:
        model: The version.
        source: The source that it was read from.
        newest: Whether it is the newest version that resolves completely.
        pinned: Whether somebody asked for this version.
        training: Facts of its training recipe; None where the source has no recipes.
    """

    model: ModelVersion
    source: SourceKind
    newest: bool
    pinned: bool
    training: TrainingFacts | None = None


class Lock:
    """The locked versions, read on demand."""

    def __init__(self, path: Path, index: Mapping[str, Any]) -> None:
        self._path = path
        self._records: Mapping[str, Mapping[str, Mapping[str, Any]]] = index["models"]
        self._region_sets: Mapping[str, Sequence[str]] = index["region_sets"]
        self.sources: Mapping[SourceKind, Description] = {
            kind: checked(Description(**entry), label=f"{path / _INDEX}: source {kind}")
            for kind, entry in index["sources"].items()
        }
        self.registries = {
            region: checked(Registry(**entry), label=f"{path / _INDEX}: registry {region}")
            for region, entry in index["registries"].items()
        }
        problems = [
            *type_problems(self._records, Mapping[str, Any], "models"),
            *type_problems(self._region_sets, Mapping[str, Sequence[str]], "region_sets"),
        ]
        if problems:
            raise CatalogError([f"{path / _INDEX}: {problem}" for problem in problems])

    @classmethod
    def load(cls, path: Path = DEFAULT_LOCK) -> Lock:
        """Read the index of a lock; blocks are read when they are asked for.

        Args:
            path: Folder of the lock.

        Raises:
            CatalogError: There is no lock, or its index is not one that this version reads.
        """
        index = _read(path / _INDEX)
        if index.get("format") != _FORMAT:
            raise CatalogError([f"{path / _INDEX} has format {index.get('format')!r}: allowed is {_FORMAT}"])
        try:
            lock = cls(path, index)
            problems = [problem for problem in map(model_id_problem, lock._records) if problem]
        except (AttributeError, KeyError, TypeError) as error:
            raise CatalogError([f"{path / _INDEX} is incomplete: {error}"]) from None
        if problems:
            raise CatalogError([f"{path / _INDEX} has {problem}" for problem in problems])
        return lock

    def model_ids(self) -> tuple[str, ...]:
        """Return the model ids in the lock, sorted."""
        return tuple(sorted(self._records))

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Return the versions of a model in the lock, newest first.

        Raises:
            CatalogError: The lock has no such model.
        """
        return newest_first(self._of(model_id))

    def pins(self, model_id: str) -> tuple[str, ...]:
        """Return the pinned versions of a model, which stay whatever is published, newest first.

        Raises:
            CatalogError: The lock has no such model.
        """
        records = self._of(model_id)
        return tuple(version for version in newest_first(records) if records[version].get("pinned"))

    def model(self, model_id: str, version: str) -> ModelVersion:
        """Read one version.

        Raises:
            CatalogError: The lock has no such model or version, or the block does not match its hash.
        """
        return self._read(model_id, version)[0]

    def training(self, model_id: str, version: str) -> TrainingFacts | None:
        """Return the facts of a version's training recipe; None where it was read from a source without recipes.

        Raises:
            CatalogError: As in `model`.
        """
        return self._read(model_id, version)[1]

    def _read(self, model_id: str, version: str) -> tuple[ModelVersion, TrainingFacts | None]:
        record = self._of(model_id, version)[version]
        file = inside(self._path, f"{_MODELS}/{model_id}.json")
        block = _read(file).get(version)
        if block is None:
            raise CatalogError([f"{file} has no version {version}, which the index lists"])
        if digest(block) != record.get("sha256"):
            raise CatalogError([f"version {version} in {file} does not match its hash in the index"])
        hosting = {name: value for name, value in block.items() if name != TRAINING}
        try:
            return (
                from_block(model_id, version, hosting, registries=self.registries, region_sets=self._region_sets),
                training_facts.from_block(block[TRAINING]) if TRAINING in block else None,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise CatalogError([f"version {version} in {file} is incomplete: {error!r}"]) from None

    def _of(self, model_id: str, version: str | None = None) -> Mapping[str, Mapping[str, Any]]:
        """Return the index's records of a model, checked: of this one alone, which keeps reading one model cheap."""
        check_known(model_id, self._records, where="the lock", otherwise=_UPDATE)
        records = self._records[model_id]
        problems = list(type_problems(records, Mapping[str, Mapping[str, str | bool]], f"models.{model_id}"))
        problems += [
            problem
            for name, record in (records.items() if not problems else ())
            for problem in type_problems(record.get("source", "wheel"), SourceKind, f"models.{model_id}.{name}.source")
        ]
        if problems:
            raise CatalogError([f"{self._path / _INDEX}: {problem}" for problem in problems])
        check_known(model_id, self._records, version=version, where="the lock", otherwise=_UPDATE)
        return records

    def entry(self, model_id: str, version: str) -> Entry:
        """Read one version together with the reasons for it.

        Raises:
            CatalogError: As in `model`.
        """
        model, training = self._read(model_id, version)
        record = self._of(model_id)[version]
        return Entry(
            model=model,
            source=record.get("source", "wheel"),
            newest=bool(record.get("newest")),
            pinned=bool(record.get("pinned")),
            training=training,
        )

    def recipe_sha256(self, model_id: str, version: str) -> str | None:
        """Return the SHA-256 of the document with the version's training recipe.

        None where the lock cannot tell: documents of the live cache have hosting and training in one, the published
        catalogue has hosting alone.

        Raises:
            CatalogError: As in `model`.
        """
        entry = self.entry(model_id, version)
        return entry.model.spec_sha256 if entry.source == "live" else None

    def entries(self) -> Iterator[Entry]:
        """Read every version, by model id and then newest first.

        Raises:
            CatalogError: As in `model`.
        """
        for model_id in self.model_ids():
            for version in self.versions(model_id):
                yield self.entry(model_id, version)


def render(
    sources: Mapping[SourceKind, Description], registries: Mapping[str, Registry], entries: Iterable[Entry]
) -> dict[str, str]:
    """Return the text of every file of a lock, by path relative to its folder.

    Args:
        sources: Sources of the entries.
        registries: Registry by region; an image elsewhere keeps its whole URI in its block.
        entries: The versions to lock.
    """
    blocks: dict[str, dict[str, Any]] = {}
    records: dict[str, dict[str, dict[str, Any]]] = {}
    region_sets: dict[str, list[str]] = {}
    for entry in entries:
        block = to_block(entry.model, registries, region_sets)
        if entry.training is not None:
            block[TRAINING] = training_facts.to_block(entry.training)
        blocks.setdefault(entry.model.model_id, {})[entry.model.version] = block
        why: dict[str, Any] = {name: True for name in ("newest", "pinned") if getattr(entry, name)}
        if entry.source != "wheel":
            why["source"] = entry.source
        records.setdefault(entry.model.model_id, {})[entry.model.version] = {"sha256": digest(block), **why}
    index = {
        "format": _FORMAT,
        "sources": {kind: asdict(description) for kind, description in sources.items()},
        "registries": {region: asdict(registry) for region, registry in registries.items()},
        "region_sets": region_sets,
        "models": records,
    }
    files = {f"{_MODELS}/{model_id}.json": text(versions) for model_id, versions in blocks.items()}
    return {_INDEX: text(index, short_records=True), **files}


def write(path: Path, files: Mapping[str, str]) -> None:
    """Write the rendered files into a folder, and remove those of other models.

    Args:
        path: Folder of the lock; created if it is missing.
        files: From `render`.

    Raises:
        CatalogError: A file's path leads out of the folder; nothing is written then.
    """
    written = {inside(path, name): content for name, content in files.items()}
    inside(path, f"{_MODELS}/any.json").parent.mkdir(parents=True, exist_ok=True)
    for stale in set((path / _MODELS).glob("*.json")) - written.keys():
        stale.unlink()
    for file, content in written.items():
        file.write_text(content, encoding="utf-8")


def verify(path: Path = DEFAULT_LOCK) -> tuple[str, ...]:
    """Check a lock: form, order, hashes, and that versions resolve.

    Args:
        path: Folder of the lock.

    Returns:
        One sentence a problem, empty for a sound lock.
    """
    try:
        lock = Lock.load(path)
    except CatalogError as error:
        return error.problems
    problems: list[str] = []
    entries = []
    for model_id in lock.model_ids():
        try:
            versions = lock.versions(model_id)
        except CatalogError as error:
            problems.extend(error.problems)
            continue
        for version in versions:
            try:
                entry = lock.entry(model_id, version)
                for region in entry.model.regions() or ("any region",):
                    entry.model.resolve(region=region)
            except CatalogError as error:
                problems.extend(error.problems)
            else:
                entries.append(entry)
        problems.extend(_newest_problems(lock, model_id))
    if not problems:
        problems.extend(_differences(path, render(lock.sources, lock.registries, entries)))
    return tuple(problems)


def _newest_problems(lock: Lock, model_id: str) -> Iterator[str]:
    records = lock._of(model_id)
    newest = [version for version in lock.versions(model_id) if records[version].get("newest")]
    if len(newest) > 1:
        yield f"{model_id} has {len(newest)} newest versions: {', '.join(newest)}"
    for version in lock.versions(model_id):
        if not records[version].get("newest") and not records[version].get("pinned"):
            yield f"{model_id} {version} is neither pinned nor the newest"


def _differences(path: Path, files: Mapping[str, str]) -> Iterable[str]:
    """Yield a problem for each file of a lock whose bytes are not those of `render`."""
    present = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    for name in sorted(present - files.keys()):
        yield f"{path / name} belongs to no model of the index"
    for name, content in files.items():
        if (path / name).read_text(encoding="utf-8") != content:
            yield f"{path / name} is not sorted and indented as the update command writes it"


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogError([f"{path} does not exist: run ./jumpstack catalog update"]) from None
    except ValueError as error:
        raise CatalogError([f"{path} is not json: {error}"]) from None
    if not isinstance(document, dict):
        raise CatalogError([f"{path} is not a json object"])
    return document
