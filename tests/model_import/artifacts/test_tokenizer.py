"""Fields of the tokenizer: what transformers 4.51.3 loads, what it refuses, and advice that is enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.model_import.artifacts.artifact_models import Model, checked, flan_t5, llama_2
from tests.model_import.artifacts.broken_models import TOKENIZER_CONFIG

_TOKENS = ["<|im_start|>", "<|im_end|>"]
_SENTINELS = [f"<extra_id_{number}>" for number in range(100)]
_ADDED = {"__type": "AddedToken", "content": "<i>"}

LOADED: dict[str, dict[str, Any]] = {
    "no special tokens": {"bos_token": None, "additional_special_tokens": None, "extra_special_tokens": {}},
    "special tokens": {"bos_token": "<s>", "eos_token": _ADDED, "additional_special_tokens": [*_TOKENS, _ADDED]},
    "special tokens by name": {"extra_special_tokens": {"image_token": "<i>", "video_token": _ADDED}},
    "tokens by their ids": {"added_tokens_decoder": {"0": {"content": "t0", "special": True}}},
    "a length": {"model_max_length": 1e30},
    "a side": {"padding_side": "left", "truncation_side": "right"},
    "fields of transformers 5": {"backend": "tokenizers", "is_local": True, "model_specific_special_tokens": {}},
    "a space before, in a class that reads one file": {"add_prefix_space": False},
}
REFUSED: dict[str, tuple[str, Any]] = {
    "special tokens as transformers 5 writes them": ("extra_special_tokens", _TOKENS),
    "no special tokens as transformers 5 writes it": ("extra_special_tokens", []),
    "special tokens that are null": ("extra_special_tokens", None),
    "a special token that is a number": ("extra_special_tokens", {"image_token": 1}),
    "a text for a list": ("additional_special_tokens", "<a>"),
    "a list of numbers": ("additional_special_tokens", [1]),
    "a token that does not say that it is one": ("additional_special_tokens", [{"content": "<i>"}]),
    "a number for a token": ("bos_token", 5),
    "a list for a token": ("eos_token", ["</s>"]),
    "false for a token": ("pad_token", False),
    "an object that does not say that it is a token": ("unk_token", {"content": "<unk>"}),
    "null for tokens by their ids": ("added_tokens_decoder", None),
    "texts by their ids": ("added_tokens_decoder", {"0": "t0"}),
    "ids that are none": ("added_tokens_decoder", {"a": {"content": "t0"}}),
    "a length that is a text": ("model_max_length", "4096"),
    "a side that is none": ("padding_side", None),
    "another side": ("truncation_side", "both"),
    "inputs that are null": ("model_input_names", None),
    "a split that is null": ("split_special_tokens", None),
    "first inputs that are null": ("init_inputs", None),
    "a map that is null": ("auto_map", None),
    "a path of the computer that saved it": ("tokenizer_file", "/home/me/tokenizer.json"),
    "a path that is null": ("tokenizer_file", None),
    "a slow tokenizer that is not there": ("from_slow", True),
}


def _written(model: Model, **fields: Any) -> None:
    document = json.loads((model.folder / TOKENIZER_CONFIG).read_bytes())
    model.write(TOKENIZER_CONFIG, {**document, **fields})


def _refusals(model: Model) -> list[str]:
    return [str(finding) for finding in checked(model).errors if finding.rule == "tokenizer-field"]


@pytest.mark.parametrize("form", LOADED)
def test_takes_fields_that_are_loaded(model: Model, form: str) -> None:
    _written(model, **LOADED[form])
    report = checked(model)
    assert (report.errors, report.warnings) == ((), ())


@pytest.mark.parametrize("form", REFUSED)
def test_refuses_fields_that_are_not_loaded(model: Model, form: str) -> None:
    field, value = REFUSED[form]
    _written(model, **{field: value})
    [said] = _refusals(model)
    assert said.startswith(f"tokenizer_config.json, {field}: it is ")


@pytest.mark.parametrize(
    ("extra", "additional", "advice"),
    [
        (_TOKENS, None, "rename it additional_special_tokens"),
        (_TOKENS, ["<a>"], "add its tokens to additional_special_tokens and remove it"),
        ([], None, "remove the field"),
        (None, None, "remove the field"),
    ],
)
def test_says_what_becomes_of_the_special_tokens(model: Model, extra: Any, additional: Any, advice: str) -> None:
    _written(model, extra_special_tokens=extra, additional_special_tokens=additional)
    [said] = _refusals(model)
    assert said.endswith(f"({advice})")


def test_all_advice_for_a_tokenizer_of_transformers_5_is_given_at_once_and_enough(model: Model) -> None:
    model.edit(
        TOKENIZER_CONFIG, tokenizer_class="TokenizersBackend", extra_special_tokens=_TOKENS, backend="tokenizers"
    )
    assert {(each.rule, each.allowed.partition(",")[0]) for each in checked(model).errors} == {
        ("tokenizer-class", "set PreTrainedTokenizerFast"),
        ("tokenizer-field", "rename it additional_special_tokens"),
    }
    model.edit(
        TOKENIZER_CONFIG,
        tokenizer_class="PreTrainedTokenizerFast",
        extra_special_tokens=None,
        additional_special_tokens=_TOKENS,
    )
    assert not checked(model).errors


@pytest.mark.parametrize("space", [True, False])
def test_all_advice_for_a_llama_without_its_sentencepiece_model_is_given_at_once_and_enough(
    tmp_path: Path, space: bool
) -> None:
    model = llama_2(tmp_path)
    model.edit(TOKENIZER_CONFIG, add_prefix_space=space)
    assert not checked(model).errors
    model.remove("tokenizer.model")
    assert [each.allowed for each in checked(model).errors] == [
        "add tokenizer.model, or set tokenizer_class to LlamaTokenizerFast, which needs tokenizer.json alone",
        "remove the field: tokenizer.json says it already",
    ]
    model.edit(TOKENIZER_CONFIG, tokenizer_class="LlamaTokenizerFast")
    assert len(_refusals(model)) == 1
    model.edit(TOKENIZER_CONFIG, add_prefix_space=None)
    assert not checked(model).errors


@pytest.mark.parametrize(
    ("count", "listed", "sound"),
    [
        (100, 100, True),
        (None, 100, True),
        (100, 0, True),
        (3, 3, True),
        (100, 3, False),
        (3, 100, False),
        ("3", 0, False),
    ],
)
def test_flan_t5_lists_all_sentinels_or_none(tmp_path: Path, count: Any, listed: int, sound: bool) -> None:
    model = flan_t5(tmp_path)
    model.edit(TOKENIZER_CONFIG, extra_ids=count, additional_special_tokens=_SENTINELS[:listed])
    assert (not _refusals(model)) is sound


def test_a_tokenizer_without_a_class_is_taken_with_a_warning(model: Model) -> None:
    _written(model, tokenizer_class=None)
    assert not checked(model).errors
    _written(model, tokenizer_class={})
    assert checked(model).errors
    model.edit(TOKENIZER_CONFIG, tokenizer_class=None)
    report = checked(model)
    assert not report.errors
    [finding] = report.warnings
    assert "takes the class that goes with model_type" in finding.problem


@pytest.mark.parametrize(
    ("special", "rule"),
    [
        (b'{"bos_token": "<s>", "eos_token": {"content": "</s>"}}', None),
        (b'{"bos_token": 5}', "tokenizer-field"),
        (b'{"bos_token": {"text": "<s>", "content": 1}}', "tokenizer-field"),
        (b"{", "not-json"),
    ],
)
def test_the_map_of_special_tokens_counts_where_the_ids_are_not_listed(
    model: Model, special: bytes, rule: str | None
) -> None:
    model.put("special_tokens_map.json", special)
    assert {finding.rule for finding in checked(model).errors} == ({rule} if rule else set())
    _written(model, added_tokens_decoder={})
    assert not checked(model).errors


def test_the_map_of_special_tokens_is_no_part_of_the_version_beyond_its_size(model: Model) -> None:
    versions = set()
    for token in ("<a>", "<b>"):
        model.write("special_tokens_map.json", {"bos_token": token})
        versions.add(checked(model).facts["version"])
    assert len(versions) == 1
