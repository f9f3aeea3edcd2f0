"""Deploy models without, with and before the settings of their account."""

from pathlib import Path

import boto3
import pytest

from tests.e2e.deployment import ACCOUNTS, REGION, STACK, deployer_of
from tools.cdk import CdkError
from tools.leftovers import leftovers
from tools.local import LocalAws

# In the sweep: what the endpoint waits for is held by tests/app, and what the stage refuses by tests/localaws.
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-account")]

APP = Path(__file__).with_name("endpoint_app.py")
ENVIRONMENTS_APP = Path(__file__).with_name("environments_app.py")
EARLY = f"acceptance/{STACK.model.name}"


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


def test_one_command_deploys_an_account_with_all_its_environments_which_go_in_any_order(
    local_aws: LocalAws, tmp_path: Path
) -> None:
    deployer = deployer_of(local_aws, tmp_path, ENVIRONMENTS_APP, ["both"])
    # One stack at a time, as the CLI does by itself.
    command = ("deploy", *deployer.assembly("both"), "--require-approval", "never")

    deployer.cdk.run(*command, "--all")

    cloudformation = boto3.client("cloudformation", region_name=REGION)
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert {stack["StackName"]: stack["StackStatus"] for stack in stacks if stack["StackName"] != "CDKToolkit"} == {
        "jumpstack-account": "CREATE_COMPLETE",
        "acceptance-mistral-7b-instruct": "CREATE_COMPLETE",
        "dev-mistral-7b-instruct": "CREATE_COMPLETE",
    }
    for stack in (ACCOUNTS, STACK.path, EARLY):
        deployer.destroy("both", stack)
    assert leftovers([REGION]) == []

    # All files are published now, so that no stack waits for an upload.
    deployer.cdk.run(*command, EARLY, ACCOUNTS)

    deployer.destroy("both", EARLY, ACCOUNTS)
    assert leftovers([REGION]) == []
