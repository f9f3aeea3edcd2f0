import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.training.facts import TrainingFacts
from catalog.training.hyperparameters import Hyperparameter
from tests.training.dataset.bucket_pieces import Bucket, served
from tests.training.dataset.dataset_pieces import TEMPLATE, good, jsonl, sample
from tools.cli.main import run
from tools.dataset.check import Training, check
from training import dataset

ROOT = Path(__file__).resolve().parents[3]
MODEL = "huggingface-llm-mistral-7b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_bytes(good(5))
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    return tmp_path


def _run(*arguments: object, model: str = MODEL) -> int:
    return run(["dataset", "check", *map(str, arguments), "--model", model])


def test_says_that_data_can_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder) == 0
    assert f"{MODEL} can be trained with this data by instruction (second-hand" in capsys.readouterr().out


def test_says_which_lines_are_at_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "train.jsonl").open("ab") as data:
        data.write(b"broken\n")

    assert _run(folder) == 1
    said = capsys.readouterr().out
    assert f"error: not JSON: 1\n  {folder}/train.jsonl:6: expecting value at column 1" in said
    assert "the data cannot be used" in said


def test_prints_the_machines_report(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["samples"] == {"train": 5}


def test_knows_the_methods_and_their_limits(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder, "--method", "chat") == 1
    assert _run(folder, "--max-input-length", 2) == 0
    assert "sample that is probably cut (an estimate): 5" in capsys.readouterr().out
    assert _run(folder, "--validation-split", 0) == 1
    assert _run(folder, "--validation-split", 3) == 1
    assert "validation_split is 3.0; allowed: 0 to 1" in capsys.readouterr().err


def test_reads_a_validation_folder(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    held_out = tmp_path_factory.mktemp("validation")
    (held_out / "validation.jsonl").write_bytes(jsonl(sample(9)))

    assert _run(folder, "--validation", held_out) == 0


def test_says_what_it_does_not_know(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dataset", "check", str(folder), "--model", "huggingface-llm-mistral"]) == 1
    assert f"did you mean {MODEL}" in capsys.readouterr().err
    assert run(["dataset", "check", str(folder), "--model", "Qwen/Qwen3-8B"]) == 2
    assert "model is 'Qwen/Qwen3-8B': JumpStart's ids have no owner; did you mean " in capsys.readouterr().err
    assert _run(folder / "absent") == 1
    assert "does not exist" in capsys.readouterr().err


def test_prints_a_name_that_is_not_utf_8_wherever_it_goes(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\xfe.txt")).touch()
    command = [sys.executable, "-m", "tools.cli", "dataset", "check", str(folder), "--model", MODEL]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    ended = subprocess.run(command, cwd=ROOT, env=strict, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert rf"{folder}/\udcff\udcfe.txt: it is no data file" in ended.stdout


@pytest.mark.parametrize(
    ("model", "conclusion"),
    [
        (
            "huggingface-llm-falcon-180b-bf16",
            "the data is well-formed for instruction, but huggingface-llm-falcon-180b-bf16: it cannot be fine-tuned "
            "(second-hand, from",
        ),
        (
            "huggingface-sentencesimilarity-gte-small",
            "the data is well-formed for instruction; huggingface-sentencesimilarity-gte-small can be fine-tuned, by "
            "which methods is not known here (second-hand",
        ),
        (
            "huggingface-llm-kogai-laneformer-2b-it",
            "the data is well-formed for instruction; whether huggingface-llm-kogai-laneformer-2b-it can be",
        ),
    ],
)
def test_says_no_more_of_a_model_than_is_known(
    folder: Path, capsys: pytest.CaptureFixture[str], model: str, conclusion: str
) -> None:
    assert _run(folder, model=model) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(conclusion)


def _facts(*names: str, problem: str | None = None, second_hand: str | None = None) -> TrainingFacts:
    hyperparameters = tuple(Hyperparameter(name=name, type="text", default="False") for name in names)
    return TrainingFacts(hyperparameters=hyperparameters, problem=problem, second_hand=second_hand)


@pytest.mark.parametrize(
    ("facts", "ends_with", "may_start"),
    [
        (_facts("chat_dataset"), "but m is tuned by domain or chat", False),
        (_facts("chat_dataset", second_hand="hearsay"), "but m is tuned by domain or chat (hearsay)", True),
        (_facts(problem="it has no training part"), "but m: it has no training part", False),
        (_facts("instruction_tuned"), "m can be trained with this data by instruction", True),
    ],
)
def test_a_recipe_of_aws_decides_and_hearsay_is_said_only(
    folder: Path, facts: TrainingFacts, ends_with: str, may_start: bool
) -> None:
    training = Training(name="m", options=dataset.Options(), facts=facts)
    conclusion, ok = training.conclusion(check(training, str(folder)))

    assert conclusion.endswith(ends_with)
    assert ok is may_start


def test_a_stack_brings_its_template_method_and_lengths(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    dolly = ROOT / "tools" / "samples" / "dolly"
    assert _run(dolly, model="dev/mistral-7b-dolly") == 0
    said = capsys.readouterr().out
    assert "over max_input_length 2048" in said
    assert "dev/mistral-7b-dolly can be trained with this data by instruction" in said

    assert _run(folder, model="dev/mistral-7b-dolly") == 1
    assert "template.json: it differs from the declared one in prompt, completion" in capsys.readouterr().out
    assert _run(ROOT / "tools" / "samples" / "sec", model="prod/mistral-7b-sec") == 0


def test_what_a_stack_declares_is_no_option(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert _run(folder, "--method", "domain", model="dev/mistral-7b-dolly") == 2
    assert "--method is given: dev/mistral-7b-dolly declares it" in capsys.readouterr().err
    assert _run(folder, "--validation", folder, model="dev/mistral-7b-dolly") == 1
    assert "dev/mistral-7b-dolly declares no validation_prefix" in capsys.readouterr().err
    assert _run(folder, model="dev/mistral-7b-instruct") == 2
    assert "allowed are fine-tuned models" in capsys.readouterr().err


def test_reads_data_where_it_lies_in_s3(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = {f"data/{path.name}": path.read_bytes() for path in folder.iterdir()}
    with served(Bucket(objects)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "any")
        assert _run("s3://data-bucket/data") == 0
        objects["data/train.jsonl"] += b"broken\n"
        assert _run("s3://data-bucket/data") == 1

    assert "s3://data-bucket/data/train.jsonl:6: expecting value at column 1" in capsys.readouterr().out


def test_says_what_is_no_uri(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("s3:/data-bucket/data") == 1
    assert "'s3:/data-bucket/data' is no folder in S3; allowed: s3://<bucket>/<prefix>/" in capsys.readouterr().err
