"""Rights that an earlier version's roles lack: the local AWS refuses what AWS refuses, and takes today's roles."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localaws.sagemaker.sagemaker_driver import STATEMENTS, SageMakerDriver, set_policy
from tests.support.templates import rights
from tests.upgrade.record import STACKS
from tests.upgrade.recorded import Assembly

pytestmark = pytest.mark.xdist_group("upgrade")


@pytest.fixture
def driver(aws: Callable[..., Any], local_aws: str) -> Iterator[SageMakerDriver]:
    made = SageMakerDriver(aws, local_aws)
    yield made
    made.close()


def _statements(assembly: Assembly, role: str) -> list[dict[str, Any]]:
    """Return a role's rights in CloudWatch in the tuned endpoint's stack; a resource of the stack is any resource."""
    template = assembly.templates()[STACKS["fine-tuned endpoint"]]
    return [
        {"Effect": "Allow", "Action": action, "Resource": [re.sub("<[^>]*>", "*", arn) for arn in arns]}
        for action, arns in rights(template, role).items()
        if action.startswith("cloudwatch:")
    ]


def _second_release(driver: SageMakerDriver, aws: Callable[..., Any], statements: list[dict[str, Any]]) -> None:
    """Update an endpoint as a pipeline's second release does, with alarms, by an execution role with `statements`."""
    endpoint, config = driver.endpoint(), driver.config()
    role = driver.control.describe_model(ModelName=config)["ExecutionRoleArn"]
    image_and_weights = [{"Effect": "Allow", **elements} for elements in STATEMENTS.values()]
    set_policy(aws("iam"), role, [*image_and_weights, *statements])
    driver.control.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]},
        },
    )
    assert driver.settled(endpoint)["EndpointConfigName"] == config


def test_a_second_release_needs_an_execution_role_that_reads_the_alarms(
    driver: SageMakerDriver, aws: Callable[..., Any], old: Assembly, new: Assembly, version: str
) -> None:
    _second_release(driver, aws, _statements(new, "EndpointRole"))

    if version == "0.0.0":
        with pytest.raises(ClientError, match="not authorized to perform: cloudwatch:DescribeAlarms"):
            _second_release(driver, aws, _statements(old, "EndpointRole"))
