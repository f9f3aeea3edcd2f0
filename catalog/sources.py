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
  All of these appear in every record here with one and the same value. They are kept aside, not dropped.
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
from typing import Any

from catalog.lock import Registry, Source
from catalog.spec import CatalogError, ImageUri, ModelVersion, check_known, newest_first

PACKAGE = "cdklabs.generative-ai-cdk-constructs"
PACKAGE_VERSION = "0.1.320"
WHEEL_SHA256 = "4a20926b7cd6d201d60526feebc94562c287065e02312cc896b7f4eb7ceccda2"
"""The wheel that `download` accepts, so that an update gives the same lock everywhere."""

_CATALOGUE = "lib/patterns/gen-ai/aws-model-deployment-sagemaker/jumpstart-models.json"
_RAW_DEFLATE = -zlib.MAX_WBITS
_UNSENT_VARIABLES = (
    "SAGEMAKER_CONTAINER_LOG_LEVEL",
    "SAGEMAKER_MODEL_SERVER_TIMEOUT",
    "SAGEMAKER_SUBMIT_DIRECTORY",
)


class PublishedCatalogue:
    """Every version of every model in the published catalogue."""

    def __init__(self, source: Source, records: Iterable[Mapping[str, Any]]) -> None:
        self.source = source
        self._records: dict[str, dict[str, Mapping[str, Any]]] = {}
        for record in records:
            self._records.setdefault(record["modelId"], {})[record["version"]] = record

    @classmethod
    def from_wheel(cls, path: Path) -> PublishedCatalogue:
        """Reads the catalogue out of a wheel of `PACKAGE`.

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
        source = Source(
            package=metadata["Name"],
            version=metadata["Version"],
            sha256=hashlib.sha256(content).hexdigest(),
            file=_CATALOGUE,
            license=metadata["License"],
        )
        return cls(source, records.values())

    def model_ids(self) -> tuple[str, ...]:
        """Model ids, sorted."""
        return tuple(sorted(self._records))

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Versions of a model, newest first.

        Raises:
            CatalogError: There is no such model.
        """
        check_known(model_id, self._records, where="the published catalogue")
        return newest_first(self._records[model_id])

    def model(self, model_id: str, version: str) -> ModelVersion:
        """One version of a model.

        Raises:
            CatalogError: There is no such model or version, or its record is not understood.
        """
        check_known(model_id, self._records, version=version, where="the published catalogue")
        return _model_version(self._records[model_id][version])

    def newest(self, model_id: str) -> ModelVersion:
        """The newest version of a model that resolves completely on its default instance type.

        Raises:
            CatalogError: There is no such model, or no version of it resolves.
        """
        for version in self.versions(model_id):
            model = self.model(model_id, version)
            if model.artifact_key is not None and model.regions():
                return model
        raise CatalogError([f"no version of {model_id} in the published catalogue has image and artifact"])

    def image_uris(self) -> frozenset[str]:
        """Every image URI in the catalogue."""
        return frozenset(
            uri
            for versions in self._records.values()
            for record in versions.values()
            for entry in record.get("instanceAliases") or ()
            for uri in entry["aliases"].values()
        )


def download(folder: Path) -> Path:
    """Downloads the pinned wheel with pip, from the package index that pip is set up for.

    Args:
        folder: Where the wheel goes.

    Returns:
        Path of the wheel.

    Raises:
        CatalogError: pip fails, or gives another file than the pinned one.
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


def registry_table(uris: Iterable[str], accounts: Mapping[str, str | None]) -> dict[str, Registry]:
    """The registry of AWS's deep learning containers in each region that has images.

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
    """Image URIs that do not lie in their region's registry, sorted; a lock keeps these whole."""

    def is_usual(image: ImageUri) -> bool:
        registry = registries.get(image.region)
        return registry is not None and (registry.account, registry.domain_suffix) == (
            image.account,
            image.domain_suffix,
        )

    return tuple(sorted(uri for uri in uris if not is_usual(ImageUri.parse(uri))))


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
        spec_sha256=hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest(),
    )


def _alias(reference: str) -> str:
    if not reference.startswith("$"):
        raise CatalogError([f"image {reference!r} is not a reference to an alias, which begins with '$'"])
    return reference.removeprefix("$")


def _strings(variables: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in variables.items()}
