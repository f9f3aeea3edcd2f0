"""Stand-in model containers and SageMaker endpoints for the tests of the local AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from localaws.containers import ContainerSettings, ModelContainer
from tests.localaws.container_client import ContainerClient
from tests.localaws.sagemaker_driver import SageMakerDriver
from tests.support.local_aws import ClientFactory


@pytest.fixture
def serve() -> Iterator[Callable[[ContainerSettings], ContainerClient]]:
    """Start stand-in model containers in this process."""
    running: list[ModelContainer] = []

    def start(container_settings: ContainerSettings) -> ContainerClient:
        running.append(ModelContainer.start(container_settings))
        return ContainerClient(running[-1])

    yield start
    for container in running:
        container.stop()


@pytest.fixture
def driver(aws: ClientFactory, local_aws: str) -> Iterator[SageMakerDriver]:
    """Make and invoke SageMaker endpoints in us-east-1."""
    made = SageMakerDriver(aws, local_aws)
    yield made
    made.close()
