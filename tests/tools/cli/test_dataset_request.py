"""Prints the request of a training job that nobody pays for."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools.cli.main import run

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


def test_takes_a_validation_channel(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    records = [{"instruction": f"Ask {n}.", "context": f"Context {n}.", "response": f"Answer {n}."} for n in range(3)]
    (tmp_path / "validation.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))

    assert _run("prod/mistral-7b-dolly", str(SAMPLES / "dolly"), "--validation", str(tmp_path)) == 0

    channels = [channel["ChannelName"] for channel in _printed(capsys)["request"]["InputDataConfig"]]
    assert channels == ["training", "validation", "model", "code"]


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
