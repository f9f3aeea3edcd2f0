"""The lock: pinned versions of JumpStart models, in files that people can read and compare.

`jumpstart.lock/index.json` holds the source, the registries of the regions and, by model id and version,
the SHA-256 of each block. `jumpstart.lock/models/<model id>.json` holds the blocks of one model. Reading one
model therefore parses the index and one small file, however many models the lock holds.

Files are JSON with sorted keys, two spaces of indent and one list item a line, and hold no time stamps: the
same input gives the same bytes. A block is checked against its hash whenever it is read, so a change by hand
is refused.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from catalog.spec import CatalogError, ImageUri, ModelVersion, check_known, newest_first

DEFAULT_LOCK = Path(__file__).parent / "jumpstart.lock"
"""The lock that is committed with the app."""

_FORMAT = 1
_INDEX = "index.json"
_MODELS = "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the facts in a lock come from.

    Attributes:
        package: Name of the Python package.
        version: Its version.
        sha256: SHA-256 of the wheel.
        file: Path of the catalogue inside the package.
        license: SPDX id of the package's licence. The blocks are facts taken from it.
    """

    package: str
    version: str
    sha256: str
    file: str
    license: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The registry that serves AWS's deep learning containers in a region.

    Attributes:
        account: AWS account of the registry.
        domain_suffix: Domain of the region's AWS partition.
        known_from: `aws-cdk-lib` for CDK's region facts; `images` where CDK has no account for the region and
            every published image there names the same one.
    """

    account: str
    domain_suffix: str
    known_from: str


class Lock:
    """The pinned versions, read on demand."""

    def __init__(self, path: Path, index: Mapping[str, Any]) -> None:
        self._path = path
        self._hashes: Mapping[str, Mapping[str, str]] = index["models"]
        self.source = Source(**index["source"])
        self.registries = {region: Registry(**entry) for region, entry in index["registries"].items()}

    @classmethod
    def load(cls, path: Path = DEFAULT_LOCK) -> Lock:
        """Reads the index of a lock; the blocks are read when they are asked for.

        Args:
            path: Folder of the lock.

        Raises:
            CatalogError: There is no lock, or its index is not one that this version reads.
        """
        index = _read(path / _INDEX)
        if index.get("format") != _FORMAT:
            raise CatalogError([f"{path / _INDEX} has format {index.get('format')!r}: allowed is {_FORMAT}"])
        try:
            return cls(path, index)
        except (KeyError, TypeError) as error:
            raise CatalogError([f"{path / _INDEX} is incomplete: {error}"]) from None

    def model_ids(self) -> tuple[str, ...]:
        """Model ids in the lock, sorted."""
        return tuple(sorted(self._hashes))

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Versions of a model that the lock pins, newest first.

        Raises:
            CatalogError: The lock has no such model.
        """
        check_known(model_id, self._hashes, where="the lock")
        return newest_first(self._hashes[model_id])

    def model(self, model_id: str, version: str) -> ModelVersion:
        """Reads one pinned version.

        Raises:
            CatalogError: The lock has no such model or version, or the block does not match its hash.
        """
        check_known(model_id, self._hashes, version=version, where="the lock")
        file = self._path / _MODELS / f"{model_id}.json"
        block = _read(file).get(version)
        if block is None:
            raise CatalogError([f"{file} has no version {version}, which the index lists"])
        if _sha256(block) != self._hashes[model_id][version]:
            raise CatalogError([f"version {version} in {file} does not match its hash in the index"])
        try:
            return _from_block(model_id, version, block, self.registries)
        except (AttributeError, KeyError, TypeError) as error:
            raise CatalogError([f"version {version} in {file} is incomplete: {error!r}"]) from None


def render(source: Source, registries: Mapping[str, Registry], models: Iterable[ModelVersion]) -> dict[str, str]:
    """The text of every file of a lock, by path relative to its folder.

    Args:
        source: Where the facts come from.
        registries: Registry by region; an image elsewhere keeps its whole URI in its block.
        models: The versions to pin.
    """
    blocks: dict[str, dict[str, Any]] = {}
    for model in models:
        blocks.setdefault(model.model_id, {})[model.version] = _to_block(model, registries)
    index = {
        "format": _FORMAT,
        "source": asdict(source),
        "registries": {region: asdict(registry) for region, registry in registries.items()},
        "models": {
            model_id: {version: _sha256(block) for version, block in versions.items()}
            for model_id, versions in blocks.items()
        },
    }
    files = {f"{_MODELS}/{model_id}.json": _text(versions) for model_id, versions in blocks.items()}
    return {_INDEX: _text(index), **files}


def write(path: Path, files: Mapping[str, str]) -> None:
    """Makes a folder hold exactly the rendered files.

    Args:
        path: Folder of the lock; created if it is missing.
        files: What `render` gave.
    """
    (path / _MODELS).mkdir(parents=True, exist_ok=True)
    for stale in set((path / _MODELS).glob("*.json")) - {path / name for name in files}:
        stale.unlink()
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")


def verify(path: Path = DEFAULT_LOCK) -> tuple[str, ...]:
    """Everything wrong with a lock: form, order, hashes, and versions that do not resolve.

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
    models = []
    for model_id in lock.model_ids():
        for version in lock.versions(model_id):
            try:
                model = lock.model(model_id, version)
                for region in model.regions() or ("any region",):
                    model.resolve(region=region)
            except CatalogError as error:
                problems.extend(error.problems)
            else:
                models.append(model)
    if not problems:
        problems.extend(_differences(path, render(lock.source, lock.registries, models)))
    return tuple(problems)


def _differences(path: Path, files: Mapping[str, str]) -> Iterable[str]:
    """Files of a lock that are not the bytes that `render` gives for their content."""
    present = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    for name in sorted(present - files.keys()):
        yield f"{path / name} belongs to no model of the index"
    for name, text in files.items():
        if (path / name).read_text(encoding="utf-8") != text:
            yield f"{path / name} is not sorted and indented as the update command writes it"


def _to_block(model: ModelVersion, registries: Mapping[str, Registry]) -> dict[str, Any]:
    block = asdict(model)
    del block["model_id"], block["version"]
    block["instance_types"] = list(model.instance_types)
    block["variant_images"] = _families_by_alias(model.variant_images)
    block["images"] = {alias: _regions_by_name(uris, registries) for alias, uris in model.images.items()}
    return block


def _from_block(
    model_id: str, version: str, block: Mapping[str, Any], registries: Mapping[str, Registry]
) -> ModelVersion:
    images = {alias: _uris_by_region(names, registries) for alias, names in block["images"].items()}
    aliases = {variant: alias for alias, variants in block["variant_images"].items() for variant in variants}
    fields = {
        **block,
        "instance_types": tuple(block["instance_types"]),
        "variant_images": aliases,
        "images": images,
    }
    return ModelVersion(model_id=model_id, version=version, **fields)


def _families_by_alias(variant_images: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for variant in sorted(variant_images):
        grouped.setdefault(variant_images[variant], []).append(variant)
    return grouped


def _regions_by_name(uris: Mapping[str, str], registries: Mapping[str, Registry]) -> dict[str, list[str]]:
    """Regions of an alias by `repository:tag`, or by whole URI where the registry is not the region's."""
    grouped: dict[str, list[str]] = {}
    for region in sorted(uris):
        image = ImageUri.parse(uris[region])
        registry = registries.get(region)
        usual = registry is not None and uris[region] == _uri(region, registry, image.name)
        grouped.setdefault(image.name if usual else uris[region], []).append(region)
    return grouped


def _uris_by_region(names: Mapping[str, Iterable[str]], registries: Mapping[str, Registry]) -> dict[str, str]:
    # A whole URI has a slash after its host; a name never has one, because it is a repository and a tag.
    return {
        region: name if "/" in name else _uri(region, registries[region], name)
        for name, regions in names.items()
        for region in regions
    }


def _uri(region: str, registry: Registry, name: str) -> str:
    return str(ImageUri(account=registry.account, region=region, domain_suffix=registry.domain_suffix, name=name))


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogError([f"{path} does not exist: run python -m catalog update"]) from None
    except ValueError as error:
        raise CatalogError([f"{path} is not json: {error}"]) from None
    if not isinstance(document, dict):
        raise CatalogError([f"{path} is not a json object"])
    return document


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _sha256(block: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(block, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
