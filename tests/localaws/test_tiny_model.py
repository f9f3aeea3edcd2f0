"""Tiny models that are valid to the last file: what is imported where no real weights are."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from localaws import tiny_model
from tools import artifacts


@pytest.mark.parametrize("name", ["granite-3b-code-instruct", "meta-textgeneration-llama-3-2-3b-instruct"])
def test_of_a_family_that_chats_can_be_imported_and_has_its_template(tmp_path: Path, name: str) -> None:
    assert tiny_model.main([name, str(tmp_path / "model")]) == 0

    report = artifacts.check(str(tmp_path / "model"), region="us-west-2")
    assert (report.errors, report.warnings) == ((), ())
    assert report.facts["chatTemplate"]
    assert report.facts["converse"]


def test_has_the_special_tokens_of_its_template(tmp_path: Path) -> None:
    tiny_model.main(["meta-textgeneration-llama-3-2-3b-instruct", str(tmp_path)])

    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    asked = "<|start_header_id|>user<|end_header_id|>\n\nwhy<|eot_id|>"
    marks = [token for token in tokenizer.encode(asked).tokens if token.startswith("<|")]
    assert marks == ["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


def test_of_a_base_model_has_no_template(tmp_path: Path) -> None:
    tiny_model.main(["meta-textgeneration-llama-3-2-3b", str(tmp_path)])

    report = artifacts.check(str(tmp_path), region="us-west-2")
    assert report.errors == ()
    assert not report.facts["chatTemplate"]
