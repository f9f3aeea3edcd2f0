"""Deploy a model before the settings of its account, which must rent nothing."""

from pathlib import Path

import boto3
import pytest

from tests.e2e.deployment import REGION, STACK, deployer_of
from tools.cdk import CdkError
from tools.leftovers import leftovers
from tools.local import LocalAws

# In the sweep: what the endpoint waits for is held by tests/app, and what the stage refuses by tests/localaws.
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-account")]

APP = Path(__file__).with_name("endpoint_app.py")


def test_a_stack_that_comes_before_its_accounts_settings_fails_without_renting_an_instance(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    deployer = deployer_of(local_aws, tmp_path, APP, ["declared"])

    with pytest.raises(CdkError, match="CloudWatch Logs role ARN must be set in account settings"):
        deployer.deploy("declared", STACK.path)

    cloudformation = boto3.client("cloudformation", region_name=REGION)
    events = cloudformation.describe_stack_events(StackName=STACK.stack_name)["StackEvents"]
    assert "AWS::SageMaker::Endpoint" not in {event["ResourceType"] for event in events}
    deployer.destroy("declared", STACK.path)
    assert leftovers([REGION]) == []
