"""Fine-tune from data to traffic and back, deployed with the real CDK CLI on the local AWS.

The tests follow one another: each takes the pipeline as the one before left it. The trainer is a stand-in that reads
the real channels and writes a tiny, valid model.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import openai
import pytest

from stacks.models import MISTRAL_7B_DOLLY
from tests.e2e.deployment import ACCOUNTS, REGION, Deployer, Notices, deployer_of
from tools import finetune, keys
from tools.deployed import DeclaredStack, outputs
from tools.invoke import openai_client
from tools.leftovers import leftovers
from tools.local import LocalAws

# A local AWS of its own, so that these run beside the other end-to-end tests. In the sweep: `make test` drives the same
# state machines in process (tests/constructs/fine_tuning), and `make demo` trains every tuned model of an environment.
pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("e2e-tuning")]

APP = Path(__file__).with_name("tuning_app.py")
STACK = DeclaredStack(
    path="dev/mistral-7b-dolly",
    stack_name="dev-mistral-7b-dolly",
    region=REGION,
    account=None,
    takes_keys=True,
    model=MISTRAL_7B_DOLLY,
)
SAMPLES = Path(__file__).resolve().parent.parent.parent / "tools" / "samples" / "dolly"
FIELDS = {"instruction": "Name a lake.", "context": "Lake Baikal is the deepest lake on Earth."}
PROMPT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
    "### Instruction:\nName a lake.\n\n### Input:\nLake Baikal is the deepest lake on Earth.\n\n"
    "\n\n### Response:\n"
)


@pytest.fixture(scope="module")
def deployer(local_aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Deployer:
    return deployer_of(local_aws, tmp_path_factory.mktemp("tuning"), APP, ["declared"])


@pytest.fixture(scope="module")
def deployed(deployer: Deployer) -> dict[str, str]:
    deployer.deploy("declared", ACCOUNTS)
    deployer.deploy("declared", STACK.path)
    return outputs(STACK)


@pytest.fixture(scope="module")
def client(deployed: dict[str, str], local_aws: LocalAws) -> Iterator[openai.OpenAI]:
    client = openai_client(
        deployed["InvokeUrl"], api_key=keys.create(STACK, "e2e"), endpoint_url=local_aws.apis_url
    ).with_options(max_retries=0)
    with client:
        yield client


@pytest.fixture(scope="module")
def data(deployed: dict[str, str]) -> "Data":
    return Data(deployed["DataPrefix"], deployed["ValidationPrefix"])


@pytest.fixture(scope="module")
def notices(deployed: dict[str, str]) -> Notices:
    """Notices of the pipeline's topic."""
    return Notices(deployed["TopicArn"])


class Data:
    """The training data in the stack's bucket, and its validation data."""

    def __init__(self, prefix: str, validation: str) -> None:
        self._bucket, _, self._prefix = prefix.removeprefix("s3://").partition("/")
        self._validation = validation.removeprefix(f"s3://{self._bucket}/")
        self._s3: Any = boto3.client("s3", region_name=REGION)

    def put(self, *lines: str) -> None:
        """Upload the sample, with more lines at its end."""
        sample = (SAMPLES / "train.jsonl").read_text(encoding="utf-8")
        text = sample + "".join(f"{line}\n" for line in lines)
        template = (SAMPLES / "template.json").read_bytes()
        self._s3.put_object(Bucket=self._bucket, Key=f"{self._prefix}train.jsonl", Body=text.encode())
        self._s3.put_object(Bucket=self._bucket, Key=f"{self._prefix}template.json", Body=template)
        held_out = sample.partition("\n")[0]
        self._s3.put_object(Bucket=self._bucket, Key=f"{self._validation}validation.jsonl", Body=held_out.encode())

    @property
    def lines(self) -> int:
        return (SAMPLES / "train.jsonl").read_text(encoding="utf-8").count("\n")


def _aws(service: Any) -> Any:
    return boto3.client(service, region_name=REGION)


def _run(arn: str) -> None:
    finetune.wait(STACK, arn, report=lambda _state: None, poll_seconds=0.2)


def _jobs() -> list[str]:
    return [job["TrainingJobName"] for job in _aws("sagemaker").list_training_jobs()["TrainingJobSummaries"]]


def _served() -> str:
    return finetune.status(STACK).served


def _ask(client: openai.OpenAI) -> str:
    answer = client.completions.create(
        model=STACK.model.name, prompt="", extra_body={"fields": FIELDS}, temperature=0, max_tokens=32
    )
    return answer.choices[0].text


def _until_the_pointer_is_read_again(client: openai.OpenAI) -> None:
    """The shim reads the pointer every 10 s."""
    for _ in range(60):
        try:
            _ask(client)
        except openai.InternalServerError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("the api does not see that a version is served")


def test_answers_503_until_a_first_version_is_served(client: openai.OpenAI, notices: Notices) -> None:
    with pytest.raises(openai.InternalServerError, match="no version") as refused:
        _ask(client)

    assert refused.value.status_code == 503
    assert f"./jumpstack finetune start {STACK.path}" in str(refused.value)
    assert "retry-after" not in refused.value.response.headers


def test_broken_data_stops_before_a_job_with_its_line_numbers(data: Data) -> None:
    data.put('{"instruction": "no context"}', "not json")

    with pytest.raises(finetune.FineTuningError) as failed:
        _run(finetune.start(STACK))

    assert "errorMessage" not in str(failed.value)
    assert f"{data.lines + 1}" in str(failed.value)
    assert f"{data.lines + 2}" in str(failed.value)
    assert _jobs() == []
    assert _served() == "none"


def test_trains_and_serves_and_answers_with_the_tuned_prompt(client: openai.OpenAI, data: Data) -> None:
    data.put()

    _run(finetune.start(STACK))

    (job,) = _jobs()
    assert _served() != "none"
    channels = _aws("sagemaker").describe_training_job(TrainingJobName=job)["InputDataConfig"]
    places = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    assert places["train"].endswith("/training/data/")
    assert places["validation"].endswith("/training/validation/")
    _until_the_pointer_is_read_again(client)
    assert _aws("sagemaker").describe_endpoint(EndpointName=STACK.stack_name)["EndpointStatus"] == "InService"
    raw = client.completions.create(model=STACK.model.name, prompt=PROMPT, temperature=0, max_tokens=32)
    assert _ask(client) == raw.choices[0].text != ""
    chat = client.chat.completions.create(
        model=STACK.model.name,
        messages=[
            {"role": "system", "content": FIELDS["context"]},
            {"role": "user", "content": FIELDS["instruction"]},
        ],
        temperature=0,
        max_tokens=32,
    )
    assert (chat.choices[0].message.content or "").strip() == raw.choices[0].text.strip()


def test_recognizes_the_same_run_and_pays_for_no_second_job(data: Data) -> None:
    served, jobs = _served(), _jobs()

    _run(finetune.start(STACK))

    assert _jobs() == jobs
    assert _served() == served


def test_a_failed_training_leaves_the_served_version_alone(
    client: openai.OpenAI, data: Data, local_aws: LocalAws
) -> None:
    served = _served()
    data.put('{"instruction": "Name a river.", "context": "", "response": "The Lena."}')
    fault = {"reason": "AlgorithmError: CUDA out of memory"}
    local_aws.steer("PUT", "sagemaker/training", {"faults": [fault]})

    with pytest.raises(finetune.FineTuningError, match="CUDA out of memory"):
        _run(finetune.start(STACK))

    assert _served() == served
    assert _ask(client)
    local_aws.steer("DELETE", "sagemaker/training")


def test_a_failed_training_is_tried_again_under_a_new_name_and_its_version_served(client: openai.OpenAI) -> None:
    served, jobs = _served(), _jobs()

    _run(finetune.start(STACK))

    [new] = set(_jobs()) - set(jobs)
    assert new.endswith("-2")
    status = finetune.status(STACK)
    assert status.served != served
    assert status.previous == served
    assert _ask(client)


def test_goes_back_to_the_version_before(client: openai.OpenAI) -> None:
    before = finetune.status(STACK)

    _run(finetune.rollback(STACK))

    after = finetune.status(STACK)
    assert (after.served, after.previous) == (before.previous, before.served)
    live = _aws("sagemaker").describe_endpoint(EndpointName=STACK.stack_name)["EndpointConfigName"]
    assert after.served in live
    assert _ask(client)


def test_an_update_that_sagemaker_rolls_back_is_told_and_not_published(
    client: openai.OpenAI, data: Data, deployed: dict[str, str]
) -> None:
    served = _served()
    data.put('{"instruction": "Name a sea.", "context": "", "response": "The Aral Sea."}')
    cloudwatch = _aws("cloudwatch")
    [alarm, *_] = [found["AlarmName"] for found in cloudwatch.describe_alarms()["MetricAlarms"]]
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="told to")

    with pytest.raises(finetune.FineTuningError):
        _run(finetune.start(STACK))

    assert _served() == served
    assert _ask(client)
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="told to")


def test_a_marker_beside_the_data_starts_a_run(deployed: dict[str, str]) -> None:
    states = _aws("stepfunctions")
    arn = deployed["StateMachineArn"]
    before = len(states.list_executions(stateMachineArn=arn)["executions"])

    _aws("s3").put_object(Bucket=deployed["BucketName"], Key="training/_READY", Body=b"")

    executions = states.list_executions(stateMachineArn=arn)["executions"]
    assert len(executions) == before + 1
    _run(executions[0]["executionArn"])


def test_tells_subscribers_how_each_run_ended(notices: Notices) -> None:
    received = notices.received()

    texts = [message["Message"] for message in received]
    assert {message["Subject"] for message in received} == {f"{STACK.path}: success", f"{STACK.path}: failure"}
    assert any("DataError" in text for text in texts)
    assert any("CUDA out of memory" in text for text in texts)
    assert any("serves release" in text for text in texts)


def test_leaves_nothing_when_destroyed(deployer: Deployer, deployed: dict[str, str]) -> None:
    keys.revoke(STACK)
    deployer.destroy("declared", STACK.path, ACCOUNTS)

    assert leftovers([REGION]) == []
