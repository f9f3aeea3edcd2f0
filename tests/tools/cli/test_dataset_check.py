import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.dataset.dataset_pieces import TEMPLATE, good, jsonl, sample
from tools.cli.main import run

ROOT = Path(__file__).resolve().parents[3]
MODEL = "huggingface-llm-mistral-7b"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.jsonl").write_bytes(good(5))
    (tmp_path / "template.json").write_text(json.dumps(TEMPLATE))
    return tmp_path


def _run(*arguments: object) -> int:
    return run(["dataset", "check", *map(str, arguments), "--model", MODEL])


def test_says_that_data_can_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(folder) == 0
    assert "can be trained with this data" in capsys.readouterr().out


def test_says_which_lines_are_at_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "train.jsonl").open("ab") as data:
        data.write(b"broken\n")

    assert _run(folder) == 1
    said = capsys.readouterr().out
    assert "error: not JSON: 1\n  train/train.jsonl:6: expecting value at column 1" in said
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
    assert _run(folder / "absent") == 1
    assert "does not exist" in capsys.readouterr().err


def test_prints_a_name_that_is_not_utf_8_wherever_it_goes(folder: Path) -> None:
    (folder / os.fsdecode(b"\xff\xfe.txt")).touch()
    command = [sys.executable, "-m", "tools.cli", "dataset", "check", str(folder), "--model", MODEL]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    ended = subprocess.run(command, cwd=ROOT, env=strict, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert r"train/\udcff\udcfe.txt: it is no data file" in ended.stdout
