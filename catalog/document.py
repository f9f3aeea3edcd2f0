"""Reader of JumpStart spec documents of any generation, as the public cache holds them.

A document either has image, artifact and environment at its top level, or offers several inference configs:
lists of components, each of which overrides fields of the top level. What is read here and how follows the
`sagemaker` SDK (2.257.1, `sagemaker.jumpstart.types`); the parity tests hold it to that.

Fields that say nothing about an endpoint, such as those for training, are ignored; so is
`hosting_resource_requirements`, which belongs to inference components.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from catalog.deployment import BucketKind, CatalogError
from catalog.spec import AdditionalDataSource, ModelVersion
from catalog.typed import checked
from catalog.variants import images_by_alias, properties_of, references
from catalog.versions import version_order

# What a component must not change; the SDK's `JumpStartConfigComponent.OVERRIDING_DENY_LIST`.
_NOT_OVERRIDDEN = frozenset(
    {
        "model_id",
        "url",
        "version",
        "min_sdk_version",
        "deprecated",
        "deprecated_message",
        "deprecate_warn_message",
        "resource_name_base",
        "gated_bucket",
        "training_supported",
        "incremental_training_supported",
    }
)

_RANKING = "overall"


def read_document(document: Mapping[str, Any], *, config: str | None = None) -> ModelVersion:
    """Read a spec document.

    Args:
        document: The parsed JSON.
        config: Name of the inference config to apply; the one that AWS ranks first if None.

    Raises:
        CatalogError: The document lacks what every spec has, or what it has is not of the form that the SDK
            reads, or the config is not on offer. All that applies is reported.
    """
    label = f"{document.get('model_id', 'a spec without model_id')} {document.get('version', '')}".rstrip()
    try:
        applied = _applied_config(document, config, label)
        spec = _with_config(document, applied, label) if applied else document
        problems = list(_problems(spec, label))
        if problems:
            raise CatalogError(problems)
        return checked(_model_version(document, spec, applied), label=label)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CatalogError):
            raise
        raise CatalogError([f"{label} is not of a form that is known: {error!r}"]) from None


def _applied_config(document: Mapping[str, Any], config: str | None, label: str) -> str | None:
    """Return the name of the config to apply: the one asked for, the one ranked first, or the alphabetically first."""
    offered: Mapping[str, Any] = document.get("inference_configs") or {}
    if config is not None:
        if config not in offered:
            names = f"choose one of {', '.join(sorted(offered))}" if offered else "it has no configs"
            raise CatalogError([f"config {config!r} is not offered by {label}: {names}"])
        return config
    rankings: Mapping[str, Any] = document.get("inference_config_rankings") or {}
    ranked: Sequence[str] = (rankings.get(_RANKING) or {}).get("rankings") or sorted(offered)
    if not offered:
        return None
    if ranked[0] not in offered:
        names = ", ".join(sorted(offered))
        raise CatalogError([f"{label} ranks config {ranked[0]!r} first, which it does not have: it has {names}"])
    return ranked[0]


def _with_config(document: Mapping[str, Any], config: str, label: str) -> Mapping[str, Any]:
    """Return the document's fields with those of the config's components over them."""
    spec = with_components(document, config, kind="inference", label=label)
    if spec.get("hosting_model_package_arns"):
        # A packaged config has its variables inside; the SDK sends only those of the instance type.
        spec = {**spec, "inference_environment_variables": []}
    return spec


def with_components(
    document: Mapping[str, Any], config: str, *, kind: Literal["inference", "training"], label: str
) -> Mapping[str, Any]:
    """Return the document's fields with those of a config's components over them, in their order.

    Args:
        document: The parsed JSON.
        config: Name of a config that the document has.
        kind: Kind of the config.
        label: Name of the document in messages.

    Raises:
        CatalogError: The config names components that the document does not have.
    """
    components: Mapping[str, Any] = document.get(f"{kind}_config_components") or {}
    names: Sequence[str] = document[f"{kind}_configs"][config].get("component_names") or ()
    missing = sorted(set(names) - set(components))
    if missing:
        raise CatalogError([f"config {config!r} of {label} names components it does not have: {', '.join(missing)}"])
    spec: Mapping[str, Any] = document
    for name in names:
        overrides = {field: value for field, value in components[name].items() if field not in _NOT_OVERRIDDEN}
        # A null of the base is as good as absent then, and takes the field's default.
        spec = _overridden(_without_nulls(spec), overrides)
    return spec


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        field: _without_nulls(value) if isinstance(value, Mapping) else value
        for field, value in fields.items()
        if value is not None
    }


def _overridden(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Merge objects, however deep; replace everything else, lists and empty objects too."""
    merged = dict(base)
    for field, value in overrides.items():
        present = merged.get(field)
        deeper = isinstance(present, Mapping) and isinstance(value, Mapping) and value
        merged[field] = _overridden(present, value) if deeper and isinstance(present, Mapping) else value
    return merged


def _problems(spec: Mapping[str, Any], label: str) -> Iterable[str]:
    for field in ("model_id", "version", "default_inference_instance_type"):
        if not isinstance(spec.get(field), str):
            yield f"{label} has {field} {spec.get(field)!r}: it must be text"
    if isinstance(spec.get("version"), str):
        try:
            version_order(spec["version"])
        except CatalogError as error:
            yield from error.problems
    if not spec.get("supported_inference_instance_types"):
        yield f"{label} has no supported_inference_instance_types: there must be at least one"


def _model_version(document: Mapping[str, Any], spec: Mapping[str, Any], config: str | None) -> ModelVersion:
    hosting: Mapping[str, Any] = spec.get("hosting_instance_type_variants") or {}
    aliases: Mapping[str, Mapping[str, str]] = hosting.get("regional_aliases") or {}
    variants: Mapping[str, Mapping[str, Any]] = hosting.get("variants") or {}
    variables: Sequence[Mapping[str, Any]] = spec.get("inference_environment_variables") or ()
    variant_images = references(variants, "image_uri", has_aliases=bool(aliases))
    packages = references(variants, "model_package_arn", has_aliases=bool(aliases))
    prepacked = bool(spec.get("hosting_prepacked_artifact_key")) or spec.get("hosting_use_script_uri", True) is False
    return ModelVersion(
        model_id=spec["model_id"],
        version=spec["version"],
        default_instance_type=spec["default_inference_instance_type"],
        instance_types=tuple(sorted(set(spec["supported_inference_instance_types"]))),
        artifact_key=spec.get("hosting_prepacked_artifact_key" if prepacked else "hosting_artifact_key") or None,
        gated=bool(spec.get("gated_bucket")),
        eula_key=spec.get("hosting_eula_key") or None,
        environment=_variables(variables, required=True),
        unsent_environment=_variables(variables, required=False),
        variant_images=variant_images,
        variant_environments={
            variant: _strings(properties["environment_variables"])
            for variant, properties in properties_of(variants)
            if properties.get("environment_variables")
        },
        images=images_by_alias(aliases, variant_images.values()),
        spec_sha256=hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
        variant_artifacts=_artifacts(variants, "prepacked_artifact_key" if prepacked else "artifact_key"),
        model_packages=dict(spec.get("hosting_model_package_arns") or {}),
        variant_model_packages={variant: _package(aliases, name) for variant, name in packages.items()},
        additional_data_sources=tuple(_additional_data_sources(spec)),
        config=config,
        configs=tuple(sorted(document.get("inference_configs") or ())),
        deprecated=bool(spec.get("deprecated")),
        network_isolation=_network_isolation(spec),
        volume_size=spec.get("inference_volume_size"),
        inference_ami_version=(spec.get("deploy_kwargs") or {}).get("inference_ami_version"),
    )


def _package(aliases: Mapping[str, Mapping[str, str]], reference: str) -> dict[str, str]:
    match reference.split(":"):
        case ["arn", _, _, region, *_]:
            return {region: reference}
        case _:
            return {region: named[reference] for region, named in aliases.items() if reference in named}


def _artifacts(variants: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, str]:
    return {variant: properties[name] for variant, properties in properties_of(variants) if properties.get(name)}


def _variables(variables: Sequence[Mapping[str, Any]], *, required: bool) -> dict[str, str]:
    return _strings(
        {
            variable["name"]: variable["default"]
            for variable in variables
            if bool(variable.get("required_for_model_class")) is required
        }
    )


def _strings(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in variables.items()}


def _additional_data_sources(spec: Mapping[str, Any]) -> Iterable[AdditionalDataSource]:
    # The SDK sends those for speculative decoding; it keeps `scripts` to itself.
    sources: Mapping[str, Any] = spec.get("hosting_additional_data_sources") or {}
    for source in sources.get("speculative_decoding") or ():
        data = source["s3_data_source"]
        yield AdditionalDataSource(
            channel_name=source["channel_name"],
            key=_key(data["s3_uri"]),
            bucket=_bucket(source.get("provider") or {}),
            data_type=data["s3_data_type"],
            compression=data["compression_type"],
            eula_key=source.get("hosting_eula_key") or None,
        )


def _bucket(provider: Mapping[str, str]) -> BucketKind:
    if provider.get("name") != "JumpStart":
        return "draft"
    return "gated" if provider.get("classification") == "gated" else "public"


def _key(uri: str) -> str:
    """Return the key of a URI; the region's own bucket replaces one in it."""
    return uri.removeprefix("s3://").partition("/")[2] if uri.startswith("s3://") else uri


def _network_isolation(spec: Mapping[str, Any]) -> bool:
    stated = spec.get("inference_enable_network_isolation", False)
    return bool((spec.get("model_kwargs") or {}).get("enable_network_isolation") if stated is None else stated)
