"""A shim in front of a stand-in SageMaker runtime: real boto3, real HTTP, loopback only."""

from collections.abc import Iterator
from typing import cast

import pytest

from invoke_shim import handler
from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint
from invoke_shim.telemetry import logs
from tests.invoke_shim import backend_stub
from tests.invoke_shim.client import ENDPOINT_NAME, MODEL_NAME, Deploy, Runtime, Shim


@pytest.fixture(autouse=True)
def _log_as_by_default() -> Iterator[None]:
    """Each test's function configures the log, which is the whole process's."""
    yield
    logs.configure("INFO")


@pytest.fixture(scope="session")
def running_runtime() -> Iterator[Runtime]:
    with Runtime().running() as runtime:
        assert isinstance(runtime, Runtime)
        yield runtime


@pytest.fixture
def runtime(running_runtime: Runtime) -> Iterator[Runtime]:
    running_runtime.reset()
    running_runtime.answers([{"generated_text": " Hello!"}])
    yield running_runtime
    running_runtime.reset()


@pytest.fixture
def deploy(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Starts the function with an environment, by default a Falcon chat model on TGI."""

    def start(**changes: str | None) -> Shim:
        environment: dict[str, str | None] = {
            "ENDPOINT_NAME": ENDPOINT_NAME,
            "MODEL_NAME": MODEL_NAME,
            "CONTAINER": "tgi",
            "PROMPT_FORMAT": "falcon-chat",
            "INVOKE_TIMEOUT_SECONDS": "29",
            **backend_stub.environment(runtime),
            **changes,
        }
        for name, value in environment.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        stop()
        return Shim()

    yield start
    stop()


def stop() -> None:
    """Forget the function, and close its connections."""
    if handler.api.cache_info().currsize:
        cast("SageMakerEndpoint", handler.api().backend).close()
    handler.api.cache_clear()


@pytest.fixture
def shim(deploy: Deploy) -> Shim:
    return deploy()
