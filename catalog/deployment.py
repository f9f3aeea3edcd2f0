"""Input of SageMaker's `CreateModel` and `CreateEndpointConfig` for one model, and JumpStart's buckets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from catalog.tasks import WITHOUT_TEXT, task_of

ContainerFamily = Literal["tgi", "lmi", "vllm", "other"]
"""Dialect of a container: Text Generation Inference, Large Model Inference (DJL), vLLM, or anything else."""

TaskContainer = Literal["tgi", "lmi", "vllm", "tei", "stability", "other"]
"""The same, with those that generate no text: Text Embeddings Inference, and Stability AI's."""

BucketKind = Literal["public", "gated", "draft"]
"""One of a region's buckets: JumpStart's public one, its private one, or the one of draft models."""

# Names and regions are those of the SDK's `jumpstart/region_config.json` (2.257.1).
_BUCKETS: Mapping[BucketKind, str] = {
    "public": "jumpstart-cache-prod",
    "gated": "jumpstart-private-cache-prod",
    "draft": "sagemaker-sd-models-prod",
}
DRAFT_MODEL_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""Regions that have a bucket of draft models."""

_CONTAINERS: Mapping[str, ContainerFamily] = {
    "huggingface-pytorch-tgi-inference": "tgi",
    "djl-inference": "lmi",
    "vllm": "vllm",
}
# DJL's images served by LMI's own handlers from 0.27 on; older ones run a script that lies in the weights.
_DJL_SCRIPTS = re.compile(r"djl-inference:0\.(?:\d|1\d|2[0-6])\.")
# Of models that generate no text; Large Model Inference serves some, in no dialect that is known.
_TASK_CONTAINERS: Mapping[str, TaskContainer] = {
    "tei": "tei",
    "tei-cpu": "tei",
    "stabilityai-pytorch-inference": "stability",
    "vllm": "vllm",
}
# How the tags of AWS's images name what serves in them: `2.4.0-tgi2.4.0-gpu-py311-cu124-ubuntu22.04`.
_SOFTWARE_VERSION = re.compile(r"-(?:tgi|lmi)(\d+(?:\.\d+)*)")

# Where each serving container reads the name of its model from. A value outside the model directory is the
# name of a repository on a hub, which the container downloads at start.
_MODEL_NAME_VARIABLES = ("HF_MODEL_ID", "OPTION_MODEL_ID")
_MODEL_DIRECTORY = "/opt/ml/model"

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
        """Parse a URI.

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
class AdditionalModelData:
    """Model data that the container gets beside its own, such as the draft model of speculative decoding.

    Attributes:
        channel_name: Name of its folder under `/opt/ml/additional-model-data-sources/`.
        uri: `s3://` URI of the object or prefix.
        data_type: `S3Prefix` or `S3Object`.
        compression: `None` or `Gzip`.
        eula: URL of the text of its own licence; None for no licence.
    """

    channel_name: str
    uri: str
    data_type: str
    compression: str
    eula: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything `CreateModel` needs for one model version on one instance type in one region.

    Either `image` and `model_data` are there, or `model_package` is.

    Attributes:
        model_id: JumpStart model id.
        version: Version of the model's spec.
        region: AWS region.
        instance_type: SageMaker instance type, such as `ml.g5.2xlarge`.
        image: Full registry URI of the serving container; None for a model package.
        model_data: `s3://` URI of the artifact, in the gated bucket when `gated`; None for a model package.
        compressed: True for a `.tar.gz` object, False for an uncompressed prefix that ends in `/`.
        gated: Whether the artifact lies in JumpStart's private bucket, readable only once the EULA is
            accepted.
        requires_eula: Whether the spec names a licence that has to be accepted, for the artifact or for
            additional model data.
        eula: URL of the licence's text, None where the source knows none. A model can have a licence all the
            same: Falcon 180B's is not in its spec.
        environment: The container's environment variables.
        container: Dialect of the container.
        artifact_bytes: Size of the weights in bytes where a source states it, else None.
        network_isolation: Whether the container runs without network: the spec's
            `inference_enable_network_isolation`; where the source has dropped that field, as the published
            catalogue has, True unless the environment names a model on a hub, which the container would have
            to download; True for a model package, because the AWS Marketplace takes nothing else.
        model_package: ARN of the model package that has image and artifact inside, None for most models.
        takes_environment: Whether variables can be laid over `environment`: not over those of a model package
            that is sold, for which the SDK sends none.
        additional_model_data: Model data beside the artifact.
        volume_size: Size of the storage volume in GB, None where the spec leaves it to SageMaker or the instance
            type takes none.
        inference_ami_version: Machine image of the instances, None where the spec leaves it to SageMaker.
    """

    model_id: str
    version: str
    region: str
    instance_type: str
    image: str | None
    model_data: str | None
    compressed: bool
    gated: bool
    requires_eula: bool
    eula: str | None
    environment: Mapping[str, str]
    container: ContainerFamily
    artifact_bytes: int | None
    network_isolation: bool
    model_package: str | None = None
    takes_environment: bool = True
    additional_model_data: tuple[AdditionalModelData, ...] = ()
    volume_size: int | None = None
    inference_ami_version: str | None = None


def bucket_name(region: str, kind: BucketKind) -> str:
    """Return the name of one of JumpStart's buckets in a region."""
    return f"{_BUCKETS[kind]}-{region}"


def licence_url(region: str, key: str, *, image: str | None) -> str:
    """Return the URL of a licence's text.

    It is readable by anyone, so it is in the public bucket even where the weights are not. The region's domain is
    that of the image; a model package has none, and is sold in regions of the usual domain.
    """
    domain = ImageUri.parse(image).domain_suffix if image else "amazonaws.com"
    return f"https://{bucket_name(region, 'public')}.s3.{region}.{domain}/{key}"


def container_family(image: str | None, *, model_id: str) -> ContainerFamily:
    """Return the dialect of a model's container.

    Args:
        image: URI of the image; None where it is not known.
        model_id: JumpStart's id. Large Model Inference also serves models that generate no text, in no such dialect.
    """
    if image is None or task_of(model_id) in WITHOUT_TEXT or runs_djl_script(image):
        return "other"
    return _CONTAINERS.get(ImageUri.parse(image).repository, "other")


def runs_djl_script(image: str) -> bool:
    """Return whether an image is an old one of DJL's, which runs a script out of the weights."""
    return _DJL_SCRIPTS.search(image) is not None


def task_container(image: str | None) -> TaskContainer:
    """Return the dialect of the container of a model that does another task than generating text."""
    return "other" if image is None else _TASK_CONTAINERS.get(ImageUri.parse(image).repository, "other")


def container_version(image: str | None) -> str | None:
    """Return the version of an image's serving software, such as `2.4.0`; None where its tag has none."""
    found = _SOFTWARE_VERSION.search(image or "")
    return found[1] if found else None


def takes_volume_size(instance_type: str) -> bool:
    """Return whether the storage volume of an instance type takes a size.

    The SDK's rule (`sagemaker.utils.volume_size_supported`, 2.257.1): families with a `d` in their name and
    those beginning with `g5`, `g6`, `p5` or `trn1` keep everything on local NVMe.
    """
    family = instance_family(instance_type)
    return "d" not in family and not family.startswith(("g5", "g6", "p5", "trn1"))


def instance_family(instance_type: str) -> str:
    """Return the family of an instance type, `p4de` of `ml.p4de.24xlarge`; empty if the text has not that form."""
    match instance_type.split("."):
        case ["ml", family, _]:
            return family
        case _:
            return ""


def serves_from_model_data(environment: Mapping[str, str]) -> bool:
    """Return whether a container with these variables finds its model in the model data, and needs no hub for it."""
    names = (environment.get(variable, "") for variable in _MODEL_NAME_VARIABLES)
    return all(not name or name.startswith(_MODEL_DIRECTORY) for name in names)
