"""Compare the check with transformers 4.51.3, which loads the models."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_import.artifacts.folder import LocalFolder
from model_import.artifacts.report import check
from tests.support.oracles.process import Oracle

# GPT-OSS is missing: 4.51.3 does not know it.
ARCHITECTURES = (
    "GPTBigCodeForCausalLM",
    "LlamaForCausalLM",
    "MistralForCausalLM",
    "MixtralForCausalLM",
    "MllamaForConditionalGeneration",
    "Qwen2ForCausalLM",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3ForCausalLM",
    "Qwen3MoeForCausalLM",
    "T5ForConditionalGeneration",
)
_SILENT = ("tokens", "largest", "template")


@pytest.mark.sweep
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_accepts_what_transformers_saves_and_loads(
    architecture: str, seed: str, loader: Oracle, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    loader.ask(architecture=architecture, seed=seed, folder=str(folder))

    loaded = loader.ask(folder=str(folder))
    report = check(LocalFolder(folder))

    assert {name: said for name, said in loaded.items() if said and name not in _SILENT} == {}
    assert report.errors == ()
    assert report.facts["chatTemplate"] is loaded["template"]
