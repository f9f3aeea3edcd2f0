"""Deploy, ask, update, break and destroy one stack, with the real CDK CLI on the local AWS.

The tests follow one another: each takes the stack as the one before left it.
"""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import httpx2
import openai
import pytest

from tests.e2e.deployment import ACCOUNTS, REGION, STACK, Deployer
from tools import keys
from tools.cdk import CdkError
from tools.invoke import LocalTransport, openai_client
from tools.leftovers import leftovers
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


@pytest.fixture
def plain(deployed: dict[str, str], key: str, local_aws: LocalAws) -> Iterator[httpx2.Client]:
    """An HTTP client with the key."""
    transport = LocalTransport(local_aws.apis_url)
    with httpx2.Client(transport=transport, headers={"authorization": f"Bearer {key}"}) as client:
        yield client


def _client(deployed: dict[str, str], key: str | None, local_aws: LocalAws) -> openai.OpenAI:
    url = deployed["InvokeUrl"]
    return openai_client(url, api_key=key, endpoint_url=local_aws.apis_url).with_options(max_retries=0)


def _aws(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)


def _endpoint() -> tuple[str, dict[str, Any]]:
    """The endpoint's config's name and its variant."""
    sagemaker = _aws("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=STACK.stack_name)["EndpointConfigName"]
    return config, sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]


def _status() -> str:
    stack = _aws("cloudformation").describe_stacks(StackName=STACK.stack_name)["Stacks"][0]
    return str(stack["StackStatus"])


def test_tells_url_endpoint_bucket_and_key(deployed: dict[str, str]) -> None:
    assert set(deployed) == {"InvokeUrl", "EndpointName", "BucketName", "KeyArn", "UsagePlanId"}
    assert deployed["EndpointName"] == "dev-mistral-7b-instruct"
    assert deployed["InvokeUrl"].startswith("https://")
    assert deployed["InvokeUrl"].endswith(".execute-api.us-west-2.amazonaws.com/live/")
    assert _aws("kms").describe_key(KeyId=deployed["KeyArn"])["KeyMetadata"]["Enabled"]
    encryption = _aws("s3").get_bucket_encryption(Bucket=deployed["BucketName"])["ServerSideEncryptionConfiguration"]
    assert encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == deployed["KeyArn"]


def test_answers_openais_client(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="mistral-7b-instruct",
        messages=[{"role": "user", "content": "Which country has the most natural lakes?"}],
        max_tokens=64,
    )

    assert answer.model == "mistral-7b-instruct"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in {"stop", "length"}


def test_gives_the_same_answer_to_the_same_conversation_and_another_to_another(client: openai.OpenAI) -> None:
    def ask(question: str) -> str | None:
        answer = client.chat.completions.create(
            model="mistral-7b-instruct",
            messages=[
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "Hello!"},
                {"role": "user", "content": question},
            ],
            temperature=0,
        )
        return answer.choices[0].message.content

    assert ask("Who are you?") == ask("Who are you?") != ask("Where are you?")


def test_lists_its_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["mistral-7b-instruct"]


def test_completes_a_text(client: openai.OpenAI) -> None:
    completion = client.completions.create(model="mistral-7b-instruct", prompt="Building a website", max_tokens=5)

    assert completion.choices[0].text
    assert completion.choices[0].finish_reason == "length"


def test_passes_the_containers_own_payload_through(deployed: dict[str, str], plain: httpx2.Client) -> None:
    payload = {"inputs": "<s>[INST] Hello [/INST]", "parameters": {"max_new_tokens": 4, "details": True}}

    response = plain.post(f"{deployed['InvokeUrl']}invocations", json=payload)

    [generated] = response.json()
    assert generated["generated_text"]
    assert generated["details"]["generated_tokens"] == 4


def test_answers_two_messages_of_a_user_in_a_row(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="mistral-7b-instruct",
        messages=[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    )

    assert answer.choices[0].message.content


def test_names_the_place_of_a_role_that_there_is_not(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "a"}, {"role": "critic", "content": "b"}]
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="mistral-7b-instruct", messages=messages)

    assert refused.value.param == "messages[1].role"
    assert "user" in refused.value.message
    assert "assistant" in refused.value.message


def test_refuses_a_payload_that_the_container_would_refuse_and_says_why(
    deployed: dict[str, str], plain: httpx2.Client
) -> None:
    response = plain.post(
        f"{deployed['InvokeUrl']}invocations", json={"inputs": "Hello", "parameters": {"temperature": -1}}
    )

    assert response.status_code == 400
    assert "temperature" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "no api key, or none that could be one"),
        ("not-a-key", "no api key, or none that could be one"),
        ("x" * 40, "incorrect api key"),
    ],
)
def test_lets_nobody_in_without_a_key_and_says_so_as_openai_does(
    deployed: dict[str, str], local_aws: LocalAws, key: str, words: str
) -> None:
    with pytest.raises(openai.AuthenticationError) as refused:
        _client(deployed, "placeholder", local_aws).models.list(
            extra_headers={"Authorization": f"Bearer {key}" if key else openai.Omit()}
        )

    error = refused.value
    assert (error.status_code, error.code, error.type) == (401, "invalid_api_key", "invalid_request_error")
    assert words in error.message
    assert error.request_id
    assert error.response.headers["www-authenticate"].startswith("Bearer")


def test_says_that_a_path_is_none_as_openai_does(deployed: dict[str, str], plain: httpx2.Client) -> None:
    response = plain.get(deployed["InvokeUrl"])

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_a_revoked_key_opens_nothing_at_once(deployed: dict[str, str], local_aws: LocalAws) -> None:
    client = _client(deployed, keys.create(STACK, "short-lived"), local_aws)
    assert client.models.list().data

    keys.revoke(STACK, ["short-lived"])
    with pytest.raises(openai.AuthenticationError, match="incorrect api key"):
        client.models.list()


def test_no_key_is_in_any_log(client: openai.OpenAI, key: str) -> None:
    client.models.list()

    logs = _aws("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    texts = [event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]
    [key_id] = [one.id for one in keys.keys(STACK) if one.name == "e2e"]
    assert any(key_id in text for text in texts)
    assert not any(key in text for text in texts)


def test_logs_accesses_and_requests_without_what_was_said(client: openai.OpenAI, deployed: dict[str, str]) -> None:
    client.chat.completions.create(
        model="mistral-7b-instruct", messages=[{"role": "user", "content": "a very private matter"}]
    )

    logs = _aws("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    texts = {
        group: "\n".join(event["message"] for event in logs.filter_log_events(logGroupName=group)["events"])
        for group in groups
    }
    access = [json.loads(line) for group, text in texts.items() if "AccessLogs" in group for line in text.splitlines()]
    assert any(entry["status"] == "200" and entry["path"] == "/live/v1/chat/completions" for entry in access)
    assert any("v1/chat/completions" in text for group, text in texts.items() if "FunctionLogs" in group)
    assert "a very private matter" not in "".join(texts.values())


def test_replaces_the_config_and_keeps_the_endpoint_when_the_instance_count_changes(
    deployer: Deployer, client: openai.OpenAI
) -> None:
    config, variant = _endpoint()
    assert variant["InitialInstanceCount"] == 1

    deployer.deploy("two-instances", STACK.path)

    new_config, new_variant = _endpoint()
    assert new_variant["InitialInstanceCount"] == 2
    assert new_config != config
    assert len(_aws("sagemaker").list_endpoint_configs()["EndpointConfigs"]) == 1
    assert client.models.list().data


def test_rolls_a_failed_update_back_and_keeps_answering(deployer: Deployer, client: openai.OpenAI) -> None:
    before = _endpoint()

    with pytest.raises(CdkError, match="alias/dev/mistral-7b-instruct"):
        deployer.deploy("breaks", STACK.path)

    assert _status() == "UPDATE_ROLLBACK_COMPLETE"
    assert _endpoint() == before
    answer = client.completions.create(model="mistral-7b-instruct", prompt="Still there?", max_tokens=3)
    assert answer.choices[0].text


def test_leaves_nothing_when_destroyed_even_with_data_in_its_bucket(
    deployer: Deployer, deployed: dict[str, str]
) -> None:
    s3 = _aws("s3")
    for body in (b"first version", b"second version"):
        s3.put_object(Bucket=deployed["BucketName"], Key="train/data.jsonl", Body=body)

    keys.revoke(STACK)
    deployer.destroy("declared", STACK.path, ACCOUNTS)

    assert leftovers([REGION]) == []
