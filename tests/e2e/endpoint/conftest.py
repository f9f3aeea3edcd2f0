"""Deploy one model's stack, once for all modules of this folder: the last test of the lifecycle destroys it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import ACCOUNTS, STACK, Deployer, deployer_of, spoken_to
from tests.e2e.endpoint_app import VARIANTS
from tools.deployed import outputs
from tools.local import LocalAws, running

APP = Path(__file__).resolve().parent.parent / "endpoint_app.py"


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[LocalAws]:
    with running() as local_aws:
        yield local_aws


@pytest.fixture(scope="session")
def deployer(shared_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    return deployer_of(shared_aws, tmp_path_factory.mktemp("endpoint"), APP, VARIANTS)


@pytest.fixture(scope="session")
def deployment(deployer: Deployer) -> None:
    deployer.deploy("declared", ACCOUNTS)
    deployer.deploy("declared", STACK.path)


@pytest.fixture(scope="module")
def local_aws(shared_aws: LocalAws) -> Iterator[LocalAws]:
    """The local AWS, which boto3 talks to as long as the module's tests run."""
    with spoken_to(shared_aws):
        yield shared_aws


@pytest.fixture(scope="module")
def deployed(local_aws: LocalAws, deployment: None) -> dict[str, str]:
    """The stack's outputs, once it is deployed."""
    return outputs(STACK)
