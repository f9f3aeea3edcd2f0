"""Training recipes: the fine-tuning part of JumpStart spec documents of any generation.

How fields are read follows the `sagemaker` SDK (2.257.1, `sagemaker.jumpstart.types` and `.artifacts`);
the parity tests compare the requests made from it with the SDK's. Like the SDK, a document's training configs are
applied only where one is asked for by its name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.deployment import CatalogError, bucket_name, instance_family
from catalog.document import with_components
from catalog.training.exclusive import conflicts
from catalog.training.hyperparameters import Hyperparameter, faults, on_instance
from catalog.typed import checked
from catalog.variants import images_by_alias, properties_of, references

# The arguments of the SDK's estimator that specs set. Another would change the request in a way that is not known.
_ESTIMATOR_ARGUMENTS = frozenset({"encrypt_inter_container_traffic", "disable_output_compression", "max_run"})

DEFAULT_MAX_RUNTIME_SECONDS = 86400
"""The SDK's `max_run` where the spec has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecipe:
    """Training recipe of one version of a JumpStart model.

    "Variant" stands for an instance family (`g5`) or an exact instance type; that of the exact type goes first.

    Attributes:
        model_id: JumpStart model id.
        version: Version of the spec.
        default_instance_type: Instance type that AWS chose for training.
        instance_types: Instance types that AWS supports training on, in the spec's order.
        variant_images: Alias of the training image, by variant.
        images: Full registry URI, by alias and then by region.
        script_key: Key of the training script's tarball in the public bucket.
        artifact_key: Key of the weights, in the gated bucket where `gated`; None where they come another way.
        variant_artifacts: Key of weights of their own, by variant.
        gated: Whether the weights lie in the private bucket.
        eula_key: Key of the licence's text in the public bucket, None where there is none.
        gated_keys: Key of the gated weights that the container reads itself, by variant.
        package_artifacts: URI of weights from a model package, by region.
        hyperparameters: The recipe's, the container's own among them.
        variant_hyperparameters: Further or other ones, by variant.
        metrics: `{"Name": ..., "Regex": ...}` each.
        variant_metrics: Further or other ones, by variant.
        variant_environments: Environment variables, by variant.
        max_runtime_seconds: The longest run.
        encrypts_traffic: Whether traffic between instances is encrypted.
        compresses_output: Whether the model is written as a `.tar.gz`.
        network_isolation: Whether the container runs without network.
        volume_size: Storage volume in GB where the instance type takes one, None if the spec asks for none.
        spec_sha256: SHA-256 of the document.
        config: The training config that was applied, None for none.
    """

    model_id: str
    version: str
    default_instance_type: str
    instance_types: tuple[str, ...]
    variant_images: Mapping[str, str]
    images: Mapping[str, Mapping[str, str]]
    script_key: str
    artifact_key: str | None
    gated: bool
    eula_key: str | None
    hyperparameters: tuple[Hyperparameter, ...]
    spec_sha256: str
    variant_artifacts: Mapping[str, str] = field(default_factory=dict)
    gated_keys: Mapping[str, str] = field(default_factory=dict)
    package_artifacts: Mapping[str, str] = field(default_factory=dict)
    variant_hyperparameters: Mapping[str, tuple[Hyperparameter, ...]] = field(default_factory=dict)
    metrics: tuple[Mapping[str, str], ...] = ()
    variant_metrics: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    variant_environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    max_runtime_seconds: int = DEFAULT_MAX_RUNTIME_SECONDS
    encrypts_traffic: bool = False
    compresses_output: bool = True
    network_isolation: bool = False
    volume_size: int | None = None
    config: str | None = None

    @property
    def label(self) -> str:
        """Name of the recipe in messages."""
        return f"{self.model_id} {self.version}"

    @property
    def takes_model_channel(self) -> bool:
        """True where the weights are a channel of the job; False where the container reads them itself."""
        reads_itself = any(self.gated_key(one) for one in self.instance_types) or self.package_artifacts
        return self.artifact_key is not None and not reads_itself

    @property
    def requires_eula(self) -> bool:
        """True where a licence has to be accepted."""
        return self.gated or self.eula_key is not None

    def image(self, region: str, instance_type: str) -> str | None:
        """Return the training image; None where there is none."""
        return self.images.get(self._variant(self.variant_images, instance_type) or "", {}).get(region)

    def image_regions(self, instance_type: str) -> tuple[str, ...]:
        """Return the regions with an image for an instance type, sorted."""
        return tuple(sorted(self.images.get(self._variant(self.variant_images, instance_type) or "", {})))

    def artifact(self, region: str, instance_type: str) -> str | None:
        """Return the URI of the weights of the model channel."""
        key = self._variant(self.variant_artifacts, instance_type) or self.artifact_key
        return f"s3://{bucket_name(region, 'gated' if self.gated else 'public')}/{key}" if key else None

    def script(self, region: str) -> str:
        """Return the URI of the training script."""
        return f"s3://{bucket_name(region, 'public')}/{self.script_key}"

    def gated_key(self, instance_type: str) -> str | None:
        """Return the key of the weights that the container reads itself."""
        return self._variant(self.gated_keys, instance_type)

    def gated_model(self, region: str, instance_type: str) -> str | None:
        """Return the URI of the weights that the container reads itself; None where it reads none.

        As in the SDK, an instance type that is not listed gets the weights of the listed ones, where those have all
        the same.
        """
        if region in self.package_artifacts:
            return self.package_artifacts[region]
        key = self.gated_key(instance_type)
        listed = {self.gated_key(one) for one in self.instance_types}
        if key is None and self.requires_eula and len(listed) == 1:
            (key,) = listed
        return f"s3://{bucket_name(region, 'gated')}/{key}" if key else None

    def hyperparameters_on(self, instance_type: str) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters on an instance type."""
        return on_instance(self.hyperparameters, self.variant_hyperparameters, instance_type)

    def hyperparameter_problems(self, values: Mapping[str, str], *, instance_type: str) -> list[str]:
        """Check values for hyperparameters, alone and beside the recipe's defaults; return one sentence a problem."""
        known = self.hyperparameters_on(instance_type)
        complete = {one.name: values.get(one.name, one.default) for one in known}
        return [
            *(str(fault) for fault in faults(known, values)),
            *conflicts(complete, model_id=self.model_id, instance_type=instance_type),
        ]

    def metrics_on(self, instance_type: str) -> list[dict[str, str]]:
        """Return the metric definitions on an instance type: those of the exact type, then of its family, come last."""
        own = {metric["Name"]: dict(metric) for metric in self.variant_metrics.get(instance_type, ())}
        for metric in self.variant_metrics.get(instance_family(instance_type), ()):
            own.setdefault(metric["Name"], dict(metric))
        return [dict(metric) for metric in self.metrics if metric["Name"] not in own] + list(own.values())

    def environment_on(self, instance_type: str) -> dict[str, str]:
        """Return the environment variables on an instance type."""
        family = self.variant_environments.get(instance_family(instance_type), {})
        return {**family, **self.variant_environments.get(instance_type, {})}

    @staticmethod
    def _variant(values: Mapping[str, str], instance_type: str) -> str | None:
        return values.get(instance_type) or values.get(instance_family(instance_type))


def read_recipe(document: Mapping[str, Any], *, config: str | None = None) -> TrainingRecipe:
    """Read the training part of a spec document.

    Args:
        document: The parsed JSON.
        config: Name of the training config to apply; the document's top level if None.

    Raises:
        CatalogError: The model cannot be fine-tuned, or the document lacks what every recipe has, or what it has is
            not of the form that the SDK reads, or the config is not on offer. All that applies is reported.
    """
    label = f"{document.get('model_id', 'a spec without model_id')} {document.get('version', '')}".rstrip()
    try:
        spec = _with_config(document, config, label)
        found = list(_problems(spec, label))
        if found:
            raise CatalogError(found)
        return checked(_recipe(document, spec, config), label=f"the training part of {label}")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CatalogError):
            raise
        raise CatalogError([f"the training part of {label} is not of a form that is known: {error!r}"]) from None


def spec_sha256(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a spec document, whatever its layout: the hash that the lock pins."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _with_config(document: Mapping[str, Any], config: str | None, label: str) -> Mapping[str, Any]:
    if config is None:
        return document
    offered: Mapping[str, Any] = document.get("training_configs") or {}
    if config not in offered:
        names = f"choose one of {', '.join(sorted(offered))}" if offered else "it has no training configs"
        raise CatalogError([f"training config {config!r} is not offered by {label}: {names}"])
    return with_components(document, config, kind="training", label=label)


def _problems(spec: Mapping[str, Any], label: str) -> Iterable[str]:
    if not spec.get("training_supported"):
        yield f"{label} cannot be fine-tuned: its spec has no training; choose another model or version"
        return
    if spec.get("deprecated"):
        yield f"{label} is withdrawn by AWS ({spec.get('deprecated_message') or 'deprecated'}): choose another version"
    if spec.get("training_vulnerable"):
        known = ", ".join(spec.get("training_vulnerabilities") or ()) or "not named"
        yield f"{label} trains with software of known vulnerabilities ({known}): choose another version"
    for name in ("model_id", "version", "default_training_instance_type"):
        if not isinstance(spec.get(name), str):
            yield f"{label} has {name} {spec.get(name)!r}: it must be text"
    if not spec.get("supported_training_instance_types"):
        yield f"{label} has no supported_training_instance_types: there must be at least one"
    if not (spec.get("training_instance_type_variants") or {}).get("variants"):
        # The SDK builds no URI from `training_ecr_specs` any more.
        yield f"{label} has no training_instance_type_variants, and so no training image: choose a newer version"
    if not (spec.get("training_prepacked_script_key") or spec.get("training_script_key")):
        yield f"{label} has no training script"
    unknown = sorted(set(spec.get("estimator_kwargs") or {}) - _ESTIMATOR_ARGUMENTS)
    unknown += sorted(spec.get("fit_kwargs") or {})
    if unknown:
        yield f"{label} sets {', '.join(unknown)} for training: known are {', '.join(sorted(_ESTIMATOR_ARGUMENTS))}"


def _recipe(document: Mapping[str, Any], spec: Mapping[str, Any], config: str | None) -> TrainingRecipe:
    block: Mapping[str, Any] = spec["training_instance_type_variants"]
    aliases: Mapping[str, Mapping[str, str]] = block.get("regional_aliases") or {}
    variants: Mapping[str, Mapping[str, Any]] = block["variants"]
    estimator: Mapping[str, Any] = spec.get("estimator_kwargs") or {}
    variant_images = references(variants, "image_uri", has_aliases=bool(aliases))
    isolation = spec.get("training_enable_network_isolation")
    return TrainingRecipe(
        model_id=spec["model_id"],
        version=spec["version"],
        default_instance_type=spec["default_training_instance_type"],
        instance_types=tuple(spec["supported_training_instance_types"]),
        variant_images=variant_images,
        images=images_by_alias(aliases, variant_images.values()),
        script_key=spec.get("training_prepacked_script_key") or spec["training_script_key"],
        artifact_key=spec.get("training_artifact_key") or None,
        gated=bool(spec.get("gated_bucket")),
        eula_key=spec.get("hosting_eula_key") or None,
        hyperparameters=_hyperparameters(spec.get("hyperparameters") or ()),
        spec_sha256=spec_sha256(document),
        variant_artifacts={
            variant: str(key)
            for variant, properties in properties_of(variants)
            if (key := properties.get("training_artifact_uri") or properties.get("training_artifact_key"))
        },
        gated_keys=_by_variant(variants, "gated_model_key_env_var_value"),
        package_artifacts=dict(spec.get("training_model_package_artifact_uris") or {}),
        variant_hyperparameters={
            variant: _hyperparameters(entries) for variant, entries in _by_variant(variants, "hyperparameters").items()
        },
        metrics=_metrics(spec.get("metrics") or ()),
        variant_metrics={name: _metrics(metrics) for name, metrics in _by_variant(variants, "metrics").items()},
        variant_environments=_by_variant(variants, "environment_variables"),
        max_runtime_seconds=int(estimator.get("max_run") or DEFAULT_MAX_RUNTIME_SECONDS),
        encrypts_traffic=bool(estimator.get("encrypt_inter_container_traffic")),
        compresses_output=not estimator.get("disable_output_compression"),
        network_isolation=bool(isolation),
        volume_size=spec.get("training_volume_size"),
        config=config,
    )


def _by_variant(variants: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Any]:
    return {variant: properties[name] for variant, properties in properties_of(variants) if properties.get(name)}


def _metrics(entries: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    return tuple({name: entry[name] for name in ("Name", "Regex")} for entry in entries)


def _hyperparameters(entries: Sequence[Mapping[str, Any]]) -> tuple[Hyperparameter, ...]:
    return tuple(Hyperparameter.read(entry) for entry in entries)
