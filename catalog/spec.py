"""The rule that turns a JumpStart model version into what SageMaker's `CreateModel` needs.

The rule follows the `sagemaker` SDK (2.257, package `sagemaker.jumpstart.artifacts`):

- image: the entry of the exact instance type, else the entry of its family; the entry names an alias, and
  the alias has one registry URI per region;
- environment: the spec's own variables, then those of the family, then those of the exact type;
- artifact: the prepacked one if there is one, in the region's JumpStart bucket.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

ContainerFamily = Literal["tgi", "lmi", "other"]
"""How a container talks: Text Generation Inference, Large Model Inference (DJL), or anything else."""

_CONTAINERS: Mapping[str, ContainerFamily] = {
    "huggingface-pytorch-tgi-inference": "tgi",
    "djl-inference": "lmi",
}

_ARTIFACT_BYTES: Mapping[str, int] = {
    # AWS Machine Learning Blog, "Falcon 180B foundation model from TII is now available via Amazon SageMaker
    # JumpStart" (September 2023), gives 335 GB for the model of 180B parameters, base and chat alike.
    "huggingface-llm-falcon-180b-bf16": 335_000_000_000,
    "huggingface-llm-falcon-180b-chat-bf16": 335_000_000_000,
}

# Where each serving container reads the name of its model from. A value outside the model directory is the
# name of a repository on a hub, which the container downloads at start.
_MODEL_NAME_VARIABLES = ("HF_MODEL_ID", "OPTION_MODEL_ID")
_MODEL_DIRECTORY = "/opt/ml/model"

_SUGGESTIONS = 4

_IMAGE_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain_suffix>[a-z0-9.-]+)/(?P<name>.+)"
)


class CatalogError(ValueError):
    """Everything that is wrong with one request to the catalogue, at once.

    Attributes:
        problems: One sentence each, with the value and what is allowed.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageUri:
    """A container image in a region's registry, taken apart.

    Attributes:
        account: AWS account that owns the registry, 12 digits.
        region: AWS region of the registry.
        domain_suffix: Domain of the region's AWS partition, such as `amazonaws.com` or `amazonaws.com.cn`.
        name: Repository and tag, such as `djl-inference:0.28.0-lmi10.0.0-cu124`.
    """

    account: str
    region: str
    domain_suffix: str
    name: str

    @classmethod
    def parse(cls, uri: str) -> ImageUri:
        """Takes a URI apart.

        Raises:
            CatalogError: The text is not the URI of an image in Elastic Container Registry.
        """
        match = _IMAGE_URI.fullmatch(uri)
        if match is None:
            form = "<account>.dkr.ecr.<region>.<domain>/<repository>:<tag>"
            raise CatalogError([f"{uri!r} is not an image uri of the form {form}"])
        return cls(**match.groupdict())

    @property
    def repository(self) -> str:
        """The repository without tag or digest."""
        return re.split("[:@]", self.name, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"{self.account}.dkr.ecr.{self.region}.{self.domain_suffix}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything `CreateModel` needs for one model version on one instance type in one region.

    Attributes:
        model_id: JumpStart model id.
        version: Version of the model's spec.
        region: AWS region.
        instance_type: SageMaker instance type, such as `ml.g5.2xlarge`.
        image: Full registry URI of the serving container.
        model_data: `s3://` URI of the artifact, in the gated bucket when `gated`.
        compressed: True for a `.tar.gz` object, False for an uncompressed prefix that ends in `/`.
        gated: Whether the artifact lies in JumpStart's private bucket, readable only once the EULA is
            accepted.
        requires_eula: Whether the spec names a licence that has to be accepted.
        eula: URL of the licence's text, None where the source knows none. A model can have a licence all the
            same: Falcon 180B's is not in its spec.
        environment: The container's environment variables.
        container: How the container talks.
        artifact_bytes: Size of the weights in bytes where a source states it, else None.
        network_isolation: Whether the container can run without network: True unless the environment names a
            model on a hub, which the container would have to download. The SDK takes this from the spec's
            `inference_enable_network_isolation`, which the published catalogue drops. It is true in the specs
            of Falcon 180B and Gemma that the SDK's tests carry, and `JumpStartSageMakerEndpoint` of
            `cdklabs.generative-ai-cdk-constructs` sets it for every model. Not checked against the live specs
            of the other models.
    """

    model_id: str
    version: str
    region: str
    instance_type: str
    image: str
    model_data: str
    compressed: bool
    gated: bool
    requires_eula: bool
    eula: str | None
    environment: Mapping[str, str]
    container: ContainerFamily
    artifact_bytes: int | None
    network_isolation: bool


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
        variant_images: Alias of the image, by instance family (`g5`) or exact instance type.
        variant_environments: Further variables, by instance family or exact instance type.
        images: Full registry URI, by alias and then by region.
        spec_sha256: SHA-256 of the document this was read from, as the source gives it.
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

    @property
    def requires_eula(self) -> bool:
        """Whether the spec names a licence that has to be accepted."""
        return self.eula_key is not None

    def regions(self) -> tuple[str, ...]:
        """Regions where the image of the default instance type is published, sorted."""
        alias = self._image_alias(self.default_instance_type)
        return tuple(sorted(self.images.get(alias or "", {})))

    def resolve(
        self,
        *,
        region: str,
        instance_type: str | None = None,
        allow_unlisted_instance_type: bool = False,
    ) -> Deployment:
        """Says what `CreateModel` needs in one region on one instance type.

        Args:
            region: AWS region.
            instance_type: SageMaker instance type; the version's default if None.
            allow_unlisted_instance_type: Takes an instance type that AWS does not list for the version, as
                long as there is an image for its family. Falcon 180B on `ml.p4d.24xlarge` needs it.

        Raises:
            CatalogError: The instance type is not supported, or there is no image for it, for the region, or
                no artifact. All that applies is reported.
        """
        chosen = instance_type or self.default_instance_type
        alias = self._image_alias(chosen)
        regions = sorted(self.images.get(alias, {})) if alias else self.regions()
        image = self.images.get(alias or "", {}).get(region)
        label = f"{self.model_id} {self.version}"

        problems = []
        if chosen not in self.instance_types and not allow_unlisted_instance_type:
            problem = f"instance type {chosen!r} is not supported by {label}"
            override = ", or allow_unlisted_instance_type" if alias else ""
            problems.append(f"{problem}: choose one of {', '.join(self.instance_types)}{override}")
        if not self.variant_images:
            problems.append(f"{label} has no image in the catalogue: choose an older version")
        elif alias is None:
            variants = ", ".join(sorted(self.variant_images))
            problems.append(f"{label} has no image for instance type {chosen!r}: it has images for {variants}")
        if regions and region not in regions:
            problems.append(f"{label} has no image in region {region!r}: choose one of {', '.join(regions)}")
        if self.artifact_key is None:
            problems.append(f"{label} has no artifact: it is sold as a model package, which is not supported")
        if problems or image is None or self.artifact_key is None:
            raise CatalogError(problems)

        environment = self._environment(chosen)
        parsed = ImageUri.parse(image)
        return Deployment(
            model_id=self.model_id,
            version=self.version,
            region=region,
            instance_type=chosen,
            image=image,
            model_data=f"s3://{_bucket(region, gated=self.gated)}/{self.artifact_key}",
            compressed=not self.artifact_key.endswith("/"),
            gated=self.gated,
            requires_eula=self.requires_eula,
            eula=self._eula_url(region, parsed.domain_suffix),
            environment=environment,
            container=_CONTAINERS.get(parsed.repository, "other"),
            artifact_bytes=_ARTIFACT_BYTES.get(self.model_id),
            network_isolation=serves_from_model_data(environment),
        )

    def _image_alias(self, instance_type: str) -> str | None:
        return self.variant_images.get(instance_type) or self.variant_images.get(_family(instance_type))

    def _environment(self, instance_type: str) -> dict[str, str]:
        return {
            **self.environment,
            **self.variant_environments.get(_family(instance_type), {}),
            **self.variant_environments.get(instance_type, {}),
        }

    def _eula_url(self, region: str, domain_suffix: str) -> str | None:
        if self.eula_key is None:
            return None
        # The licence is readable by anyone, so it is in the public bucket even where the weights are not.
        return f"https://{_bucket(region, gated=False)}.s3.{region}.{domain_suffix}/{self.eula_key}"


def version_order(version: str) -> tuple[int, ...]:
    """Sort key of a version: 2.10.0 comes after 2.9.1.

    Raises:
        CatalogError: The version is not numbers joined by dots.
    """
    try:
        return tuple(int(part) for part in version.split("."))
    except ValueError:
        problem = f"version {version!r} is not numbers joined by dots, such as 2.0.1"
        raise CatalogError([problem]) from None


def newest_first(versions: Iterable[str]) -> tuple[str, ...]:
    """Versions, newest first."""
    return tuple(sorted(versions, key=version_order, reverse=True))


def check_known(model_id: str, known: Mapping[str, Iterable[str]], *, version: str | None = None, where: str) -> None:
    """Refuses a model id, or a version of it, that a collection does not have.

    Args:
        model_id: The id asked for.
        known: Versions by model id.
        version: The version asked for, None if any will do.
        where: What the collection is called in the message, such as "the lock".

    Raises:
        CatalogError: The id is not there (with those that look like it), or its version is not (with those
            that are).
    """
    if model_id not in known:
        # People leave out the front of an id ("falcon-7b"), which is further from it than any typing error.
        similar = [known_id for known_id in sorted(known) if model_id and model_id in known_id]
        similar += [close for close in difflib.get_close_matches(model_id, known) if close not in similar]
        hint = f"did you mean {', '.join(similar[:_SUGGESTIONS])}?" if similar else "no id there is like it"
        raise CatalogError([f"model id {model_id!r} is not in {where}: {hint}"])
    if version is not None and version not in known[model_id]:
        versions = ", ".join(newest_first(known[model_id]))
        raise CatalogError([f"version {version!r} of {model_id} is not in {where}: choose one of {versions}"])


def _family(instance_type: str) -> str:
    """The family of an instance type, `p4de` of `ml.p4de.24xlarge`; empty if the text has not that form."""
    match instance_type.split("."):
        case ["ml", family, _]:
            return family
        case _:
            return ""


def _bucket(region: str, *, gated: bool) -> str:
    """JumpStart's bucket in a region, by the pattern of the SDK's `jumpstart/region_config.json`."""
    return f"jumpstart-private-cache-prod-{region}" if gated else f"jumpstart-cache-prod-{region}"


def serves_from_model_data(environment: Mapping[str, str]) -> bool:
    """Whether a container with these variables finds its model in the model data, and needs no hub for it."""
    names = (environment.get(variable, "") for variable in _MODEL_NAME_VARIABLES)
    return all(not name or name.startswith(_MODEL_DIRECTORY) for name in names)
