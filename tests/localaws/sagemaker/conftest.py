"""SageMaker endpoints on the local AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.localaws.sagemaker.sagemaker_driver import SageMakerDriver
from tests.support.local_aws import ClientFactory


@pytest.fixture
def driver(aws: ClientFactory, local_aws: str) -> Iterator[SageMakerDriver]:
    """Make and invoke SageMaker endpoints in us-east-1."""
    made = SageMakerDriver(aws, local_aws)
    yield made
    made.close()
