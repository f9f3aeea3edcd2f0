"""Preparing runs in an account of moto: refusals, written objects, and the job of a version."""

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws
from moto.sagemaker.models import sagemaker_backends

from catalog.training.recipe import read_recipe
from tests.support.recorded import Recorded
from tests.training.jumpstart_cache import spec
from tests.training.training_account import BUCKET, ENVIRONMENT, KEY, PIPELINE, RECORDS, Account, make_account
from training import prepare as prepare_module
from training.contract import OPTIONAL_REQUEST_MEMBERS, PREPARE, REQUEST_MEMBERS
from training.dataset import DataError, SourceError
from training.errors import ConcurrentRunError, HyperparameterError, InputError, RecipeError

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with mock_aws():
        yield make_account()


def _set_status(account: Account, name: str, status: str) -> None:
    """Set a job's status: moto completes every job, so that another status is written into its record."""
    sagemaker_backends["123456789012"]["us-west-2"].training_jobs[name].training_job_status = status


def test_prepares_a_first_run(account: Account) -> None:
    prepared = account.run()

    version = prepared["version"]
    assert len(version) == 12
    assert prepared["status"] == "train"
    assert prepared["jobName"] == f"{PIPELINE}-{version}"
    assert prepared["modelData"] == f"s3://{BUCKET}/training/runs/{PIPELINE}-{version}/output/model/"
    assert prepared["samples"] == len(RECORDS)
    assert set(prepared["request"]) == set(REQUEST_MEMBERS)
    assert set(prepared) == set(PREPARE.outputs)


def test_reads_the_event_of_the_contract(account: Account) -> None:
    event = Recorded(account.event())
    account.run(event)
    assert event.read == set(PREPARE.inputs)


@pytest.mark.parametrize(
    ("variables", "members"),
    [
        ({"SPOT": "true"}, {"CheckpointConfig"}),
        ({"SUBNET_IDS": "subnet-1", "SECURITY_GROUP_IDS": "sg-1"}, {"VpcConfig"}),
    ],
)
def test_the_request_has_optional_members_with_spot_instances_and_with_subnets(
    account: Account, variables: dict[str, str], members: set[str]
) -> None:
    request = account.run(**variables)["request"]
    assert set(request) == {*REQUEST_MEMBERS, *members}
    assert members <= set(OPTIONAL_REQUEST_MEMBERS)


def test_the_marker_that_starts_a_run_is_no_data(account: Account) -> None:
    first = account.run()
    account.put("training/_READY", b"")
    assert account.run()["version"] == first["version"]


def test_asks_for_what_was_declared(account: Account) -> None:
    request = account.run()["request"]

    hyperparameters = {name: json.loads(value) for name, value in request["HyperParameters"].items()}
    declared = {"epoch": "1", "max_input_length": "2048", "instruction_tuned": "True", "chat_dataset": "False"}
    assert hyperparameters | declared == hyperparameters
    assert request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] == f"s3://{BUCKET}/training/data/"
    assert request["OutputDataConfig"] == {
        "S3OutputPath": f"s3://{BUCKET}/training/runs/",
        "KmsKeyId": KEY,
        "CompressionType": "NONE",
    }
    assert {"Key": "model", "Value": "mistral-7b-dolly"} in request["Tags"]


def test_writes_report_and_request_beside_each_other_under_the_key(account: Account) -> None:
    prepared = account.run()

    folder = f"training/runs/{prepared['version']}/"
    assert prepared["report"] == f"s3://{BUCKET}/{folder}report.json"
    assert account.read(prepared["report"])["sha256"] == prepared["dataSha256"]
    request = account.read(f"s3://{BUCKET}/{folder}request.json")
    assert request | prepared["request"] == prepared["request"]
    written = account.clients.s3.get_object(Bucket=BUCKET, Key=f"{folder}report.json")
    assert (written["ServerSideEncryption"], written["SSEKMSKeyId"]) == ("aws:kms", KEY)


def test_boto3_takes_the_prepared_request(account: Account) -> None:
    variables = {
        "SPOT": "true",
        "SUBNET_IDS": "subnet-1,subnet-2",
        "SECURITY_GROUP_IDS": "sg-1",
        "VALIDATION_PREFIX": f"s3://{BUCKET}/training/validation",
    }
    other = [{**record, "response": f"{record['response']} Really."} for record in RECORDS]
    account.put_data(other, prefix="training/validation/")
    request = account.run(**variables)["request"]

    shape = botocore.session.get_session().get_service_model("sagemaker").operation_model("CreateTrainingJob")
    assert shape.input_shape is not None
    report = ParamValidator().validate(request, shape.input_shape)
    assert not report.has_errors(), report.generate_report()
    assert request["VpcConfig"] == {"Subnets": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    assert request["CheckpointConfig"]["S3Uri"].endswith(f"/training/runs/{request['TrainingJobName']}/checkpoints/")
    assert [channel["ChannelName"] for channel in request["InputDataConfig"]] == [
        *("train", "validation", "model", "code")
    ]


def test_trains_the_familys_channel(account: Account) -> None:
    def channels(**variables: str) -> dict[str, str]:
        inputs = account.run(**variables)["request"]["InputDataConfig"]
        return {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in inputs}

    llama = {
        "MODEL_ID": "meta-textgeneration-llama-3-2-3b-instruct",
        "MODEL_VERSION": "1.0.6",
        "ACCEPT_EULA": "true",
        "HYPERPARAMETERS": "{}",
    }
    data = f"s3://{BUCKET}/training/data/"
    assert (channels()["train"], "training" in channels()) == (data, False)
    assert (channels(**llama)["training"], "train" in channels(**llama)) == (data, False)


def test_an_unknown_family_gets_the_data_in_a_channel_of_each_name(account: Account) -> None:
    document = spec("huggingface-llm-mistral-7b", "2.1.0") | {"model_id": "huggingface-llm-other-7b"}
    account.put_cached("other.json", json.dumps(document).encode())
    entry = {"model_id": "huggingface-llm-other-7b", "version": "2.1.0", "spec_key": "other.json"}
    account.put_cached("models_manifest.json", json.dumps([entry]).encode())
    inputs = account.run(MODEL_ID="huggingface-llm-other-7b")["request"]["InputDataConfig"]
    uris = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in inputs}
    assert uris["train"] == uris["training"] == f"s3://{BUCKET}/training/data/"


def _with_the_old_channel(request: dict[str, Any]) -> dict[str, Any]:
    """Return the request as releases sent it that called every family's channel `training`."""
    named = [
        {**one, "ChannelName": one["ChannelName"].replace("train", "training")} for one in request["InputDataConfig"]
    ]
    return {**request, "InputDataConfig": named}


def test_a_job_that_failed_for_its_channel_is_tried_again_with_the_right_one(account: Account) -> None:
    first = account.run()
    account.clients.sagemaker.create_training_job(**_with_the_old_channel(first["request"]))
    _set_status(account, first["jobName"], "Failed")

    again = account.run()

    assert again["version"] == first["version"]
    assert (again["status"], again["jobName"]) == ("train", f"{first['jobName']}-2")
    assert again["request"]["InputDataConfig"][0]["ChannelName"] == "train"


def test_a_job_that_completed_with_another_channel_is_not_paid_again(account: Account) -> None:
    first = account.run()
    account.clients.sagemaker.create_training_job(**_with_the_old_channel(first["request"]))
    account.put_model(first)
    assert account.run() == first | {"status": "trained"}


FIRST_SEEN = f"s3://{BUCKET}/training/runs/recipes.json"
LABEL = "huggingface-llm-mistral-7b 2.1.0"


def _publish(account: Account, **changes: object) -> None:
    """Let JumpStart's cache have another document of the pinned version."""
    document = spec("huggingface-llm-mistral-7b", "2.1.0") | changes
    key = "community_models/huggingface-llm-mistral-7b/specs_v2.1.0.json"
    account.put_cached(key, json.dumps(document).encode())


def test_refuses_another_recipe_than_the_lock_pins(account: Account) -> None:
    pinned = read_recipe(spec("huggingface-llm-mistral-7b", "2.1.0")).spec_sha256
    assert account.run(RECIPE_SHA256=pinned)["status"] == "train"
    _publish(account, training_prepacked_script_key="source-directory-tarballs/other.tar.gz")
    with pytest.raises(RecipeError) as caught:
        account.run(RECIPE_SHA256=pinned)
    assert f"the lock pins {pinned}" in str(caught.value)
    assert "./jumpstack catalog update huggingface-llm-mistral-7b@2.1.0 --source live" in str(caught.value)


def test_records_the_recipe_that_the_first_run_sees(account: Account) -> None:
    account.run()
    seen = account.read(FIRST_SEEN)[LABEL]
    assert seen["sha256"] == read_recipe(spec("huggingface-llm-mistral-7b", "2.1.0")).spec_sha256
    assert seen["script"].endswith("/sourcedir.tar.gz")
    written = account.clients.s3.get_object(Bucket=BUCKET, Key="training/runs/recipes.json")
    assert (written["ServerSideEncryption"], written["SSEKMSKeyId"]) == ("aws:kms", KEY)


def test_refuses_another_recipe_than_the_first_run_saw(account: Account) -> None:
    account.run()
    _publish(account, training_prepacked_script_key="source-directory-tarballs/other.tar.gz")
    with pytest.raises(
        RecipeError, match=r"the first run saw another .*script s3://.*/sourcedir.tar.gz is s3://.*/other"
    ):
        account.run()


def test_a_hash_in_the_lock_goes_before_what_the_first_run_saw(account: Account) -> None:
    account.run()
    _publish(account, training_prepacked_script_key="source-directory-tarballs/other.tar.gz")
    document = spec("huggingface-llm-mistral-7b", "2.1.0")
    document["training_prepacked_script_key"] = "source-directory-tarballs/other.tar.gz"
    assert account.run(RECIPE_SHA256=read_recipe(document).spec_sha256)["status"] == "train"


def test_each_version_has_a_first_run_of_its_own_whatever_its_instances(account: Account) -> None:
    account.run()
    account.run(MODEL_VERSION="2.9.0")
    account.run(INSTANCE_TYPE="ml.g5.24xlarge")
    assert list(account.read(FIRST_SEEN)) == [LABEL, "huggingface-llm-mistral-7b 2.9.0"]


@pytest.mark.parametrize(("body", "problem"), [(b"{", "is not JSON"), (b"[]", "is a list")])
def test_refuses_a_record_of_recipes_that_it_cannot_read(account: Account, body: bytes, problem: str) -> None:
    account.put("training/runs/recipes.json", body)
    with pytest.raises(RecipeError, match=f"recipes.json {problem}"):
        account.run()


def test_finds_the_job_that_has_ended_well(account: Account) -> None:
    first = account.run()
    account.train(first)
    account.put_model(first)

    again = account.run()

    assert again == first | {"status": "trained"}


def test_finds_it_wherever_the_same_data_lies_and_whoever_runs_it(account: Account) -> None:
    first = account.run()
    account.train(first)
    account.put_model(first)
    account.put_data(RECORDS, prefix="elsewhere/")

    other = account.run(
        account.event(dataPrefix=f"s3://{BUCKET}/elsewhere"),
        ROLE_ARN="arn:aws:iam::123456789012:role/another",
        MAX_RUNTIME_SECONDS="60",
        SPOT="true",
        TAGS="{}",
    )

    assert (other["status"], other["version"], other["jobName"]) == ("trained", first["version"], first["jobName"])


def test_leaves_the_record_of_a_trained_version_as_it_was(account: Account) -> None:
    first = account.run()
    account.train(first)
    account.put_model(first)
    account.put_data(RECORDS, prefix="elsewhere/")
    account.run(account.event(dataPrefix=f"s3://{BUCKET}/elsewhere/"))

    assert account.read(first["report"])["sources"] == {"train": f"s3://{BUCKET}/training/data/"}


@pytest.mark.parametrize(
    "changed",
    [
        {"HYPERPARAMETERS": '{"epoch": "2", "max_input_length": "2048"}'},
        {"INSTANCE_TYPE": "ml.g5.48xlarge"},
        {"INSTANCE_COUNT": "2"},
        {"MODEL_VERSION": "2.9.0"},
        {"VALIDATION_SPLIT": "0.5"},
    ],
)
def test_other_settings_are_another_version(account: Account, changed: dict[str, str]) -> None:
    assert account.run()["version"] != account.run(**changed)["version"]


def test_other_data_is_another_version(account: Account) -> None:
    first = account.run()
    account.put_data(RECORDS[1:])
    assert account.run()["version"] != first["version"]


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_retries_a_job_that_did_not_end_well_under_a_new_name(account: Account, status: str) -> None:
    first = account.run()
    account.train(first)
    _set_status(account, first["jobName"], status)

    second = account.run()

    assert (second["status"], second["version"]) == ("train", first["version"])
    assert second["jobName"] == f"{first['jobName']}-2"
    assert second["modelData"].endswith(f"/{first['jobName']}-2/output/model/")
    assert json.loads(second["request"]["HyperParameters"]["sagemaker_job_name"]) == second["jobName"]


def test_trains_again_where_the_model_of_a_good_job_is_gone(account: Account) -> None:
    first = account.run()
    account.train(first)

    assert account.run()["jobName"] == f"{first['jobName']}-2"


def test_takes_over_a_job_of_the_version_that_no_run_waits_for(account: Account) -> None:
    first = account.run()
    account.train(first)
    _set_status(account, first["jobName"], "InProgress")

    second = account.run()
    assert (second["status"], second["jobName"]) == ("training", first["jobName"])
    assert (second["modelData"], second["version"]) == (first["modelData"], first["version"])


def test_refuses_a_run_while_an_older_one_is_running(account: Account) -> None:
    older = account.event()
    with pytest.raises(ConcurrentRunError, match=f"execution {older['execution'].rpartition(':')[2]} has been running"):
        account.run()


def test_the_oldest_of_two_runs_goes_on(account: Account) -> None:
    older = account.event()
    account.event()
    assert account.run(older)["status"] == "train"


def test_runs_again_once_the_other_run_has_ended(account: Account) -> None:
    account.stop(account.event())
    assert account.run()["status"] == "train"


def test_refuses_bad_data_with_its_lines_and_keeps_the_report(account: Account) -> None:
    broken = [*RECORDS]
    broken[4] = {"instruction": "No response here.", "context": "-"}
    account.put_data(broken)

    with pytest.raises(DataError, match=r"train\.jsonl") as raised:
        account.run()

    assert ":5" in str(raised.value) or "line 5" in str(raised.value)
    where = str(raised.value).rpartition("the whole report: ")[2]
    assert account.read(where)["ok"] is False
    assert not any(key.endswith("request.json") for key in account.object_keys())


def test_refuses_data_whose_template_is_not_the_declared_one(account: Account) -> None:
    account.put("training/data/template.json", b'{"prompt": "{instruction} {context}", "completion": "{response}"}')
    with pytest.raises(DataError, match="differs from the declared one in prompt"):
        account.run()


def test_refuses_a_bucket_that_is_not_there(account: Account) -> None:
    with pytest.raises(SourceError, match="s3://no-such-bucket/data/ cannot be listed"):
        account.run(account.event(dataPrefix="s3://no-such-bucket/data/"))


def test_says_everything_that_is_wrong_with_the_hyperparameters(account: Account) -> None:
    values = {"epoch": "0", "epochs": "1", "instruction_tuned": "False"}
    with pytest.raises(HyperparameterError) as raised:
        account.run(HYPERPARAMETERS=json.dumps(values))
    assert str(raised.value).splitlines() == [
        "hyperparameter 'instruction_tuned' is 'False': with the method instruction it is 'True'",
        "hyperparameter 'epoch' is '0': allowed is a whole number at least 1 and at most 1000",
        "hyperparameter 'epochs' is not in the recipe: did you mean epoch?",
    ]


def test_refuses_a_validation_split_that_is_declared_twice(account: Account) -> None:
    values = '{"validation_split_ratio": "0.1"}'
    with pytest.raises(HyperparameterError, match=r"'validation_split_ratio' is '0\.1', must be 0\.2"):
        account.run(HYPERPARAMETERS=values, VALIDATION_SPLIT="0.2")


def test_takes_the_same_validation_split_twice(account: Account) -> None:
    prepared = account.run(HYPERPARAMETERS='{"validation_split_ratio": "0.20"}', VALIDATION_SPLIT="0.2")
    assert prepared["request"]["HyperParameters"]["validation_split_ratio"] == '"0.20"'


def test_refuses_hyperparameters_that_exclude_each_other(account: Account) -> None:
    llama = {"MODEL_ID": "meta-textgeneration-llama-3-2-3b-instruct", "MODEL_VERSION": "1.0.6", "ACCEPT_EULA": "true"}
    with pytest.raises(HyperparameterError, match="both 'True': the script does not quantize with FSDP"):
        account.run(**llama, HYPERPARAMETERS='{"int8_quantization": "True"}')


def test_refuses_an_instance_type_that_the_recipe_is_not_for(account: Account) -> None:
    with pytest.raises(RecipeError, match=r"instance_type is 'ml\.g4dn\.xlarge': .* is trained on one of ml\.g5"):
        account.run(INSTANCE_TYPE="ml.g4dn.xlarge")


def test_refuses_a_version_that_is_not_in_the_regions_cache(account: Account) -> None:
    with pytest.raises(RecipeError, match=r"version '2\.0\.0' of .* is not in JumpStart's cache in us-west-2: choose"):
        account.run(MODEL_VERSION="2.0.0")


def test_refuses_a_model_without_training(account: Account) -> None:
    document: dict[str, Any] = spec("huggingface-llm-mistral-7b", "2.1.0") | {"training_supported": False}
    key = "community_models/huggingface-llm-mistral-7b/specs_v2.1.0.json"
    account.put_cached(key, json.dumps(document).encode())
    with pytest.raises(RecipeError, match="cannot be fine-tuned"):
        account.run()


@pytest.mark.parametrize(("body", "problem"), [(b"{", "is not JSON"), (b'[{"model_id": "x"}]', "has an unknown form")])
def test_refuses_a_manifest_that_it_cannot_read(account: Account, body: bytes, problem: str) -> None:
    account.put_cached("models_manifest.json", body)
    with pytest.raises(RecipeError, match=problem):
        account.run()


def test_reads_no_document_larger_than_any_spec(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.recipes.LARGEST_BYTES", 20_000)
    with pytest.raises(RecipeError, match=r"specs_v2\.1\.0\.json has 20713 bytes: at most 20000 are read"):
        account.run()


def test_refuses_a_region_without_cache(account: Account) -> None:
    with pytest.raises(RecipeError, match=r"s3://jumpstart-cache-prod-mx-central-1/models_manifest\.json cannot be"):
        account.run(AWS_REGION="mx-central-1")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"dataPrefixes": "s3://bucket/"}, "the input has dataPrefixes; allowed: dataPrefix, action"),
        ({"dataPrefix": "/data"}, "dataPrefix is '/data', must be an s3:// prefix"),
        ({"dataPrefix": None}, "dataPrefix is None"),
    ],
)
def test_refuses_an_input_that_it_does_not_know(account: Account, given: dict[str, Any], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        account.run(account.event(**given))


class _Context:
    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def test_the_handler_prepares_by_its_environment(
    account: Account, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)

    prepared = prepare_module.handler(account.event(), _Context(900_000))

    logged = json.loads(capsys.readouterr().out)["prepared"]
    assert logged["version"] == prepared["version"]
    # The log has no content of the data.
    assert "instruction" not in json.dumps(logged)


def test_the_handler_gives_up_before_lambda_does(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SourceError):
        prepare_module.handler(account.event(), _Context(1_000))
