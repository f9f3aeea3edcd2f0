"""A local AWS a module, and the one stack deployed on it."""

import os
from collections.abc import Iterator

import pytest

from tests.e2e.deployment import ACCOUNTS, REGION, STACK, Deployer
from tools.cdk import Cdk
from tools.deployed import outputs
from tools.local import LocalAws, running


@pytest.fixture(scope="module")
def local_aws() -> Iterator[LocalAws]:
    with running() as local_aws, pytest.MonkeyPatch.context() as environment:
        for name, value in local_aws.client_environment().items():
            environment.setenv(name, value)
        yield local_aws


@pytest.fixture(scope="module")
def deployer(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    folder = tmp_path_factory.mktemp("e2e")
    environment = {**local_aws.client_environment(), "CDK_VALIDATION": os.environ["CDK_VALIDATION"]}
    deployer = Deployer(Cdk(environment=environment, logs=folder), folder)
    deployer.cdk.bootstrap([f"aws://123456789012/{REGION}"])
    return deployer


@pytest.fixture(scope="module")
def deployed(deployer: Deployer) -> dict[str, str]:
    """The stack's outputs, once it is deployed."""
    deployer.deploy(stack=ACCOUNTS)
    deployer.deploy()
    return outputs(STACK)
