"""Models whose weights exist, imported into Bedrock by `cdk deploy` itself on the local AWS: asked, updated, destroyed.

The tests follow one another: each takes the account as the one before left it. The weights are tiny, but real and
valid; Bedrock is a stand-in that holds to the documented quotas, names, states and errors.
"""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import openai
import pytest

from stacks.environments import DEV
from tests.e2e.constant_load import ConstantLoad
from tests.e2e.deployment import ACCOUNTS, REGION, Deployer, deployer_of
from tests.e2e.import_app import declared, prefix
from tests.model_import.artifacts.artifact_models import granite_llama, half
from tests.support.bedrock_models import ACCOUNT, Bedrock, make_role, read_policy
from tools import keys
from tools.cdk import CdkError
from tools.deployed import DeclaredStack, outputs
from tools.invoke import openai_client
from tools.leftovers import Leftover, leftovers
from tools.local import LocalAws

# A local AWS of its own, so that these run beside the other end-to-end tests. In the sweep, because a tuned model's
# import, which every `make test` shows, goes the same way.
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-import")]

CODE, TALK = (
    DeclaredStack(
        path=f"{DEV.name}/{model.name}",
        stack_name=f"{DEV.name}-{model.name}",
        region=REGION,
        account=None,
        takes_keys=True,
        model=model,
    )
    for model in declared("v1")
)
APP = Path(__file__).with_name("import_app.py")
VERSIONS = ("v1", "v2", "v3", "adapter")
BUCKET = f"sagemaker-{REGION}-{ACCOUNT}"
STRANGER = "of-somebody-else"
QUESTION = "Which lake is the deepest?"


@pytest.fixture(scope="module")
def deployer(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    return deployer_of(local_aws, tmp_path_factory.mktemp("import"), APP, VERSIONS)


@pytest.fixture(scope="module")
def weights(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The versions of a tiny model in SageMaker's default bucket; one is only an adapter."""
    s3 = _aws("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for number, version in enumerate(VERSIONS):
        model = granite_llama(tmp_path_factory.mktemp("weights") / version)
        model.save({**model.tensors, "model.norm.weight": half(8) + np.float16(number)})
        if version == "adapter":
            model.remove("config.json", "model.safetensors")
            model.write("adapter_config.json", {"peft_type": "LORA"})
            model.save({"base_model.model.lm_head.lora_A.weight": half(2, 8)}, "adapter_model.safetensors")
        for file in model.folder.iterdir():
            s3.upload_file(str(file), BUCKET, f"{prefix(version)}{file.name}")


@pytest.fixture(scope="module")
def bedrock(local_aws: LocalAws, weights: None) -> Bedrock:
    role = make_role(_aws("iam"), read_policy(BUCKET))
    return Bedrock(
        url=local_aws.url, clients=lambda service, region=REGION: _aws(service), bucket=BUCKET, role_arn=role
    )


@pytest.fixture(scope="module")
def before(deployer: Deployer, bedrock: Bedrock) -> list[Leftover]:
    """Resources of no stack: the bucket with the weights, and somebody else's role."""
    return leftovers([REGION])


@pytest.fixture(scope="module")
def deployed(deployer: Deployer, bedrock: Bedrock, before: list[Leftover]) -> None:
    """Both stacks, deployed at the same time, while somebody else's import runs in the account."""
    bedrock.behave(import_seconds=3600)
    bedrock.start(f"s3://{BUCKET}/{prefix('v1')}", importedModelName=STRANGER)

    def let_the_other_import_end() -> None:
        if all("Wait for its turn" in _states(stack) for stack in (CODE, TALK)):
            bedrock.behave(import_seconds=0.1)

    deployer.deploy("v1", ACCOUNTS)
    deployer.deploy("v1", CODE.path, TALK.path, while_waiting=let_the_other_import_end)


@pytest.fixture(scope="module")
def caller(deployed: None, local_aws: LocalAws) -> Callable[[DeclaredStack], openai.OpenAI]:
    """Gives clients with a key of a stack's own."""
    made = {stack.path: (outputs(stack)["InvokeUrl"], keys.create(stack, "e2e")) for stack in (CODE, TALK)}

    def client(stack: DeclaredStack) -> openai.OpenAI:
        url, key = made[stack.path]
        return openai_client(url, api_key=key, endpoint_url=local_aws.apis_url).with_options(max_retries=0)

    return client


@pytest.fixture
def code(caller: Callable[[DeclaredStack], openai.OpenAI]) -> Iterator[openai.OpenAI]:
    with caller(CODE) as client:
        yield client


@pytest.fixture
def talk(caller: Callable[[DeclaredStack], openai.OpenAI]) -> Iterator[openai.OpenAI]:
    with caller(TALK) as client:
        yield client


@pytest.fixture
def load(caller: Callable[[DeclaredStack], openai.OpenAI]) -> Callable[[DeclaredStack], ConstantLoad]:
    """Gives callers of a stack, whole and streamed."""

    def make(stack: DeclaredStack) -> ConstantLoad:
        def whole(client: openai.OpenAI) -> str:
            return _ask(client, stack)

        def streamed(client: openai.OpenAI) -> str:
            return _streamed(client, stack)

        return ConstantLoad(lambda: caller(stack), whole, whole, streamed)

    return make


def _aws(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)


def _ask(client: openai.OpenAI, stack: DeclaredStack) -> str:
    answer = client.chat.completions.create(
        model=stack.model.name, messages=[{"role": "user", "content": QUESTION}], temperature=0, max_tokens=40
    )
    return answer.choices[0].message.content or ""


def _streamed(client: openai.OpenAI, stack: DeclaredStack) -> str:
    stream = client.chat.completions.create(
        model=stack.model.name,
        messages=[{"role": "user", "content": QUESTION}],
        temperature=0,
        max_tokens=40,
        stream=True,
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def _states(stack: DeclaredStack) -> list[str]:
    """The states that the newest run of a stack's imports entered; none before there is one."""
    client = _aws("stepfunctions")
    machines = {one["name"]: one["stateMachineArn"] for one in client.list_state_machines()["stateMachines"]}
    arn = machines.get(f"{stack.stack_name}-import")
    runs = client.list_executions(stateMachineArn=arn)["executions"] if arn else []
    if not runs:
        return []
    history = client.get_execution_history(executionArn=runs[0]["executionArn"], maxResults=1000)["events"]
    return [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]


def _models(stack: DeclaredStack | None = None) -> list[str]:
    """The imported models of the account, or of a stack, the oldest first."""
    listed = _aws("bedrock").list_imported_models(sortOrder="Ascending")["modelSummaries"]
    names = [model["modelName"] for model in listed]
    return [name for name in names if stack is None or name.startswith(stack.stack_name)]


def _status(stack: DeclaredStack) -> str:
    return str(_aws("cloudformation").describe_stacks(StackName=stack.stack_name)["Stacks"][0]["StackStatus"])


def test_imports_one_after_another_as_the_account_may(deployed: None) -> None:
    jobs = _aws("bedrock").list_model_import_jobs(sortOrder="Ascending")["modelImportJobSummaries"]

    assert [job["status"] for job in jobs] == ["Completed"] * 3
    assert jobs[0]["importedModelName"] == STRANGER
    assert all(earlier["endTime"] <= later["creationTime"] for earlier, later in itertools.pairwise(jobs))
    assert len(_models()) == 3
    assert len(_models(CODE)) == len(_models(TALK)) == 1


def test_tells_name_pointer_state_machine_and_url(deployed: None) -> None:
    given = outputs(CODE)

    assert set(given) == {
        *("InvokeUrl", "TopicArn", "UsagePlanId"),
        *("ImportedModelName", "PointerName", "ImportStateMachineArn"),
    }
    target = _aws("ssm").get_parameter(Name=given["PointerName"])["Parameter"]["Value"]
    model = _aws("bedrock").get_imported_model(modelIdentifier=target)
    assert model["modelName"] == _models(CODE)[0]
    assert model["modelName"].startswith(f"{given['ImportedModelName']}-")
    assert model["instructSupported"]


def test_shows_among_what_would_be_left(deployed: None, before: list[Leftover]) -> None:
    there = {(resource.kind, resource.name) for resource in leftovers([REGION])}

    assert {("Bedrock imported model", name) for name in _models()} <= there
    assert ("AWS::CloudWatch::Dashboard", f"imported-{CODE.stack_name}") in there
    assert {(resource.kind, resource.name) for resource in before} < there


def test_chats_with_openais_client_whole_and_streamed(code: openai.OpenAI, bedrock: Bedrock) -> None:
    answer = _ask(code, CODE)

    assert answer.endswith(f"to: {QUESTION}")
    assert _streamed(code, CODE) == answer
    assert set(bedrock.steer("GET", path="/calls")[_models(CODE)[0]]) == {"invoke", "invoke-with-response-stream"}


def test_chats_by_converse_where_that_is_declared(talk: openai.OpenAI, bedrock: Bedrock) -> None:
    answer = _ask(talk, TALK)

    assert answer.endswith(f"to: {QUESTION}")
    assert _streamed(talk, TALK) == answer
    assert set(bedrock.steer("GET", path="/calls")[_models(TALK)[0]]) == {"converse", "converse-stream"}


def test_waits_for_a_model_that_bedrock_has_unloaded(code: openai.OpenAI, bedrock: Bedrock) -> None:
    [model] = _models(CODE)
    before = bedrock.steer("GET", path="/calls")[model]["invoke"]
    bedrock.behave(idle_seconds=0, cold_requests=2, warm_up_seconds=0.2)

    assert _ask(code, CODE)

    bedrock.behave(idle_seconds=300, cold_requests=1)
    after = bedrock.steer("GET", path="/calls")[model]["invoke"]
    assert after["ok"] == before["ok"] + 1
    assert after["ModelNotReadyException"] >= before["ModelNotReadyException"] + 2


def test_an_update_for_which_there_is_no_room_names_what_is_there_and_removes_nothing(
    deployer: Deployer, code: openai.OpenAI
) -> None:
    before, models = _ask(code, CODE), _models()

    with pytest.raises(CdkError, match="NoRoomError") as failed:
        deployer.deploy("v2", CODE.path)

    for model in models:
        assert model in str(failed.value)
    assert _models() == models
    assert _status(CODE) == "UPDATE_ROLLBACK_COMPLETE"
    assert _ask(code, CODE) == before


def test_updates_switch_versions_without_a_failed_request_and_make_room_of_their_own(
    deployer: Deployer, code: openai.OpenAI, load: Callable[[DeclaredStack], ConstantLoad]
) -> None:
    _aws("bedrock").delete_imported_model(modelIdentifier=STRANGER)
    [first], [other] = _models(CODE), _models(TALK)

    with load(CODE) as callers:
        one = _ask(code, CODE)
        deployer.deploy("v2", CODE.path)
        two = callers.until_new({one})
        [_, second] = _models(CODE)
        deployer.deploy("v3", CODE.path)
        three = callers.until_new({one, two})
        callers.until_settled(three)

    assert callers.failures == []
    assert set(callers.answers) == {one, two, three}
    # The account may have three: the oldest of this model's went, and nobody else's.
    [kept, third] = _models(CODE)
    assert kept == second
    assert third not in (first, second)
    assert _models(TALK) == [other]


def test_a_version_that_goes_while_callers_still_ask_it_is_not_missed(
    deployer: Deployer, talk: openai.OpenAI, bedrock: Bedrock, load: Callable[[DeclaredStack], ConstantLoad]
) -> None:
    # The old version is deleted half a second after the new one is published, here where waits take a hundredth; the
    # shim looks at the pointer every 10 s, or when Bedrock has no such model.
    bedrock.behave(max_imported_models=4)
    [first] = _models(TALK)

    with load(TALK) as callers:
        one = _ask(talk, TALK)
        deployer.deploy("v2", TALK.path)
        two = callers.until_new({one})
        callers.until_settled(two)

    bedrock.behave(max_imported_models=3)
    assert callers.failures == []
    assert set(callers.answers) == {one, two}
    [second] = _models(TALK)
    assert second != first
    assert bedrock.steer("GET", path="/calls")[second].keys() == {"converse", "converse-stream"}


def test_an_update_to_an_adapter_fails_in_the_checks_own_words_and_the_old_version_answers_all_the_while(
    deployer: Deployer, code: openai.OpenAI, load: Callable[[DeclaredStack], ConstantLoad]
) -> None:
    before, models = _ask(code, CODE), _models()

    with load(CODE) as callers, pytest.raises(CdkError, match=r"adapter_config\.json: an adapter"):
        deployer.deploy("adapter", CODE.path)

    assert callers.failures == []
    assert set(callers.answers) == {before}
    assert _status(CODE) == "UPDATE_ROLLBACK_COMPLETE"
    assert _models() == models


def test_leaves_nothing_when_destroyed(deployer: Deployer, deployed: None, before: list[Leftover]) -> None:
    for stack in (CODE, TALK):
        keys.revoke(stack)
    deployer.destroy("v1", CODE.path, TALK.path, ACCOUNTS)

    assert _models() == []
    assert leftovers([REGION]) == before
