"""Settings of the process, the catalogue's lock and templates made from the app, for all tests."""

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Nobody's credentials, profile or endpoint reach a test, but those of the account that a conformance run is for.
if "JUMPSTACK_CONFORMANCE" not in os.environ:
    for _variable in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[_variable]
# Before jsii starts: it runs the Node of the venv, and it caches its packages between processes.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
# A small language model that is installed in the checkout answers in the tests of itself alone.
os.environ["JUMPSTACK_ENGINE"] = "deterministic"
# CDK validates every template again, which costs a second an app; the tests marked `validated` turn it on.
os.environ["CDK_VALIDATION"] = "false"

import aws_cdk as cdk  # noqa: E402 - the environment above must come first
from aws_cdk import assertions  # noqa: E402 - likewise
from hypothesis import HealthCheck  # noqa: E402 - likewise
from hypothesis import settings as hypothesis_settings  # noqa: E402 - likewise

from catalog import Lock, ModelVersion  # noqa: E402 - likewise

pytest_plugins = [
    "tests.support.assembly",
    "tests.support.local_aws",
    "tests.support.oracles.fixtures",
    "tests.conformance.summary",
]

# How fast an example runs says more about the machine than about the code: speed is measured in bench/, not here.
# The same examples each time, so that a change is judged by what it changed: a few of each property in `make test`,
# more in `make sweep`; `make nightly` looks for new ones.
hypothesis_settings.register_profile(
    "few-examples", max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
_FEW = hypothesis_settings.get_profile("few-examples")
hypothesis_settings.register_profile("more-examples", _FEW, max_examples=100)
hypothesis_settings.register_profile("new-examples", _FEW, max_examples=100, derandomize=False)
hypothesis_settings.load_profile("few-examples")


# A worker holds some millions of objects, which the collector would walk through thousands of times: a fifth of the
# tests' CPU.
gc.set_threshold(100_000, 20, 50)


def pytest_collection_finish() -> None:
    """Leave out of garbage collections what lives as long as the process: modules and tests."""
    gc.freeze()


@pytest.fixture(scope="session")
def context() -> dict[str, Any]:
    """The feature flags of `cdk.json`."""
    flags: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    return flags


@pytest.fixture
def stack(context: dict[str, Any]) -> cdk.Stack:
    """An empty stack in a known region and an unknown account."""
    app = cdk.App(context=context)
    return cdk.Stack(app, "test-stack", env=cdk.Environment(region="us-west-2"))


@pytest.fixture(scope="session")
def lock() -> Lock:
    """The committed lock."""
    return Lock.load()


@pytest.fixture(scope="session")
def mistral(lock: Lock) -> ModelVersion:
    """Mistral 7B Instruct at the version with TGI 1.1."""
    return lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0")


@pytest.fixture
def properties() -> Callable[[cdk.Stack, str], list[dict[str, Any]]]:
    """Give the properties of all resources of a type in a stack."""

    def find(stack: cdk.Stack, resource_type: str) -> list[dict[str, Any]]:
        resources = assertions.Template.from_stack(stack).find_resources(resource_type)
        return [resource.get("Properties", {}) for resource in resources.values()]

    return find
