"""The rule that turns a JumpStart model version into what SageMaker's `CreateModel` needs.

The rule follows the `sagemaker` SDK (2.257, package `sagemaker.jumpstart.artifacts`):

- image: the entry of the exact instance type, else the entry of its family; the entry names an alias, and
  the alias has one registry URI per region;
- environment: the spec's own variables, then those of the family, then those of the exact type;
- artifact: that of the exact type, else of its family, else the version's own, in the region's JumpStart bucket;
- model package: where there is one for the region, it is sent instead of image and artifact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from catalog.deployment import (
    DRAFT_MODEL_REGIONS,
    AdditionalModelData,
    BucketKind,
    CatalogError,
    ContainerFamily,
    Deployment,
    ImageUri,
    bucket_name,
    container_family,
    instance_family,
    licence_url,
    serves_from_model_data,
    takes_volume_size,
)
from catalog.paths import model_id_problem
from catalog.versions import check_known, newest_first, version_order

__all__ = [
    "AdditionalDataSource",
    "AdditionalModelData",
    "CatalogError",
    "ContainerFamily",
    "Deployment",
    "ImageUri",
    "ModelVersion",
    "check_known",
    "newest_first",
    "serves_from_model_data",
    "version_order",
]

_ARTIFACT_BYTES: Mapping[str, int] = {
    # AWS Machine Learning Blog, "Falcon 180B foundation model from TII is now available via Amazon SageMaker
    # JumpStart" (September 2023), gives 335 GB for the model of 180B parameters, base and chat alike.
    "huggingface-llm-falcon-180b-bf16": 335_000_000_000,
    "huggingface-llm-falcon-180b-chat-bf16": 335_000_000_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AdditionalDataSource:
    """Model data of a version beside its artifact.

    Attributes:
        channel_name: Name of its folder in the container.
        key: Key of the object or prefix in the bucket.
        bucket: Bucket of the region: `draft`, `public` or `gated`.
        data_type: `S3Prefix` or `S3Object`.
        compression: `None` or `Gzip`.
        eula_key: Key of the text of its own licence in the public bucket; None for no licence.
    """

    channel_name: str
    key: str
    bucket: BucketKind = "draft"
    data_type: str = "S3Prefix"
    compression: str = "None"
    eula_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """One version of a JumpStart model, as any source describes it.

    Attributes:
        model_id: JumpStart model id.
        version: Version of the spec, numbers joined by dots.
        default_instance_type: Instance type that AWS chose for the version.
        instance_types: Instance types that AWS supports the version on, sorted.
        artifact_key: Key of the artifact in the JumpStart bucket: an object that ends in `.tar.gz` or a
            prefix that ends in `/`. None for a model sold as a model package.
        gated: Whether the artifact lies in the private bucket.
        eula_key: Key of the licence's text in the public bucket, None where the source knows none.
        environment: Variables for the container that hold on every instance type.
        unsent_environment: Variables that the spec lists but that the SDK leaves out of `CreateModel`.
        variant_images: Alias of the image, by instance family (`g5`) or exact instance type. An image that is
            given without alias is its own.
        variant_environments: Further variables, by instance family or exact instance type.
        images: Full registry URI, by alias and then by region.
        spec_sha256: SHA-256 of the document this was read from, as the source gives it.
        variant_artifacts: Key of an artifact of their own, by instance family or exact instance type.
        model_packages: ARN of the model package, by region.
        variant_model_packages: ARN of the model package, by instance family or exact instance type and then by
            region; goes before `model_packages`.
        additional_data_sources: Model data beside the artifact.
        config: Name of the inference config that was applied, None for a spec without.
        configs: Names of the inference configs on offer, sorted.
        deprecated: Whether AWS has withdrawn the version.
        network_isolation: The spec's value; None where the source has dropped it.
        volume_size: Size of the storage volume in GB that the spec asks for, None if it asks for none.
        inference_ami_version: Machine image of the instances that the spec asks for, None if it asks for none.
    """

    model_id: str
    version: str
    default_instance_type: str
    instance_types: tuple[str, ...]
    artifact_key: str | None
    gated: bool
    eula_key: str | None
    environment: Mapping[str, str]
    unsent_environment: Mapping[str, str]
    variant_images: Mapping[str, str]
    variant_environments: Mapping[str, Mapping[str, str]]
    images: Mapping[str, Mapping[str, str]]
    spec_sha256: str
    variant_artifacts: Mapping[str, str] = field(default_factory=dict)
    model_packages: Mapping[str, str] = field(default_factory=dict)
    variant_model_packages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    additional_data_sources: tuple[AdditionalDataSource, ...] = ()
    config: str | None = None
    configs: tuple[str, ...] = ()
    deprecated: bool = False
    network_isolation: bool | None = None
    volume_size: int | None = None
    inference_ami_version: str | None = None

    def __post_init__(self) -> None:
        """Refuse an id of which no file's name can be made, whichever source it is from.

        Raises:
            CatalogError: The id is none.
        """
        problem = model_id_problem(self.model_id)
        if problem:
            raise CatalogError([problem])

    @property
    def requires_eula(self) -> bool:
        """True where the spec names a licence that has to be accepted."""
        return bool(self.eula_keys)

    @property
    def eula_keys(self) -> tuple[str, ...]:
        """Keys of all licences in the public bucket: the model's own first, then those of additional data."""
        keys = (self.eula_key, *(source.eula_key for source in self.additional_data_sources))
        return tuple(key for key in keys if key)

    def regions(self) -> tuple[str, ...]:
        """Regions where the default instance type's model package or image is published, sorted."""
        return self._regions(self.default_instance_type)

    def resolve(
        self,
        *,
        region: str,
        instance_type: str | None = None,
        allow_unlisted_instance_type: bool = False,
    ) -> Deployment:
        """Return the input of `CreateModel` in one region on one instance type.

        Args:
            region: AWS region.
            instance_type: SageMaker instance type; the version's default if None.
            allow_unlisted_instance_type: Take an instance type that AWS does not list for the version, as
                long as there is an image for its family. Falcon 180B on `ml.p4d.24xlarge` needs it.

        Raises:
            CatalogError: The instance type is not supported, or there is no image or model package for it, for
                the region, or no artifact. All that applies is reported.
        """
        chosen = instance_type or self.default_instance_type
        packages = self._packages(chosen)
        package = packages.get(region)
        packaged = package is not None or bool(self.model_packages) or self._sold
        problems = [
            *self._instance_type_problems(chosen, allow_unlisted=allow_unlisted_instance_type),
            *(self._package_problems(packages, region) if packaged else self._container_problems(chosen, region)),
        ]
        if problems:
            raise CatalogError(problems)

        image = None if package else self.images[self._image_alias(chosen) or ""][region]
        artifact = None if package else self._artifact_key(chosen)
        environment = self._environment(chosen)
        isolation = serves_from_model_data(environment) if self.network_isolation is None else self.network_isolation
        sources = () if package else self.additional_data_sources
        return Deployment(
            model_id=self.model_id,
            version=self.version,
            region=region,
            instance_type=chosen,
            image=image,
            model_data=_uri(region, "gated" if self.gated else "public", artifact) if artifact else None,
            compressed=artifact is not None and not artifact.endswith("/"),
            gated=self.gated and artifact is not None,
            requires_eula=self.requires_eula,
            eula=licence_url(region, self.eula_key, image=image) if self.eula_key else None,
            environment=environment,
            container=container_family(
                image or self.images.get(self._image_alias(chosen) or "", {}).get(region), model_id=self.model_id
            ),
            artifact_bytes=_ARTIFACT_BYTES.get(self.model_id),
            network_isolation=package is not None or isolation,
            model_package=package,
            takes_environment=not self._sold,
            additional_model_data=tuple(_additional(source, region, image) for source in sources),
            volume_size=self.volume_size if takes_volume_size(chosen) else None,
            inference_ami_version=self.inference_ami_version,
        )

    @property
    def _sold(self) -> bool:
        """True where the model is a package without an image of its own: one that a third party sells."""
        return not self.variant_images and bool(self.model_packages or self.variant_model_packages)

    def _image_alias(self, instance_type: str) -> str | None:
        return self.variant_images.get(instance_type) or self.variant_images.get(instance_family(instance_type))

    def _artifact_key(self, instance_type: str) -> str | None:
        own = self.variant_artifacts.get(instance_type) or self.variant_artifacts.get(instance_family(instance_type))
        return own or self.artifact_key

    def _packages(self, instance_type: str) -> Mapping[str, str]:
        own = self.variant_model_packages.get(instance_type)
        if own is None:
            own = self.variant_model_packages.get(instance_family(instance_type), {})
        return {**self.model_packages, **own}

    def _environment(self, instance_type: str) -> dict[str, str]:
        if self._sold:
            return {}
        return {
            **self.environment,
            **self.variant_environments.get(instance_family(instance_type), {}),
            **self.variant_environments.get(instance_type, {}),
        }

    def _regions(self, instance_type: str) -> tuple[str, ...]:
        alias = self._image_alias(instance_type)
        images = {} if self.model_packages else self.images.get(alias or "", {})
        return tuple(sorted({**images, **self._packages(instance_type)}))

    def _instance_type_problems(self, instance_type: str, *, allow_unlisted: bool) -> Iterable[str]:
        if instance_type in self.instance_types or allow_unlisted:
            return
        problem = f"instance type {instance_type!r} is not supported by {self._label}"
        runs = self._image_alias(instance_type) or self._packages(instance_type)
        override = ", or allow_unlisted_instance_type" if runs else ""
        yield f"{problem}: choose one of {', '.join(self.instance_types)}{override}"

    def _package_problems(self, packages: Mapping[str, str], region: str) -> Iterable[str]:
        if region not in packages:
            regions = ", ".join(sorted(packages)) or "none"
            yield f"{self._label} has no model package in region {region!r}: allowed are {regions}"

    def _container_problems(self, instance_type: str, region: str) -> Iterable[str]:
        alias = self._image_alias(instance_type)
        if not self.variant_images:
            yield f"{self._label} has no image in the catalogue: choose another version"
        elif alias is None:
            variants = ", ".join(sorted(self.variant_images))
            yield f"{self._label} has no image for instance type {instance_type!r}: it has images for {variants}"
        regions = sorted(self.images.get(alias, {})) if alias else self.regions()
        if regions and region not in regions:
            yield f"{self._label} has no image in region {region!r}: choose one of {', '.join(regions)}"
        elif alias is not None and not regions:
            yield f"{self._label} has no image in any region for instance type {instance_type!r}: choose another"
        if self._artifact_key(instance_type) is None:
            yield (
                f"{self._label} has no artifact: it is sold as a model package, whose arns the catalogue does not have"
            )
        drafts = any(source.bucket == "draft" for source in self.additional_data_sources)
        if drafts and region not in DRAFT_MODEL_REGIONS:
            regions = sorted(DRAFT_MODEL_REGIONS.intersection(regions))
            yield f"{self._label} has no draft model in region {region!r}: choose one of {', '.join(regions)}"

    @property
    def _label(self) -> str:
        return f"{self.model_id} {self.version}"


def _uri(region: str, bucket: BucketKind, key: str) -> str:
    return f"s3://{bucket_name(region, bucket)}/{key}"


def _additional(source: AdditionalDataSource, region: str, image: str | None) -> AdditionalModelData:
    return AdditionalModelData(
        channel_name=source.channel_name,
        uri=_uri(region, source.bucket, source.key),
        data_type=source.data_type,
        compression=source.compression,
        eula=licence_url(region, source.eula_key, image=image) if source.eula_key else None,
    )
