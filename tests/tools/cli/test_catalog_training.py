"""`./jumpstack catalog training`, from the lock, from second-hand facts and from a cache."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from catalog import Lock
from catalog.training.recipe import read_recipe
from tests.training.jumpstart_cache import put_cache, spec
from tools.cli.catalog.training import KEYS
from tools.cli.main import run

# One worker loads moto in process.
pytestmark = pytest.mark.xdist_group("moto")

MISTRAL = "huggingface-llm-mistral-7b"


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with mock_aws():
        put_cache(boto3.client("s3", region_name="us-west-2"), "us-west-2")
        yield


def test_prints_second_hand_facts_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "training", f"{MISTRAL}@2.1.0"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[:10] == [
        "model                  huggingface-llm-mistral-7b@2.1.0",
        "can be tuned           yes",
        "source                 second-hand, of version 2.9.1, from AWS's samples and Gemma's spec, read 2026-11",
        "AWS's own              ./jumpstack catalog update huggingface-llm-mistral-7b@2.1.0 --source live",
        "recipe SHA-256         not pinned",
        "default instance type  not known",
        "instance types         ml.g5.12xlarge, ml.g5.24xlarge, ml.g5.48xlarge, ml.p4d.24xlarge",
        "methods                instruction, domain, chat",
        "data channels          train, validation",
        "",
    ]
    assert "epoch\tint\t1\ta whole number at least 1 and at most 1000" in lines
    assert not any(line.startswith("sagemaker_program") for line in lines)


def test_says_that_a_model_cannot_be_tuned(capsys: pytest.CaptureFixture[str]) -> None:
    version = Lock.load().versions("huggingface-llm-falcon-180b-bf16")[0]

    assert run(["catalog", "training", "huggingface-llm-falcon-180b-bf16"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"model         huggingface-llm-falcon-180b-bf16@{version}",
        "can be tuned  no",
        "source        second-hand, from AWS's table of 2025-06-23, read 2026-11",
        f"AWS's own     ./jumpstack catalog update huggingface-llm-falcon-180b-bf16@{version} --source live",
    ]


def test_names_what_it_does_not_know_of_a_tunable_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "training", "huggingface-llm-falcon-7b-bf16"]) == 0
    printed = capsys.readouterr().out

    assert [line.split("  ")[0] for line in printed.splitlines() if line.endswith("not known")] == [
        "default instance type",
        "instance types",
        "methods",
        "hyperparameters",
    ]


def test_names_the_next_command_where_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    version = Lock.load().versions("meta-vlm-llama-3-2-11b-vision")[0]

    assert run(["catalog", "training", "meta-vlm-llama-3-2-11b-vision"]) == 1
    assert capsys.readouterr().err == (
        "error: nothing is known of the training of meta-vlm-llama-3-2-11b-vision: ./jumpstack catalog training "
        f"meta-vlm-llama-3-2-11b-vision@{version} --source live asks JumpStart's public cache\n"
    )


@pytest.mark.parametrize(
    ("word", "said"), [("huggingface-llm-mistral-7", "did you mean"), (f"{MISTRAL}@0.0.1", "'0.0.1'")]
)
def test_refuses_an_unknown_model_or_version(word: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "training", word]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.usefixtures("cached")
def test_asks_the_live_cache(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["catalog", "training", f"{MISTRAL}@2.1.0", "--source", "live", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert tuple(document) == KEYS
    assert document["source"] == "AWS's own spec"
    assert document["tunable"] is True
    assert document["recipe_sha256"] == read_recipe(spec(MISTRAL, "2.1.0")).spec_sha256
    assert document["default_instance_type"] == "ml.g5.12xlarge"
    assert document["hyperparameters"]["epoch"] == {"type": "int", "default": "1", "minimum": 1, "maximum": 1000}


@pytest.mark.usefixtures("cached")
def test_prints_the_recipe_that_an_update_has_locked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    catalog = ["catalog", "--lock", str(tmp_path / "lock")]
    assert run([*catalog, "update", f"{MISTRAL}@2.1.0", "--source", "live"]) == 0
    capsys.readouterr()

    assert run([*catalog, "training", f"{MISTRAL}@2.1.0"]) == 0
    printed = capsys.readouterr().out
    assert "source                 AWS's own spec" in printed
    assert f"recipe SHA-256         {read_recipe(spec(MISTRAL, '2.1.0')).spec_sha256}" in printed
