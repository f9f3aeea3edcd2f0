"""A lock of some versions and no more, so that suggestions do not change with the catalogue."""

from collections.abc import Iterable

from catalog import Lock, ModelVersion


class FewModels(Lock):
    """Some versions and no more."""

    def __init__(self, versions: Iterable[ModelVersion]) -> None:
        self._versions = {(version.model_id, version.version): version for version in versions}

    def model_ids(self) -> tuple[str, ...]:
        return tuple(sorted({model_id for model_id, _ in self._versions}))

    def versions(self, model_id: str) -> tuple[str, ...]:
        return tuple(version for known, version in self._versions if known == model_id)

    def model(self, model_id: str, version: str) -> ModelVersion:
        return self._versions[model_id, version]
