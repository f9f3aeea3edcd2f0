"""Fields that no tensor shows, settings of generation, and ends of a text: what 4.51.3 does not load is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.model_import.artifacts.artifact_models import VALID, Model, checked, flan_t5, granite_bigcode, llama

CONFIG, GENERATION = "config.json", "generation_config.json"
_VISION = VALID["qwen2-vl"]
_MLLAMA = VALID["mllama"]


def _refused(model: Model) -> list[tuple[str, str]]:
    return [(error.rule, error.place) for error in checked(model).errors]


def _set(model: Model, within: str, field: str, value: Any) -> None:
    config = model.read(CONFIG)
    (config[within] if within else config)[field] = value
    model.write(CONFIG, config)


@pytest.mark.parametrize(
    ("make", "within", "field", "value"),
    [
        (llama, "", "hidden_act", "swiglu"),
        (llama, "", "hidden_act", None),
        (llama, "", "hidden_act", ["silu"]),
        (llama, "", "rms_norm_eps", "1e-05"),
        (llama, "", "rms_norm_eps", -1),
        (llama, "", "is_encoder_decoder", True),
        (llama, "", "torchscript", True),
        (llama, "", "pruned_heads", {"0": [1]}),
        (llama, "", "num_labels", "2"),
        (llama, "", "problem_type", "generation"),
        (VALID["mistral"], "", "sliding_window", "4096"),
        (VALID["mistral"], "", "sliding_window", True),
        (granite_bigcode, "", "activation_function", "gelu_x"),
        (granite_bigcode, "", "layer_norm_epsilon", None),
        (granite_bigcode, "", "attn_pdrop", 1.5),
        (flan_t5, "", "dense_act_fn", "gelu-new"),
        (flan_t5, "", "dropout_rate", None),
        (flan_t5, "", "relative_attention_max_distance", 0),
        (flan_t5, "", "is_encoder_decoder", False),
        (flan_t5, "", "pad_token_id", "0"),
        (flan_t5, "", "use_cache", None),
        (_MLLAMA, "text_config.", "hidden_act", "x"),
        (_MLLAMA, "vision_config.", "hidden_act", "x"),
        (_VISION, "vision_config.", "num_heads", 0),
    ],
)
def test_refuses_a_constant_that_the_class_does_not_load_or_answer_with(
    tmp_path: Path, make: Callable[[Path], Model], within: str, field: str, value: Any
) -> None:
    model = make(tmp_path)
    _set(model, within.rstrip("."), field, value)

    assert ("config-field", f"{CONFIG}, {within}{field}") in _refused(model)


@pytest.mark.parametrize(
    ("make", "field", "value"),
    [
        (llama, "hidden_act", "gelu_pytorch_tanh"),
        (llama, "rms_norm_eps", 1),
        (llama, "sliding_window", "unused"),
        (llama, "pruned_heads", {}),
        (VALID["mistral"], "sliding_window", None),
        (flan_t5, "is_encoder_decoder", True),
        (flan_t5, "use_cache", False),
        (granite_bigcode, "attn_pdrop", 0),
    ],
)
def test_accepts_a_constant_that_the_class_loads(
    tmp_path: Path, make: Callable[[Path], Model], field: str, value: Any
) -> None:
    model = make(tmp_path)
    _set(model, "", field, value)

    assert _refused(model) == []


def test_a_gate_of_its_own_field_decides_on_the_tensors(tmp_path: Path) -> None:
    model = VALID["t5"](tmp_path)
    assert _refused(model) == []

    model.edit(CONFIG, is_gated_act=True)

    assert {rule for rule, _ in _refused(model)} == {"missing-tensor", "unexpected-tensor"}


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"temperature": 0.6, "top_p": 0.9, "eos_token_id": [1, 2]}, ""),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": "100"}, "max_new_tokens"),
        ({"early_stopping": "x"}, "early_stopping"),
        ({"early_stopping": "never"}, ""),
        ({"num_return_sequences": 2}, "num_return_sequences"),
        ({"num_return_sequences": 2, "do_sample": True}, ""),
        ({"num_return_sequences": 2, "num_beams": 2}, ""),
        ({"num_return_sequences": 3, "num_beams": 2, "do_sample": True}, "num_return_sequences"),
        ({"num_return_sequences": None, "num_beams": 2}, "num_return_sequences"),
        ({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 0.5}, ""),
        ({"num_beams": 4, "num_beam_groups": 2}, "num_beam_groups"),
        ({"num_beams": 3, "num_beam_groups": 2, "diversity_penalty": 0.5}, "num_beam_groups"),
        ({"num_beams": 4, "num_beam_groups": 0}, "num_beam_groups"),
        ({"num_beams": 4, "diversity_penalty": 0.5, "do_sample": True}, "diversity_penalty"),
        ({"num_beam_groups": 2}, ""),
        ({"num_beams": 2, "force_words_ids": [[5]]}, ""),
        ({"num_beams": 2, "force_words_ids": [[5]], "do_sample": True}, "force_words_ids"),
        ({"force_words_ids": [[5]], "do_sample": True}, ""),
        ({"pad_token_id": "0"}, "pad_token_id"),
        ({"cache_implementation": "paged"}, "cache_implementation"),
        ({"cache_implementation": "static"}, ""),
        ({"cache_config": {}}, "cache_config"),
        ({"watermarking_config": []}, "watermarking_config"),
        ({"compile_config": {"mode": "x"}}, "compile_config"),
    ],
)
def test_settings_of_generation_are_loaded_with_the_model(model: Model, settings: Any, refused: str) -> None:
    model.write(GENERATION, settings)

    assert _refused(model) == ([("generation", f"{GENERATION}, {refused}")] if refused else [])


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"early_stopping": None, "num_beams": None}, ""),
        ({"num_beams": 2, "num_return_sequences": 3}, "num_return_sequences"),
        ({"do_sample": True, "temperature": 0.5}, ""),
    ],
)
def test_settings_of_generation_may_be_in_the_configuration(model: Model, settings: Any, refused: str) -> None:
    model.write(CONFIG, {**model.read(CONFIG), **settings})

    assert _refused(model) == ([("generation", f"{CONFIG}, {refused}")] if refused else [])


@pytest.mark.parametrize(
    ("field", "value", "refused"),
    [
        ("id2label", {"0": "a"}, False),
        ("id2label", None, False),
        ("id2label", ["a"], True),
        ("id2label", {"a": "b"}, True),
        ("label2id", {"a": 0}, False),
        ("label2id", [], True),
        ("auto_map", {}, False),
        ("auto_map", None, True),
        ("auto_map", 5, True),
    ],
)
def test_labels_and_custom_code_have_a_form(model: Model, field: str, value: Any, refused: bool) -> None:
    _set(model, "", field, value)

    assert _refused(model) == ([("config-field", f"{CONFIG}, {field}")] if refused else [])


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"bos_token": None}, "bos_token"),
        ({"bos_token": None, "add_bos_token": False}, ""),
        ({"eos_token": None}, ""),
        ({"eos_token": None, "add_eos_token": True}, "eos_token"),
        ({}, ""),
    ],
)
def test_a_llama_tokenizer_adds_ends_that_it_has(model: Model, settings: Any, refused: str) -> None:
    document = {**model.read("tokenizer_config.json"), "tokenizer_class": "LlamaTokenizerFast", **settings}
    model.write("tokenizer_config.json", document)

    assert _refused(model) == ([("tokenizer-field", f"tokenizer_config.json, {refused}")] if refused else [])


@pytest.mark.parametrize(("content", "refused"), [("<x>", False), (7, True), (None, True)])
def test_an_added_token_is_a_text(model: Model, content: Any, refused: bool) -> None:
    token = {"content": content, "special": True}
    document = {**model.read("tokenizer_config.json"), "added_tokens_decoder": {"3": token}}
    model.write("tokenizer_config.json", document)

    place = ("tokenizer-field", "tokenizer_config.json, added_tokens_decoder")
    assert _refused(model) == ([place] if refused else [])


def test_weights_without_any_tensor_are_missing(model: Model) -> None:
    model.save({})

    assert ("missing-tensor", "tensor model.embed_tokens.weight") in _refused(model)
