"""Interface of every source of JumpStart facts: the published wheel and the live public cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from catalog.spec import CatalogError, ModelVersion
from catalog.training.facts import TrainingFacts

SourceKind = Literal["wheel", "live"]
"""`wheel`: the copy in a published Python package. `live`: JumpStart's public cache in S3."""

Progress = Callable[[int, int], None]
"""Takes the number of documents read so far, and of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Description of a source; the head of a lock holds it.

    Attributes:
        kind: Kind of the source.
        name: Name of the Python package, or of the S3 bucket.
        version: The package's version; None for the live cache, which has none.
        file: Path of the catalogue in the package, or key of the manifest in the bucket.
        sha256: SHA-256 of the wheel, or of the manifest.
        license: SPDX id of the licence that the source states, else None.
    """

    kind: SourceKind
    name: str
    version: str | None
    file: str
    sha256: str
    license: str | None


class Source(Protocol):
    """Every version of every model that is published in one place."""

    @property
    def description(self) -> Description:
        """Description of the source."""
        ...

    def model_ids(self) -> tuple[str, ...]:
        """Return the ids of all models, sorted."""
        ...

    def versions(self, model_id: str) -> tuple[str, ...]:
        """Return the versions of a model, newest first.

        Raises:
            CatalogError: There is no such model.
        """
        ...

    def model(self, model_id: str, version: str, *, config: str | None = None) -> ModelVersion:
        """Read one version of a model.

        Args:
            model_id: JumpStart model id.
            version: Version of the spec.
            config: Inference config to apply; the default-ranked one if None.

        Raises:
            CatalogError: There is no such model, version or config, or its document is not understood.
        """
        ...

    def training(self, model_id: str, version: str) -> TrainingFacts | None:
        """Read the facts of a version's training recipe; None where the source has no recipes.

        Raises:
            CatalogError: There is no such model or version, or its document is not understood.
        """
        ...

    def newest(self, model_id: str) -> ModelVersion:
        """Read the newest version of a model that resolves completely on its default instance type.

        Raises:
            CatalogError: There is no such model, or no version of it resolves.
        """
        ...

    def prefetch(self, wanted: Iterable[tuple[str, str | None]], *, progress: Progress | None = None) -> None:
        """Read several versions at once, where reading them one by one would be slow.

        Args:
            wanted: Model id and version; None stands for the newest version.
            progress: Takes how far reading has come.

        Raises:
            CatalogError: Something cannot be read; every such problem is listed.
        """
        ...


def is_complete(model: ModelVersion) -> bool:
    """Return whether a version lists regions, and resolves in each of them on its default instance type."""
    try:
        return bool([model.resolve(region=region) for region in model.regions()])
    except CatalogError:
        return False


def newest_complete(source: Source, model_id: str) -> ModelVersion:
    """Return the newest version of a model that is complete, for `Source.newest`.

    Args:
        source: The source.
        model_id: JumpStart model id.

    Raises:
        CatalogError: There is no such model, or no version of it is complete.
    """
    for version in source.versions(model_id):
        model = source.model(model_id, version)
        if is_complete(model):
            return model
    raise CatalogError([f"no version of {model_id} in {source.description.name} has image and artifact"])
