"""A lock of some versions and no more, so that suggestions do not change with the catalogue."""

from collections.abc import Iterable, Mapping

from catalog import Lock, ModelVersion
from catalog.training.facts import TrainingFacts


class FewModels(Lock):
    """Some versions and no more."""

    def __init__(
        self,
        versions: Iterable[ModelVersion],
        training: Mapping[str, TrainingFacts] | None = None,
    ) -> None:
        self._versions = {(version.model_id, version.version): version for version in versions}
        self._training = training or {}

    def model_ids(self) -> tuple[str, ...]:
        return tuple(sorted({model_id for model_id, _ in self._versions}))

    def versions(self, model_id: str) -> tuple[str, ...]:
        return tuple(version for known, version in self._versions if known == model_id)

    def model(self, model_id: str, version: str) -> ModelVersion:
        return self._versions[model_id, version]

    def training(self, model_id: str, version: str) -> TrainingFacts | None:
        return self._training.get(model_id)
