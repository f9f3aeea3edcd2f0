"""Blocks of the lock, one a model version, and the text of its files.

A block is a `ModelVersion` as short JSON that people can read:

- a field that is empty, false or null is left out;
- an image is `repository:tag`, as long as it lies in its region's registry, which the index knows;
- a set of more than four regions has a name in the index, made of their number and a hash of their names, so that
  the text of a block depends on its own model alone;
- instance families are listed by the image that they share;
- the facts of training stand below `training`, where they were read (`catalog.training.facts`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from catalog.spec import AdditionalDataSource, CatalogError, ImageUri, ModelVersion
from catalog.typed import checked

TRAINING = "training"
"""Key of a block's training facts, which are none of the `ModelVersion`."""

_LINE = 120
_MOST_UNNAMED_REGIONS = 4
_INDENT = "  "

_EMPTY: Mapping[str, Any] = {
    "gated": False,
    "eula_key": None,
    "artifact_key": None,
    "environment": {},
    "unsent_environment": {},
    "variant_images": {},
    "variant_environments": {},
    "images": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Registry that serves AWS's deep learning containers in a region.

    Attributes:
        account: AWS account of the registry.
        domain_suffix: Domain of the region's AWS partition.
        known_from: `aws-cdk-lib` for CDK's region facts; `images` where CDK has no account for the region and
            every published image there names the same one.
    """

    account: str
    domain_suffix: str
    known_from: str

    def uri(self, region: str, name: str) -> str:
        """Return the URI of an image in this registry; `name` is repository and tag."""
        return str(ImageUri(account=self.account, region=region, domain_suffix=self.domain_suffix, name=name))


def registry_table(uris: Iterable[str], accounts: Mapping[str, str | None]) -> dict[str, Registry]:
    """Return the registry of AWS's deep learning containers in each region that has images.

    Args:
        uris: Image URIs, of any models.
        accounts: Account of the registry by region, as CDK's region facts have it; None where they have none.

    Returns:
        Registry by region. A region is left out when CDK has no account for it and its images name several.
    """
    published: dict[str, set[ImageUri]] = {}
    for uri in uris:
        image = ImageUri.parse(uri)
        published.setdefault(image.region, set()).add(image)
    table = {}
    for region, images in published.items():
        account = accounts.get(region)
        named = {image.account for image in images}
        suffixes = {image.domain_suffix for image in images}
        if len(suffixes) != 1 or (account is None and len(named) != 1):
            continue
        table[region] = Registry(
            account=account or named.pop(),
            domain_suffix=suffixes.pop(),
            known_from="aws-cdk-lib" if account else "images",
        )
    return table


def unusual_images(uris: Iterable[str], registries: Mapping[str, Registry]) -> tuple[str, ...]:
    """Return the image URIs outside of their region's registry, sorted; a lock stores these whole."""
    return tuple(sorted(uri for uri in set(uris) if _short_name(uri, registries) is None))


def to_block(
    model: ModelVersion, registries: Mapping[str, Registry], region_sets: dict[str, list[str]]
) -> dict[str, Any]:
    """Return a model version as the lock stores it.

    Args:
        model: The version.
        registries: Registry by region.
        region_sets: Regions by name; missing sets that this block needs are added.
    """
    left_out = _left_out()
    block = {name: value for name, value in asdict(model).items() if name not in {"model_id", "version"}}
    block["variant_images"] = _families_by_alias(model.variant_images)
    block["images"] = {alias: _regions_by_name(uris, registries, region_sets) for alias, uris in model.images.items()}
    # Through JSON, so that a block that was made equals one that was read.
    plain: dict[str, Any] = json.loads(json.dumps(block))
    return {
        name: value for name, value in plain.items() if name not in left_out or value not in (left_out[name], [], {})
    }


def from_block(
    model_id: str,
    version: str,
    block: Mapping[str, Any],
    *,
    registries: Mapping[str, Registry],
    region_sets: Mapping[str, Sequence[str]],
) -> ModelVersion:
    """Read a block of `to_block`.

    Raises:
        CatalogError: A set of regions is not the one that the block was written with.
        KeyError: A field is missing, a region has no registry, or a set of regions is not there.
        TypeError: A field has the wrong form, or is unknown.
    """
    written = {**_EMPTY, **block}
    images = {alias: _uris_by_region(names, registries, region_sets) for alias, names in written["images"].items()}
    aliases = {variant: alias for alias, variants in written["variant_images"].items() for variant in variants}
    sources = tuple(AdditionalDataSource(**entry) for entry in written.get("additional_data_sources", ()))
    values: dict[str, Any] = {
        **{name: tuple(value) if isinstance(value, list) else value for name, value in written.items()},
        "variant_images": aliases,
        "images": images,
        "additional_data_sources": sources,
    }
    return checked(ModelVersion(model_id=model_id, version=version, **values), label=f"{model_id} {version}")


def set_name(regions: Iterable[str]) -> str:
    """Return the name of a set of regions, such as `35-regions-1f2e3d4c`."""
    names = sorted(regions)
    return f"{len(names)}-regions-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:8]}"


def digest(block: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a block, whatever its layout."""
    return hashlib.sha256(json.dumps(block, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def text(document: Mapping[str, Any], *, short_records: bool = False) -> str:
    """Return JSON for people: keys sorted, one entry a line, lists filled up to 120 characters a line.

    Args:
        document: The JSON object.
        short_records: Write an object of plain values on one line where it fits. Below the key `training` this is
            always so, and lists count as plain: a line is a hyperparameter.
    """
    return _lay_out(document, "", 0, (Mapping, list) if short_records else None) + "\n"


def _lay_out(value: Any, indent: str, before: int, not_plain: type | tuple[type, ...] | None) -> str:
    """Lay out a value; an object is written on one line where it holds nothing of the types `not_plain`, if given."""
    deeper = indent + _INDENT
    if isinstance(value, Mapping) and value:
        whole = json.dumps(value, sort_keys=True)
        plain = not_plain is not None and not any(isinstance(entry, not_plain) for entry in value.values())
        if plain and before + len(whole) < _LINE:
            return whole
        entries = []
        for name in sorted(value):
            key = f"{deeper}{json.dumps(name)}: "
            entries.append(key + _lay_out(value[name], deeper, len(key), Mapping if name == TRAINING else not_plain))
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and value:
        whole = json.dumps(value, sort_keys=True)
        if before + len(whole) < _LINE:
            return whole
        if any(isinstance(entry, Mapping | list) for entry in value):
            items = [deeper + _lay_out(entry, deeper, len(deeper), not_plain) for entry in value]
            return "[\n" + ",\n".join(items) + f"\n{indent}]"
        return "[\n" + _fill([json.dumps(entry) for entry in value], deeper) + f"\n{indent}]"
    return json.dumps(value)


def _fill(items: Iterable[str], indent: str) -> str:
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 3 < _LINE:
            lines[-1] += f", {item}"
        else:
            lines.append(indent + item)
    return ",\n".join(lines)


def _left_out() -> dict[str, Any]:
    """Return the values at which a field is left out, by field."""
    defaults = {field.name: field.default for field in fields(ModelVersion) if field.default is not MISSING}
    made = {
        field.name: field.default_factory() for field in fields(ModelVersion) if field.default_factory is not MISSING
    }
    return {**defaults, **made, **_EMPTY}


def _families_by_alias(variant_images: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for variant in sorted(variant_images):
        grouped.setdefault(variant_images[variant], []).append(variant)
    return grouped


def _regions_by_name(
    uris: Mapping[str, str], registries: Mapping[str, Registry], region_sets: dict[str, list[str]]
) -> dict[str, list[str] | str]:
    """Return the regions of an alias by `repository:tag`, or by whole URI where the registry is not the region's."""
    grouped: dict[str, list[str]] = {}
    for region in sorted(uris):
        grouped.setdefault(_short_name(uris[region], registries) or uris[region], []).append(region)
    written: dict[str, list[str] | str] = {}
    for name, regions in grouped.items():
        if len(regions) > _MOST_UNNAMED_REGIONS:
            region_sets[set_name(regions)] = regions
            written[name] = set_name(regions)
        else:
            written[name] = regions
    return written


def _short_name(uri: str, registries: Mapping[str, Registry]) -> str | None:
    image = ImageUri.parse(uri)
    registry = registries.get(image.region)
    return image.name if registry is not None and registry.uri(image.region, image.name) == uri else None


def _uris_by_region(
    names: Mapping[str, Sequence[str] | str],
    registries: Mapping[str, Registry],
    region_sets: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    uris = {}
    for name, written in names.items():
        regions = region_sets[written] if isinstance(written, str) else written
        if isinstance(written, str) and set_name(regions) != written:
            raise CatalogError([f"region set {written} holds {', '.join(regions)}: it was changed by hand"])
        for region in regions:
            # A whole URI has a registry before its repository; a short name begins with the repository.
            uris[region] = name if ".dkr.ecr." in name else registries[region].uri(region, name)
    return uris
