"""Hold the tables of forms, by which the quick tests judge, to transformers 4.51.3 itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.model_import.artifacts import test_rope, test_tokenizer
from tests.model_import.artifacts.artifact_models import VALID, Model, flan_t5, llama, llama_2
from tests.model_import.artifacts.broken_models import CONFIG, INDEX, TOKENIZER_CONFIG
from tests.support.oracles.process import Oracle

pytestmark = pytest.mark.sweep

_NONSENSE = ("linear by zero", "linear by infinity", "longrope with a number for a list")
"""Forms that some class loads, and that are refused here, as no position is what they say."""


def _write(model: Model, name: str, **fields: Any) -> None:
    """Set fields, also to null."""
    model.write(name, {**json.loads((model.folder / name).read_bytes()), **fields})


def _fault(loader: Oracle, model: Model) -> object:
    """Return what keeps the model from being loaded, and from answering; None where nothing does."""
    said = loader.ask(folder=str(model.folder))
    return next(
        (said[name] for name in ("model", "missing", "unexpected", "mismatched", "forward") if said[name]), None
    )


@pytest.mark.parametrize("kind", ["llama-3", "mistral"])
def test_rope_is_loaded_in_the_forms_that_are_taken_and_in_no_other(kind: str, loader: Oracle, tmp_path: Path) -> None:
    model = VALID[kind](tmp_path)
    for name, form in test_rope.LOADED.items():
        test_rope.scaled(model, form)
        assert _fault(loader, model) is None, name
    for name, form in test_rope.REFUSED.items():
        test_rope.scaled(model, form)
        assert _fault(loader, model) is not None or name in _NONSENSE, name


def test_tokenizers_are_loaded_in_the_forms_that_are_taken_and_in_no_other(loader: Oracle, tmp_path: Path) -> None:
    for number, fields in enumerate(test_tokenizer.LOADED.values()):
        model = llama(tmp_path / str(number))
        _write(model, TOKENIZER_CONFIG, **fields)
        assert loader.ask(folder=str(model.folder))["tokenizer"] is None, fields
    for number, (field, value) in enumerate(test_tokenizer.REFUSED.values()):
        model = llama(tmp_path / f"refused-{number}")
        _write(model, TOKENIZER_CONFIG, **{field: value})
        assert loader.ask(folder=str(model.folder))["tokenizer"] is not None, field


def test_a_tokenizer_of_transformers_5_is_loaded_after_the_advice(loader: Oracle, tmp_path: Path) -> None:
    model = llama(tmp_path / "newer")
    tokens = ["<|im_start|>"]
    _write(model, TOKENIZER_CONFIG, tokenizer_class="TokenizersBackend", extra_special_tokens=tokens)
    assert loader.ask(folder=str(model.folder))["tokenizer"] is not None
    model.edit(TOKENIZER_CONFIG, tokenizer_class="PreTrainedTokenizerFast", extra_special_tokens=None)
    model.edit(TOKENIZER_CONFIG, additional_special_tokens=tokens)
    assert loader.ask(folder=str(model.folder))["tokenizer"] is None

    model = llama_2(tmp_path / "llama")
    model.remove("tokenizer.model")
    _write(model, TOKENIZER_CONFIG, tokenizer_class="LlamaTokenizerFast", add_prefix_space=False)
    assert loader.ask(folder=str(model.folder))["tokenizer"] is not None
    model.edit(TOKENIZER_CONFIG, add_prefix_space=None)
    assert loader.ask(folder=str(model.folder))["tokenizer"] is None


@pytest.mark.parametrize("value", [None, {}, False, [], "awq"])
@pytest.mark.parametrize("kind", [llama, flan_t5])
def test_a_field_of_quantization_that_is_none_keeps_a_model_from_being_loaded(
    kind: Any, value: object, loader: Oracle, tmp_path: Path
) -> None:
    model = kind(tmp_path)
    _write(model, CONFIG, quantization_config=value)
    assert _fault(loader, model) is not None


@pytest.mark.parametrize("field", ["text_config", "decoder", "generator"])
def test_a_configuration_of_the_text_model_keeps_a_model_from_being_loaded(
    field: str, loader: Oracle, tmp_path: Path
) -> None:
    model = llama(tmp_path)
    _write(model, CONFIG, **{field: {"hidden_size": 8}})
    assert _fault(loader, model) is not None
    _write(model, CONFIG, **{field: None})
    assert _fault(loader, model) is None


def test_an_index_is_read_where_there_is_no_one_file(loader: Oracle, tmp_path: Path) -> None:
    model = llama(tmp_path)
    whole = model.weights.read_bytes()
    first, _ = model.shard()
    for metadata, loaded in (({}, True), (None, False), ([], False), ("none", False)):
        _write(model, INDEX, metadata=metadata)
        assert (_fault(loader, model) is None) is loaded, metadata
    model.put("model.safetensors", whole)
    assert _fault(loader, model) is None
    model.remove(first)
    assert _fault(loader, model) is None
    model.remove(INDEX, "model-00002-of-00002.safetensors")
    model.weights.rename(model.folder / "pytorch_model.safetensors")
    assert _fault(loader, model) is not None
