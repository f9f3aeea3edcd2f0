"""Weights in one file, in shards, and in both: what is read, and advice that loses no weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model_import.artifacts.findings import Finding
from tests.model_import.artifacts.artifact_models import Model, checked, half, llama
from tests.model_import.artifacts.broken_models import BROKEN, INDEX, WEIGHTS, rewritten


def _moved(model: Model, name: str) -> None:
    model.weights.rename(model.folder / name)


def _beside(model: Model, *, without: tuple[int, ...] = ()) -> None:
    """Lay a file with all weights beside two shards, some of which are missing."""
    whole = model.weights.read_bytes()
    names = model.shard()
    model.put(WEIGHTS, whole)
    model.remove(*(names[number] for number in without))


def _of_another_save(model: Model) -> None:
    """Make the index one of three shards, beside two."""
    model.shard(3)
    stale = (model.folder / INDEX).read_bytes()
    model.remove(*(path.name for path in model.folder.glob("*.safetensors")))
    model.save(model.tensors)
    model.shard(2)
    model.put(INDEX, stale)


def _in_a_subfolder(model: Model) -> None:
    first, _ = model.shard()
    (model.folder / "sub").mkdir()
    (model.folder / first).rename(model.folder / "sub" / first)
    weight_map = json.loads((model.folder / INDEX).read_bytes())["weight_map"]
    places = {key: f"sub/{name}" if name == first else name for key, name in weight_map.items()}
    model.edit(INDEX, weight_map=places)


FAULTS: dict[str, tuple[Callable[[Model], None], str, str, str]] = {
    # What is done, the one finding's rule and place, and a part of its advice.
    "an index of an earlier save": (lambda model: _beside(model, without=(0, 1)), "index", INDEX, "remove the index"),
    "one file and all shards": (_beside, "extra-shard", WEIGHTS, "keep one of the two saves, and move the other"),
    "an index of other shards": (_of_another_save, "index", INDEX, "upload the listed files, or the index of"),
    "another name": (
        lambda model: _moved(model, "pytorch_model.safetensors"),
        "file-name",
        "pytorch_model.safetensors",
        "rename it model.safetensors",
    ),
    "the one shard of one": (
        lambda model: _moved(model, "model-00001-of-00001.safetensors"),
        "file-name",
        "model-00001-of-00001.safetensors",
        "rename it model.safetensors",
    ),
    "another file beside the one": (
        lambda model: model.save({"model.other.weight": half(2)}, "consolidated.safetensors"),
        "extra-shard",
        "consolidated.safetensors",
        "move it out of the folder if it is left over",
    ),
    "a shard in a subfolder": (
        _in_a_subfolder,
        "missing-shard",
        "'sub/model-00001-of-00002.safetensors'",
        "move it beside the index, and take the subfolder out of the index",
    ),
}


def _of_the_files(model: Model) -> list[Finding]:
    rules = {"index", "extra-shard", "missing-shard", "missing-file", "file-name", "duplicate-tensor"}
    return [finding for finding in checked(model).errors if finding.rule in rules]


@pytest.mark.parametrize("fault", FAULTS)
def test_says_what_is_wrong_with_the_files_and_what_to_do(model: Model, fault: str) -> None:
    breaks, rule, place, advice = FAULTS[fault]
    breaks(model)
    [finding] = _of_the_files(model)
    assert (finding.rule, finding.place) == (rule, place)
    assert advice in finding.allowed


@pytest.mark.parametrize("fault", [*FAULTS, *BROKEN])
def test_no_advice_loses_weights(model: Model, fault: str) -> None:
    (FAULTS.get(fault) or BROKEN[fault])[0](model)
    report = checked(model)
    for finding in (*report.errors, *report.warnings):
        if finding.place.endswith((".safetensors", ".safetensors'", ".bin", ".tar.gz")):
            assert not {"remove", "delete", "overwrite"} & set(finding.allowed.replace(",", " ").split())


def test_a_model_is_taken_after_the_advice_on_its_index(tmp_path: Path) -> None:
    stale = llama(tmp_path / "stale")
    _beside(stale, without=(0, 1))
    stale.remove(INDEX)
    assert not checked(stale).errors

    named = llama(tmp_path / "named")
    _moved(named, "pytorch_model.safetensors")
    (named.folder / "pytorch_model.safetensors").rename(named.weights)
    assert not checked(named).errors

    both = llama(tmp_path / "both")
    _beside(both, without=(0,))
    found = {finding.rule for finding in _of_the_files(both)}
    assert found == {"missing-shard", "extra-shard"}
    both.remove(INDEX, "model-00002-of-00002.safetensors")
    assert not checked(both).errors


def test_an_index_without_its_files_is_not_blamed_for_the_names(model: Model) -> None:
    model.shard()
    weight_map = {
        key: f"other-{name}" for key, name in json.loads((model.folder / INDEX).read_bytes())["weight_map"].items()
    }
    model.edit(INDEX, weight_map=weight_map)
    [finding] = _of_the_files(model)
    assert (finding.place, finding.allowed.partition(":")[0]) == (
        INDEX,
        "upload the listed files, or the index of these",
    )


@pytest.mark.parametrize("name", ["weights.safetensors", WEIGHTS])
def test_an_index_may_list_one_file_by_any_name(model: Model, name: str) -> None:
    _moved(model, name)
    model.write(INDEX, {"metadata": {}, "weight_map": dict.fromkeys(model.tensors, name)})
    assert not checked(model).errors


def test_a_file_in_mistrals_own_format_is_not_to_be_renamed(model: Model) -> None:
    model.remove(WEIGHTS)
    model.save({"tok_embeddings.weight": half(32, 8)}, "consolidated.safetensors")
    [finding] = _of_the_files(model)[:1]
    assert "Mistral's own format" in finding.allowed


@pytest.mark.parametrize("written_by", ["pt", "mlx"])
def test_takes_the_formats_that_transformers_loads_without_another_library(model: Model, written_by: str) -> None:
    rewritten(model, lambda header: header.update({"__metadata__": {"format": written_by}}))
    assert not checked(model).errors


def test_says_in_which_file_a_tensor_is(model: Model) -> None:
    BROKEN["a tensor in another shard than listed"][0](model)
    [finding] = _of_the_files(model)
    assert finding.allowed.startswith("it is in model-0000")
