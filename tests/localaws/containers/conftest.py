"""Stand-in model containers in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from localaws.containers import ContainerSettings, ModelContainer
from tests.localaws.containers.container_client import ContainerClient


@pytest.fixture
def serve() -> Iterator[Callable[[ContainerSettings], ContainerClient]]:
    """Start stand-in model containers."""
    running: list[ModelContainer] = []

    def start(container_settings: ContainerSettings) -> ContainerClient:
        running.append(ModelContainer.start(container_settings))
        return ContainerClient(running[-1])

    yield start
    for container in running:
        container.stop()
