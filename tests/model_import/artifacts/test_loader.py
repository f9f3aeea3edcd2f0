"""Compare the check with transformers 4.51.3, which loads the models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_import.artifacts.folder import LocalFolder
from model_import.artifacts.report import check
from tests.model_import.artifacts.mutations.breaking import ARCHITECTURES, compare, load
from tests.model_import.artifacts.mutations.rulings import ignorable, refused_rightly, unseen
from tests.support.oracles.process import Oracle

_SAMPLE = 60
_NIGHTLY = 500
_PART = 10
"""Models of one test: fewer would not show which of them is at fault any better, as the message names it."""


@pytest.mark.sweep
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_accepts_what_transformers_saves_and_loads(
    architecture: str, seed: str, loader: Oracle, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    loader.ask(architecture=architecture, seed=seed, folder=str(folder))

    report = check(LocalFolder(folder))

    assert load(folder, loader) == {}
    assert report.errors == ()
    assert report.facts["chatTemplate"] is loader.ask(folder=str(folder))["template"]


def _parts(first: int, count: int, mark: pytest.MarkDecorator) -> list[Any]:
    starts = range(first, first + count, _PART)
    return [pytest.param(start, id=f"{start}-{start + _PART - 1}", marks=mark) for start in starts]


@pytest.mark.parametrize(
    "start", [*_parts(0, _SAMPLE, pytest.mark.sweep), *_parts(_SAMPLE, _NIGHTLY, pytest.mark.nightly)]
)
def test_accepts_what_loads_and_refuses_what_does_not(start: int, loader: Oracle, tmp_path: Path) -> None:
    compared = [compare(str(seed), tmp_path / str(seed), loader) for seed in range(start, start + _PART)]

    accepted = [one for one in compared if not one.refused and not unseen(one.wrong)]
    assert not accepted, "the check accepts what transformers does not load, or loads otherwise"
    refused = [one for one in compared if one.refused and not one.wrong and not refused_rightly(one.refused)]
    assert not refused, "the check refuses what transformers loads, and no source says why"


def test_no_complaint_is_unseen_but_of_parts_that_the_check_does_not_read() -> None:
    assert unseen({})
    assert unseen({"chat": "TemplateError: no"})
    assert not unseen({"chat": "TemplateError: no", "missing": ["lm_head.weight"]})
    assert not unseen({"tokenizer": "ValueError: Unable to load vocabulary"})


def test_a_refusal_is_right_by_its_source_alone() -> None:
    assert refused_rightly({"dtype": "config.json, torch_dtype: it is 'float64'"})
    assert refused_rightly({"config-field": "config.json, num_hidden_layers: it is True (1 to 10000)"})
    assert not refused_rightly({"config-field": "config.json, num_hidden_layers: it is 2 (1 to 10000)"})
    assert not refused_rightly({"shape": "tensor lm_head.weight: size mismatch"})


def test_buffers_and_foreign_modules_change_no_answer() -> None:
    modules = ["model", "lm_head"]

    assert ignorable("model.layers.0.self_attn.rotary_emb.inv_freq", modules)
    assert ignorable("mtp.layers.0.weight", modules)
    assert not ignorable("model.layers.0.self_attn.q_proj.bias", modules)
    assert not ignorable("lm_head.bias", modules)
