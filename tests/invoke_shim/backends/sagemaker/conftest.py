"""A stand-in SageMaker runtime, and the backend before it."""

from collections.abc import Iterator

import pytest

from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint
from tests.invoke_shim.backend_stub import (
    Stub,
    backend,
    environment,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with Stub().running() as stub:
        yield stub


@pytest.fixture
def stub(running: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    running.reset()
    for name, value in environment(running).items():
        monkeypatch.setenv(name, value)
    # Waiting by the clock is tested with a clock of its own.
    monkeypatch.setattr("invoke_shim.backends.retry.FIRST_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("invoke_shim.backends.retry.LONGEST_PAUSE_SECONDS", 0.001)
    yield running
    running.reset()


@pytest.fixture
def endpoint(stub: Stub) -> Iterator[SageMakerEndpoint]:
    made = backend()
    yield made
    made.close()
