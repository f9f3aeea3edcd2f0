"""Reader of instance type variants, a block that hosting and training specs share.

`{"regional_aliases": {region: {alias: value}}, "variants": {family or exact type: {"properties": {...},
"regional_properties": {name: "$alias"}}}}`; the rule is that of `JumpStartInstanceTypeVariants` in the `sagemaker`
SDK (2.257.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.deployment import CatalogError, ImageUri


def properties_of(variants: Mapping[str, Mapping[str, Any]]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    """Return properties by instance family or exact type."""
    return ((variant, fields.get("properties") or {}) for variant, fields in variants.items())


def references(variants: Mapping[str, Mapping[str, Any]], name: str, *, has_aliases: bool) -> dict[str, str]:
    """Return the alias, or the value itself where there is no alias, by instance family or exact type."""
    regional: dict[str, str] = {}
    for variant, fields in variants.items():
        value = (fields.get("regional_properties") or {}).get(name)
        if value is None and not has_aliases:
            # Documents of one region have the value where others have a reference.
            value = (fields.get("properties") or {}).get(name)
        if value:
            regional[variant] = value.removeprefix("$")
    return regional


def images_by_alias(aliases: Mapping[str, Mapping[str, str]], references: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the image's URI by alias and region, without aliases of other things, such as model packages."""
    images: dict[str, dict[str, str]] = {}
    for region, named in aliases.items():
        for alias, value in named.items():
            if _image(value):
                images.setdefault(alias, {})[region] = value
    for reference in references:
        image = _image(reference)
        if image and reference not in images:
            # SageMaker takes images of its own region only.
            images[reference] = {image.region: reference}
    return images


def _image(value: str) -> ImageUri | None:
    try:
        return ImageUri.parse(value)
    except CatalogError:
        return None
