"""Change one deployed stack with the real CDK CLI on the local AWS: what a change shows, breaks, and brings back.

In the sweep: `make test` deploys, updates, rolls back and destroys the same stack (test_lifecycle.py). The tests follow
one another: each takes the stack as the one before left it.
"""

import openai
import pytest

from tests.e2e.deployment import STACK, Deployer
from tools import keys
from tools.cdk import CdkError
from tools.deployed import outputs
from tools.invoke import openai_client
from tools.local import LocalAws

pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e")]


@pytest.fixture(scope="module")
def key(deployed: dict[str, str]) -> str:
    """A caller's key."""
    return keys.create(STACK, "e2e")


@pytest.fixture
def client(deployed: dict[str, str], key: str, local_aws: LocalAws) -> openai.OpenAI:
    """OpenAI's client as anybody has it: a base URL and a key."""
    return _client(deployed, key, local_aws)


def _client(deployed: dict[str, str], key: str | None, local_aws: LocalAws) -> openai.OpenAI:
    url = deployed["InvokeUrl"]
    return openai_client(url, api_key=key, endpoint_url=local_aws.apis_url).with_options(max_retries=0)


def test_changes_nothing_when_deployed_again(deployer: Deployer, deployed: dict[str, str]) -> None:
    assert "(no changes)" in deployer.deploy("declared", STACK.path)
    # --fail: an exit code of 1 where there is a difference.
    deployer.cdk.run("diff", STACK.path, *deployer.assembly("declared"), "--fail")


def test_shows_a_change_before_it_is_made(deployer: Deployer, deployed: dict[str, str]) -> None:
    printed = deployer.cdk.run("diff", STACK.path, *deployer.assembly("two-instances"))

    assert "InitialInstanceCount" in printed
    assert "replace" in printed


def test_refuses_a_resource_type_that_it_does_not_have(deployer: Deployer, client: openai.OpenAI) -> None:
    with pytest.raises(CdkError, match="AWS::SageMaker::Space"):
        deployer.deploy("unknown-type", STACK.path)

    assert client.models.list().data


def test_a_missing_grant_shows(deployer: Deployer, client: openai.OpenAI) -> None:
    deployer.deploy("no-grant", STACK.path)

    with pytest.raises(openai.InternalServerError) as refused:
        client.completions.create(model="mistral-7b-instruct", prompt="May I?", max_tokens=3)

    assert "sagemaker:InvokeEndpoint" in refused.value.message


def test_a_used_up_quota_is_said_as_openai_does_and_not_tried_again(
    deployer: Deployer, deployed: dict[str, str], local_aws: LocalAws
) -> None:
    deployer.deploy("limited", STACK.path)
    key = keys.create(STACK, "frugal")
    client = _client(deployed, key, local_aws).with_options(max_retries=3)

    # The grant that was missing is there again.
    assert client.completions.create(model="mistral-7b-instruct", prompt="May I?", max_tokens=3).choices[0].text
    assert client.models.list().data
    with pytest.raises(openai.RateLimitError) as refused:
        client.models.list()
    assert (refused.value.code, refused.value.type) == ("insufficient_quota", "insufficient_quota")
    [usage] = [one for one in keys.keys(STACK) if one.name == "frugal"]
    assert (usage.used, usage.remaining) == (2, 0)


def test_changes_from_keys_to_iam_credentials_and_back(
    deployer: Deployer, client: openai.OpenAI, key: str, local_aws: LocalAws
) -> None:
    deployer.deploy("iam", STACK.path)
    given = outputs(STACK)

    assert "UsagePlanId" not in given
    assert _client(given, None, local_aws).models.list().data
    # API Gateway says 403 to a header that is no signature; what OpenAI's clients understand is 401.
    with pytest.raises(openai.AuthenticationError) as refused:
        _client(given, key, local_aws).models.list()
    assert refused.value.code == "invalid_api_key"

    deployer.deploy("declared", STACK.path)
    # The keys are there still, but the plan is a new one.
    keys.revoke(STACK)
    assert _client(outputs(STACK), keys.create(STACK, "after"), local_aws).models.list().data
