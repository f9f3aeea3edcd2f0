"""Break a model at random, and compare what the check says with what the loader does."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple

from model_import.artifacts.folder import LocalFolder
from model_import.artifacts.report import check
from tests.model_import.artifacts.mutations import config, tensors, tokenizer
from tests.model_import.artifacts.mutations.model_files import ModelFiles
from tests.model_import.artifacts.mutations.rulings import ignorable
from tests.support.oracles.process import Oracle, OracleDiedError

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
_ROOMS = (config.MUTATIONS, tensors.MUTATIONS, tokenizer.MUTATIONS)
MUTATIONS = {name: how for room in _ROOMS for name, how in room.items()}


_SAID = ("tokens", "largest", "template", "modules")
"""Answers of the loader that are no complaints."""


class Compared(NamedTuple):
    """One broken model.

    Attributes:
        what: Its class, seed and mutations.
        refused: Errors of the check, by rule.
        warned: Rules of its warnings.
        wrong: What the loader complained of.
    """

    what: str
    refused: dict[str, str]
    warned: set[str]
    wrong: dict[str, Any]


def compare(seed: str, folder: Path, loader: Oracle) -> Compared:
    """Build a model, break it, check it and load it.

    Args:
        seed: Chooses everything.
        folder: Where to write it.
        loader: Process of transformers 4.51.3.
    """
    chance = random.Random(seed)
    architecture = chance.choice(ARCHITECTURES)
    loader.ask(architecture=architecture, seed=seed, folder=str(folder))
    files = ModelFiles(folder)
    done = [_break(chance, files) for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 2)))]
    report = check(LocalFolder(folder))
    refused = {error.rule: str(error) for error in reversed(report.errors)}
    warned = {warning.rule for warning in report.warnings}
    return Compared(f"{architecture}, seed {seed}: {'; '.join(done)}", refused, warned, load(folder, loader))


def _break(chance: random.Random, files: ModelFiles) -> str:
    """Apply one mutation that this model has something for, and return its name and what it did."""
    names = list(MUTATIONS)
    while True:
        [name] = chance.choices(names, weights=[MUTATIONS[each][0] for each in names])
        try:
            told = MUTATIONS[name][1](chance, files)
        except (FileNotFoundError, IndexError, KeyError, TypeError, ValueError):
            # A second mutation may find nothing to read after the first.
            told = None
        if told is not None:
            return f"{name}: {told}"


def load(folder: Path, loader: Oracle) -> dict[str, Any]:
    """Return what the loader complains of; nothing for a model that answers as it was saved."""
    try:
        loaded = loader.ask(folder=str(folder))
    except OracleDiedError as error:
        return {"model": str(error)}
    loaded["unexpected"] = [name for name in loaded["unexpected"] if not ignorable(name, loaded["modules"])]
    return {name: said for name, said in loaded.items() if said and name not in _SAID}
