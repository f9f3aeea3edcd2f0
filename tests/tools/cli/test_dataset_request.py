"""Prints the request of a training job that nobody pays for."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stacks.models import DEPLOYMENTS, MISTRAL_7B_DOLLY
from tools.cli.main import run
from tools.dataset import request as dataset_request

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "tools" / "samples"
SPEC = ROOT / "localaws/data/jumpstart/community_models/huggingface-llm-mistral-7b/specs_v2.1.0.json"


def _run(*arguments: str) -> int:
    return run(["dataset", "request", *arguments, "--spec", str(SPEC)])


def _printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


@pytest.mark.parametrize(
    ("model", "folder", "instruction_tuned"),
    [("mistral-7b-dolly", "dolly", "True"), ("mistral-7b-sec", "sec", "False")],
)
def test_prints_the_request_of_a_declared_model(
    capsys: pytest.CaptureFixture[str], model: str, folder: str, instruction_tuned: str
) -> None:
    assert _run(f"prod/{model}", str(SAMPLES / folder)) == 0

    printed = _printed(capsys)
    request = printed["request"]
    assert request["TrainingJobName"] == f"prod-{model}-{printed['version']}"
    assert request["ResourceConfig"]["InstanceType"] == "ml.g5.12xlarge"
    hyperparameters = {name: json.loads(value) for name, value in request["HyperParameters"].items()}
    expected = {
        "epoch": "1",
        "per_device_train_batch_size": "2",
        "gradient_accumulation_steps": "2",
        "max_input_length": "2048",
        "instruction_tuned": instruction_tuned,
    }
    assert hyperparameters | expected == hyperparameters


@pytest.fixture
def validation(tmp_path: Path) -> Path:
    """A folder of validation data."""
    records = [{"instruction": f"Ask {n}.", "context": f"Context {n}.", "response": f"Answer {n}."} for n in range(3)]
    folder = tmp_path / "validation"
    folder.mkdir()
    (folder / "validation.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return folder


@pytest.fixture
def with_validation_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `prod/mistral-7b-dolly` declare where its validation data is."""
    model = replace(MISTRAL_7B_DOLLY, validation_prefix="s3://shared-data/validation")
    deployments = [
        (environment, [model if one is MISTRAL_7B_DOLLY else one for one in models])
        for environment, models in DEPLOYMENTS
    ]
    monkeypatch.setattr(dataset_request, "DEPLOYMENTS", deployments)


def test_prints_the_channels_that_the_pipeline_sends(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("prod/mistral-7b-dolly", str(SAMPLES / "dolly")) == 0
    assert [channel["ChannelName"] for channel in _printed(capsys)["request"]["InputDataConfig"]] == [
        *("train", "model", "code")
    ]


def test_refuses_validation_data_that_the_pipeline_would_not_send(
    capsys: pytest.CaptureFixture[str], validation: Path
) -> None:
    assert _run("prod/mistral-7b-dolly", str(SAMPLES / "dolly"), "--validation", str(validation)) == 1
    printed = capsys.readouterr()
    assert "prod/mistral-7b-dolly declares no validation_prefix" in printed.err
    assert printed.out == ""


@pytest.mark.usefixtures("with_validation_prefix")
def test_prints_a_validation_channel_at_the_declared_prefix(
    capsys: pytest.CaptureFixture[str], validation: Path
) -> None:
    assert _run("prod/mistral-7b-dolly", str(SAMPLES / "dolly"), "--validation", str(validation)) == 0
    channels = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in _printed(capsys)["request"]["InputDataConfig"]
    }
    assert list(channels) == ["train", "validation", "model", "code"]
    assert channels["validation"] == "s3://shared-data/validation/"


@pytest.mark.usefixtures("with_validation_prefix")
def test_asks_for_the_validation_data_that_decides_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("prod/mistral-7b-dolly", str(SAMPLES / "dolly")) == 1
    assert "--validation is missing: prod/mistral-7b-dolly declares validation_prefix" in capsys.readouterr().err


def test_refuses_bad_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"instruction": "a"}\nno json\n')
    assert _run("prod/mistral-7b-dolly", str(tmp_path)) == 1
    assert "the training data cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stack", "hint"),
    [
        ("prod/mistral-7b-doly", "did you mean prod/mistral-7b-dolly"),
        ("x", "allowed is one such as dev/mistral-7b-instruct"),
        ("prod/falcon-7b", "allowed are fine-tuned models, dev/mistral-7b-dolly, dev/llama-3-2-3b-10k, "),
    ],
)
def test_takes_declared_fine_tuned_models_only(capsys: pytest.CaptureFixture[str], stack: str, hint: str) -> None:
    assert _run(stack, str(SAMPLES / "dolly")) == 2
    assert f"error: ENV/MODEL is '{stack}': {hint}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "is not json"), ("[]", "is a list: allowed is an object"), (None, "cannot be read: No such file")],
)
def test_refuses_a_spec_that_it_cannot_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, problem: str
) -> None:
    spec = tmp_path / "spec.json"
    if text is not None:
        spec.write_text(text)
    assert run(["dataset", "request", "prod/mistral-7b-dolly", str(SAMPLES / "dolly"), "--spec", str(spec)]) == 1
    assert problem in capsys.readouterr().err


def test_refuses_the_spec_of_another_version(capsys: pytest.CaptureFixture[str]) -> None:
    other = str(SPEC).replace("2.1.0", "2.9.0")
    assert run(["dataset", "request", "prod/mistral-7b-dolly", str(SAMPLES / "dolly"), "--spec", other]) == 1
    assert "is of huggingface-llm-mistral-7b 2.9.0: declared is huggingface-llm-mistral-7b 2.1.0" in (
        capsys.readouterr().err
    )
