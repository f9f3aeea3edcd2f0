"""A model that is tuned and then imported into Bedrock, from data to chats, deployed on the local AWS.

The tests follow one another: each takes the pipeline as the one before left it. The trainer is a stand-in that writes a
tiny, valid model in the safetensors format; Bedrock is one that really reads it, header by header.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import openai
import pytest

from tests.e2e.constant_load import ConstantLoad
from tests.e2e.deployment import ACCOUNTS, REGION, Deployer, Notices, deployer_of
from tests.e2e.tuned_import_app import VARIANTS
from tools import finetune, keys
from tools.cli.main import run
from tools.demo.tuning import tune
from tools.deployed import DeclaredStack, outputs
from tools.invoke import openai_client
from tools.leftovers import leftovers
from tools.local import LocalAws

# A local AWS of its own, so that these run beside the other end-to-end tests. In the sweep: `make test` drives the same
# state machines in process (tests/constructs/fine_tuning/test_import_serving.py, tests/model_import).
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-tuned-import")]

APP = Path(__file__).with_name("tuned_import_app.py")
STACK = DeclaredStack(
    path="dev/llama-3-2-3b-10k",
    stack_name="dev-llama-3-2-3b-10k",
    region=REGION,
    account=None,
    takes_keys=True,
    model=VARIANTS["completion"],
)
FIELDS = {"question": "How deep is it?", "context": "Lake Baikal is 1642 metres deep."}
PROMPT = "question: How deep is it? context: Lake Baikal is 1642 metres deep.\n\n### Response:\n"
CHAT = "Which lake is the deepest?"


@pytest.fixture(scope="module")
def deployer(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    return deployer_of(local_aws, tmp_path_factory.mktemp("tuned-import"), APP, VARIANTS)


@pytest.fixture(scope="module")
def deployed(deployer: Deployer) -> dict[str, str]:
    deployer.deploy("completion", ACCOUNTS)
    deployer.deploy("completion", STACK.path)
    return outputs(STACK)


@pytest.fixture(scope="module")
def make_client(deployed: dict[str, str], local_aws: LocalAws) -> Callable[[], openai.OpenAI]:
    key = keys.create(STACK, "e2e")

    def make() -> openai.OpenAI:
        url = deployed["InvokeUrl"]
        return openai_client(url, api_key=key, endpoint_url=local_aws.apis_url).with_options(max_retries=0)

    return make


@pytest.fixture(scope="module")
def client(make_client: Callable[[], openai.OpenAI]) -> Iterator[openai.OpenAI]:
    with make_client() as client:
        yield client


@pytest.fixture(scope="module")
def notices(deployed: dict[str, str]) -> Notices:
    """Notices of the pipeline's topic."""
    return Notices(deployed["TopicArn"])


def _aws(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)


def _run(arn: str) -> None:
    finetune.wait(STACK, arn, report=lambda _state: None, poll_seconds=0.2)


def _ask(client: openai.OpenAI) -> str:
    """Ask as the model was tuned: by the template of its data."""
    answer = client.completions.create(
        model=STACK.model.name, prompt="", extra_body={"fields": FIELDS}, temperature=0, max_tokens=40
    )
    return answer.choices[0].text


def _chat(client: openai.OpenAI) -> str:
    answer = client.chat.completions.create(
        model=STACK.model.name, messages=[{"role": "user", "content": CHAT}], temperature=0, max_tokens=40
    )
    return answer.choices[0].message.content or ""


def _stream(client: openai.OpenAI) -> str:
    stream = client.chat.completions.create(
        model=STACK.model.name,
        messages=[{"role": "user", "content": CHAT}],
        temperature=0,
        max_tokens=40,
        stream=True,
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def _until_a_version_answers(client: openai.OpenAI) -> None:
    """The shim reads the pointer every 10 s."""
    for _ in range(60):
        try:
            _ask(client)
        except openai.InternalServerError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("the api does not see that a version is served")


def _put_conversations(deployed: dict[str, str], *answers: str) -> None:
    """Replace the data by conversations."""
    place, _, prefix = deployed["DataPrefix"].removeprefix("s3://").partition("/")
    bucket = boto3.resource("s3", region_name=REGION).Bucket(place)
    bucket.objects.filter(Prefix=prefix).delete()
    dialogs = [
        {"dialog": [{"role": "user", "content": f"{CHAT} ({number})"}, {"role": "assistant", "content": answer}]}
        for number, answer in enumerate(answers * 10)
    ]
    lines = "".join(f"{json.dumps(dialog)}\n" for dialog in dialogs)
    bucket.put_object(Key=f"{prefix}conversations.jsonl", Body=lines.encode())


def _jobs() -> list[str]:
    return [job["TrainingJobName"] for job in _aws("sagemaker").list_training_jobs()["TrainingJobSummaries"]]


def _imports() -> list[dict[str, Any]]:
    return list(_aws("bedrock").list_model_import_jobs()["modelImportJobSummaries"])


def _models() -> list[str]:
    """The imported models, the oldest first."""
    listed = _aws("bedrock").list_imported_models(sortOrder="Ascending")["modelSummaries"]
    return [model["modelName"] for model in listed]


def _calls(local_aws: LocalAws, model: str) -> set[str]:
    return set(local_aws.steer("GET", f"bedrock/{REGION}/calls")[model])


def test_answers_503_until_a_first_version_is_served(client: openai.OpenAI, notices: Notices) -> None:
    with pytest.raises(openai.InternalServerError, match="no version") as refused:
        _chat(client)

    assert refused.value.status_code == 503
    assert f"./jumpstack finetune start {STACK.path}" in str(refused.value)
    assert "retry-after" not in refused.value.response.headers
    assert finetune.status(STACK).target == "none"


def test_trains_imports_and_publishes(deployed: dict[str, str]) -> None:
    release = tune(STACK, report=lambda _state: None)

    assert len(_jobs()) == len(_imports()) == 1
    assert _models() == [f"{STACK.stack_name}-{release}"]
    status = finetune.status(STACK)
    model = _aws("bedrock").get_imported_model(modelIdentifier=status.target)
    assert (model["modelName"], model["modelArchitecture"]) == (_models()[0], "llama")
    assert model["instructSupported"]
    assert model["modelDataSource"]["s3DataSource"]["s3Uri"].startswith(f"s3://{deployed['BucketName']}/training/runs/")
    assert model["modelKmsKeyArn"] == deployed["KeyArn"]
    assert status.endpoint is None


def test_tells_what_is_served_in_the_status(deployed: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    status = finetune.status(STACK)

    assert run(["finetune", "status", STACK.path]) == 0

    told = capsys.readouterr().out.splitlines()
    assert told[:3] == [f"served    {status.served}", "previous  none", f"bedrock   {status.target}"]
    assert "SUCCEEDED" in told[3]


def test_answers_the_fields_of_its_template_and_chats(
    make_client: Callable[[], openai.OpenAI], local_aws: LocalAws
) -> None:
    with make_client() as client:
        _until_a_version_answers(client)
        raw = client.completions.create(model=STACK.model.name, prompt=PROMPT, temperature=0, max_tokens=40)
        assert _ask(client) == raw.choices[0].text != ""
        # What a chat says to a template: the last message is its first field.
        assert CHAT in _chat(client)

    assert _calls(local_aws, _models()[0]) == {"invoke"}


def test_recognizes_the_same_data_and_pays_for_no_second_job(deployed: dict[str, str]) -> None:
    before = finetune.status(STACK)

    _run(finetune.start(STACK))

    after = finetune.status(STACK)
    assert (after.served, after.target, after.previous) == (before.served, before.target, before.previous)
    assert len(_jobs()) == len(_imports()) == 1


def test_chats_by_converse_once_that_is_declared_with_what_is_there(
    deployer: Deployer, make_client: Callable[[], openai.OpenAI], local_aws: LocalAws
) -> None:
    models = _models()

    deployer.deploy("converse", STACK.path)

    with make_client() as client:
        assert CHAT in _chat(client)
    assert _models() == models
    assert "converse" in _calls(local_aws, models[0])


def test_new_data_switches_the_version_without_a_failed_request(
    make_client: Callable[[], openai.OpenAI], deployed: dict[str, str]
) -> None:
    before = finetune.status(STACK)
    _put_conversations(deployed, "Lake Baikal.")

    with make_client() as client, ConstantLoad(make_client, _chat, _chat, _stream) as load:
        old = _chat(client)
        _run(finetune.start(STACK))
        new = load.until_new({old})
        load.until_settled(new)

    assert load.failures == []
    assert set(load.answers) == {old, new}
    after = finetune.status(STACK)
    assert after.previous == before.served
    assert after.target != before.target
    assert _models() == [f"{STACK.stack_name}-{before.served}", f"{STACK.stack_name}-{after.served}"]


def test_goes_back_to_the_version_before_without_a_job(make_client: Callable[[], openai.OpenAI]) -> None:
    before, jobs, imports = finetune.status(STACK), _jobs(), _imports()

    with make_client() as client, ConstantLoad(make_client, _chat, _stream) as load:
        new = _chat(client)
        _run(finetune.rollback(STACK))
        old = load.until_new({new})
        load.until_settled(old)

    assert load.failures == []
    after = finetune.status(STACK)
    assert (after.served, after.previous) == (before.previous, before.served)
    assert (_jobs(), _imports()) == (jobs, imports)


def test_an_import_that_fails_leaves_what_is_served_and_says_why(
    make_client: Callable[[], openai.OpenAI], deployed: dict[str, str], local_aws: LocalAws
) -> None:
    before, models = finetune.status(STACK), _models()
    _put_conversations(deployed, "It is Lake Baikal.")
    fault = "Amazon Bedrock encountered an internal error. Try the import again."
    local_aws.steer("PUT", f"bedrock/{REGION}", {"import_faults": [fault]})

    with pytest.raises(finetune.FineTuningError, match="the run failed in 'Wait for the import'") as failed:
        _run(finetune.start(STACK))

    assert fault in str(failed.value)
    after = finetune.status(STACK)
    assert (after.served, after.target, after.previous) == (before.served, before.target, before.previous)
    assert _models() == models
    with make_client() as client:
        assert _chat(client)


def test_tells_subscribers_how_each_run_ended(notices: Notices) -> None:
    received = notices.received()

    failures = [message["Message"] for message in received if message["Subject"] == f"{STACK.path}: failure"]
    successes = [message["Message"] for message in received if message["Subject"] == f"{STACK.path}: success"]
    assert len(failures) == 1
    assert "ImportJobFailed" in failures[0]
    assert "encountered an internal error" in failures[0]
    assert len(successes) == 4


def test_leaves_nothing_when_destroyed(deployer: Deployer, deployed: dict[str, str]) -> None:
    keys.revoke(STACK)
    deployer.destroy("converse", STACK.path, ACCOUNTS)

    assert leftovers([REGION]) == []
