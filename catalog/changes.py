"""Differences between two versions of a model, or between two locks, in words: one line a change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from catalog.lock import Entry
from catalog.spec import ImageUri, ModelVersion
from catalog.training import facts as training

_NOTHING = "nothing that a deployment uses"
_PLAIN = {
    "default_instance_type": "default instance type",
    "artifact_key": "artifact",
    "gated": "gated",
    "eula_key": "EULA",
    "config": "inference config",
    "deprecated": "deprecated",
    "network_isolation": "network isolation",
    "volume_size": "volume size in GB",
    "inference_ami_version": "machine image",
}


def lock_changes(before: Iterable[Entry], after: Iterable[Entry]) -> Iterator[str]:
    """Describe the changes of a lock by an update.

    The newest version of a model is compared with the newest one before it, a pinned version with itself.

    Args:
        before: Entries before the update.
        after: Entries after it.

    Yields:
        One line a change, by model id; none where the locks hold the same.
    """
    left, right = _by_model(before), _by_model(after)
    for model_id in sorted({*left, *right}):
        old, new = left.get(model_id, {}), right.get(model_id, {})
        was, now = _newest(old), _newest(new)
        bumped = was is not None and now is not None and was.model.version != now.model.version
        if was is not None and now is not None and bumped:
            yield from _entry_changes(was, now)
        for version in sorted({*old, *new}):
            yield from _version_changes(old.get(version), new.get(version), bumped=bumped)


def model_changes(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    """Describe the differences between two versions of a model, or of two models.

    Args:
        before: One version.
        after: The other version.

    Yields:
        One line a change, each beginning with the compared versions; none where nothing differs.
    """
    if before == after:
        return
    changes = [
        *_plain_changes(before, after),
        *_set_changes("instance types", before.instance_types, after.instance_types),
        *_image_changes(before, after),
        *_set_changes("regions", before.regions(), after.regions()),
        *_mapping_changes("environment", before.environment, after.environment),
        *_mapping_changes("unsent environment", before.unsent_environment, after.unsent_environment),
        *_nested_changes(before, after),
        *_mapping_changes("artifact", before.variant_artifacts, after.variant_artifacts),
        *_mapping_changes("model package", before.model_packages, after.model_packages),
        *_set_changes("inference configs", before.configs, after.configs),
        *_set_changes("additional data", _additional(before), _additional(after)),
    ]
    label = _label(before, after)
    yield from (f"{label}: {change}" for change in changes or [_NOTHING])


def _by_model(entries: Iterable[Entry]) -> dict[str, dict[str, Entry]]:
    grouped: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        grouped.setdefault(entry.model.model_id, {})[entry.model.version] = entry
    return grouped


def _newest(entries: Mapping[str, Entry]) -> Entry | None:
    return next((entry for entry in entries.values() if entry.newest), None)


def _version_changes(before: Entry | None, after: Entry | None, *, bumped: bool) -> Iterator[str]:
    if before is not None and after is not None:
        yield from _entry_changes(before, after)
        if before.pinned != after.pinned:
            state = "pinned" if after.pinned else "no longer pinned"
            yield f"{after.model.model_id} {after.model.version}: {state}"
        return
    entry = before or after
    # A newest version that gave way to another, or took its place, has been compared with it.
    if entry is None or (bumped and entry.newest and not entry.pinned):
        return
    reasons = [reason for reason in ("newest", "pinned") if getattr(entry, reason)]
    verb = "leaves the lock" if before is not None else "joins the lock"
    yield f"{entry.model.model_id} {entry.model.version}: {verb} ({' and '.join(reasons) or 'no reason'})"


def _entry_changes(before: Entry, after: Entry) -> Iterator[str]:
    """Describe the differences of hosting, then those of training."""
    label = _label(before.model, after.model)
    recipe = [f"{label}: {change}" for change in training.changes(before.training, after.training)]
    hosting = model_changes(before.model, after.model)
    yield from (change for change in hosting if not recipe or change != f"{label}: {_NOTHING}")
    yield from recipe


def _label(before: ModelVersion, after: ModelVersion) -> str:
    left, right = f"{before.model_id} {before.version}", f"{after.model_id} {after.version}"
    if before.model_id == after.model_id:
        right = after.version
    return left if before.version == after.version and before.model_id == after.model_id else f"{left} -> {right}"


def _plain_changes(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    for name, title in _PLAIN.items():
        yield from _value_change(title, getattr(before, name), getattr(after, name))


def _value_change(title: str, before: Any, after: Any) -> Iterator[str]:
    if before != after:
        yield f"{title}: {_word(before)} -> {_word(after)}"


def _word(value: Any) -> str:
    return {None: "none", True: "yes", False: "no", "": "''"}.get(value, str(value))


def _set_changes(title: str, before: Iterable[str], after: Iterable[str]) -> Iterator[str]:
    left, right = set(before), set(after)
    changed = [f"+{name}" for name in sorted(right - left)] + [f"-{name}" for name in sorted(left - right)]
    if changed:
        yield f"{title}: {', '.join(changed)}"


def _mapping_changes(title: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        yield from _value_change(f"{title} {name}", before.get(name), after.get(name))


def _nested_changes(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    for title, left, right in (
        ("environment", before.variant_environments, after.variant_environments),
        ("model package", before.variant_model_packages, after.variant_model_packages),
    ):
        for variant in sorted({*left, *right}):
            yield from _mapping_changes(f"{title} on {variant}", left.get(variant, {}), right.get(variant, {}))


def _image_changes(before: ModelVersion, after: ModelVersion) -> Iterator[str]:
    """Describe changes of images, a line for all instance families that change alike, whatever their aliases are."""
    left, right = _image_names(before), _image_names(after)
    grouped: dict[tuple[str, str], list[str]] = {}
    for variant in sorted({*left, *right}):
        old, new = left.get(variant, "none"), right.get(variant, "none")
        if old != new:
            grouped.setdefault((old, new), []).append(variant)
    for (old, new), variants in grouped.items():
        yield f"image on {', '.join(variants)}: {old} -> {new}"


def _image_names(model: ModelVersion) -> dict[str, str]:
    names = {}
    for variant, alias in model.variant_images.items():
        found = {ImageUri.parse(uri).name for uri in model.images.get(alias, {}).values()}
        names[variant] = " or ".join(sorted(found)) or "none"
    return names


def _additional(model: ModelVersion) -> list[str]:
    return [f"{source.channel_name} from {source.key}" for source in model.additional_data_sources]
