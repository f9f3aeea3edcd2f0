"""`./jumpstack artifacts check`: what it prints and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.model_import.artifacts.artifact_models import Model, llama
from tools.cli.main import run


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return llama(tmp_path_factory.mktemp("model"))


def test_ends_well_for_a_valid_model(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["artifacts", "check", str(model.folder), "--region", "us-east-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("LlamaForCausalLM: 0.00 billion parameters, ")
    assert lines[0].endswith("in 1 shard, 8192 tokens of context; Converse is supported")
    assert lines[1] == f"{model.folder}/ can be imported: 0 errors, 0 warnings"


def test_lists_errors_before_warnings_and_ends_badly(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.edit("tokenizer_config.json", chat_template=None)
    model.edit("config.json", max_position_embeddings=10**6)
    assert run(["artifacts", "check", str(model.folder)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("error: [context] config.json, max_position_embeddings: the model has 1000000 tokens")
    assert lines[1].startswith("warning: [chat-template] there is no chat template")
    assert lines[-1] == f"{model.folder}/ cannot be imported: 1 error, 1 warning"


def test_does_not_count_warnings(model: Model) -> None:
    model.edit("tokenizer_config.json", chat_template=None)
    assert run(["artifacts", "check", str(model.folder)]) == 0


def test_prints_the_report_of_the_imports_step(model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.remove("config.json")
    assert run(["artifacts", "check", str(model.folder), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [finding["place"] for finding in report["errors"]] == ["config.json"]
    assert report["architecture"] is None


def test_refuses_a_uri_before_it_asks_anyone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["artifacts", "check", "s3://Not_A_Bucket/"]) == 1
    assert "error: [s3-uri] 's3://Not_A_Bucket/' is no S3 URI" in capsys.readouterr().out
