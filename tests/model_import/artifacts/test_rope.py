"""Forms of rotary positions: those that transformers 4.51.3 loads with a tiny model, and those that it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.model_import.artifacts.artifact_models import VALID, Model, checked, granite_bigcode
from tests.model_import.artifacts.broken_models import CONFIG

_LLAMA_3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 1024,
}
_YARN = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 4096}
_LONG = {"rope_type": "longrope", "factor": 2.0, "short_factor": [1.0, 1.0], "long_factor": [2.0, 2.0]}
_WITHOUT: Any = object()

LOADED: dict[str, Any] = {
    "none": None,
    "the default": {"rope_type": "default"},
    "the default under its old name": {"type": "default"},
    "linear": {"type": "linear", "factor": 2.0},
    "linear by a whole number": {"rope_type": "linear", "factor": 2},
    "linear under both names": {"type": "linear", "rope_type": "linear", "factor": 2.0},
    "a field more": {"type": "linear", "factor": 2.0, "finetuned": True},
    "dynamic": {"type": "dynamic", "factor": 2.0},
    "yarn": _YARN,
    "yarn without the first length": {"type": "yarn", "factor": 2.0},
    "yarn with nulls": {**_YARN, "attention_factor": None, "beta_fast": None, "beta_slow": None, "mscale": None},
    "yarn without its factor, which both lengths say": {**_YARN, "factor": None},
    "longrope": _LONG,
    "longrope with a factor of attention": {**_LONG, "factor": None, "attention_factor": 1.0},
    "llama 3": _LLAMA_3,
    "llama 3 in whole numbers": {**_LLAMA_3, "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4},
}
REFUSED: dict[str, Any] = {
    "a text": "dynamic",
    "a number": 4,
    "a list": [{"type": "linear", "factor": 2.0}],
    "false": False,
    "an empty object": {},
    "no type": {"factor": 2.0},
    "a type of null": {"rope_type": None, "factor": 2.0},
    "a type that is a list": {"type": ["linear"], "factor": 2.0},
    "an unknown type": {"rope_type": "su", "factor": 2.0},
    "another model's type": {"type": "mrope", "mrope_section": [1, 1, 0]},
    "linear without its factor": {"type": "linear"},
    "linear by null": {"type": "linear", "factor": None},
    "linear by a text": {"type": "linear", "factor": "2.0"},
    "linear by a list": {"type": "linear", "factor": [2.0]},
    "linear by zero": {"type": "linear", "factor": 0},
    "linear by infinity": {"type": "linear", "factor": float("inf")},
    "linear by more than a number of 32 bits holds": {"type": "linear", "factor": 10**400},
    "dynamic without its factor": {"type": "dynamic"},
    "dynamic by a text": {"type": "dynamic", "factor": "2"},
    "yarn by a text alone": {"type": "yarn", "factor": "2"},
    "yarn without its factor": {key: value for key, value in _YARN.items() if key != "factor"},
    "longrope without a list": {key: value for key, value in _LONG.items() if key != "long_factor"},
    "longrope with a list too long": {**_LONG, "short_factor": [1.0, 1.0, 1.0]},
    "longrope with a number for a list": {**_LONG, "short_factor": 1.0},
    "longrope without a factor": {key: value for key, value in _LONG.items() if key != "factor"},
    **{f"llama 3 without {name}": {**_LLAMA_3, name: _WITHOUT} for name in _LLAMA_3 if name != "rope_type"},
    **{f"llama 3 with a text for {name}": {**_LLAMA_3, name: "1"} for name in _LLAMA_3 if name != "rope_type"},
    **{f"llama 3 with null for {name}": {**_LLAMA_3, name: None} for name in _LLAMA_3 if name != "rope_type"},
    **{
        f"yarn with {value!r} for {name}": {**_YARN, name: value}
        for name in ("original_max_position_embeddings", "attention_factor", "beta_fast", "beta_slow")
        for value in ("1", [1])
    },
    "yarn from no positions": {**_YARN, "original_max_position_embeddings": 0},
    "yarn with fewer rotations than none": {**_YARN, "beta_fast": -1},
}


def scaled(model: Model, scaling: Any) -> None:
    """Set `rope_scaling`, also to null."""
    document = json.loads((model.folder / CONFIG).read_bytes())
    if isinstance(scaling, dict):
        scaling = {name: value for name, value in scaling.items() if value is not _WITHOUT}
    model.write(CONFIG, {**document, "rope_scaling": scaling})


def _refusals(model: Model) -> list[str]:
    return [str(finding) for finding in checked(model).errors if finding.rule == "rope"]


@pytest.mark.parametrize("form", LOADED)
def test_takes_every_form_that_is_loaded(model: Model, form: str) -> None:
    scaled(model, LOADED[form])
    assert not checked(model).errors


@pytest.mark.parametrize("form", REFUSED)
def test_refuses_every_form_that_is_not_loaded(model: Model, form: str) -> None:
    scaled(model, REFUSED[form])
    assert _refusals(model)


def test_names_the_fields_that_a_form_lacks(model: Model) -> None:
    scaled(model, {"rope_type": "llama3", "factor": 8.0})
    missing = "low_freq_factor, high_freq_factor, original_max_position_embeddings"
    assert _refusals(model) == [
        f"config.json, rope_scaling: 'llama3' lacks {missing} (as the base model's config.json has)"
    ]


@pytest.mark.parametrize(
    ("kind", "taken", "left"), [("llama-3", "type", "rope_type"), ("mixtral", "rope_type", "type")]
)
def test_judges_the_name_of_the_type_that_the_class_reads(tmp_path: Path, kind: str, taken: str, left: str) -> None:
    model = VALID[kind](tmp_path)
    scaled(model, {taken: "linear", left: "su", "factor": 2.0})
    report = checked(model)
    assert not report.errors
    assert any(
        finding.rule == "rope" and finding.problem.endswith("Bedrock's takes 'linear'") for finding in report.warnings
    )
    scaled(model, {taken: "su", left: "linear", "factor": 2.0})
    assert _refusals(model)


@pytest.mark.parametrize("theta", ["10000.0", None, [], 0, -1.0])
def test_refuses_a_base_that_is_no_number_above_0(model: Model, theta: object) -> None:
    document = json.loads((model.folder / CONFIG).read_bytes())
    model.write(CONFIG, {**document, "rope_theta": theta})
    assert _refusals(model) == [f"config.json, rope_theta: it is {theta!r} (a number such as 10000.0)"]


@pytest.mark.parametrize(("part", "refused"), [(1.0, False), (1, False), (0.5, True), ("1", True)])
def test_refuses_heads_that_are_turned_in_part(model: Model, part: object, refused: bool) -> None:
    model.edit(CONFIG, partial_rotary_factor=part)
    assert bool(_refusals(model)) is refused


@pytest.mark.parametrize(
    ("parameters", "fields", "advice"),
    [
        ({"rope_theta": 10000.0, "rope_type": "default"}, {}, ""),
        ({"rope_theta": 10000.0, "rope_type": "default"}, {"rope_theta": None}, ""),
        (None, {}, ""),
        ({"rope_theta": 500000.0, "rope_type": "default"}, {"rope_theta": None}, "set rope_theta to 500000.0 beside"),
        ({"rope_theta": 500000.0}, {}, "set rope_theta to 500000.0 beside"),
        ({"rope_theta": 10000.0, **_YARN}, {}, "set rope_scaling to the same object beside"),
        ({"rope_theta": 10000.0, **_YARN}, {"rope_scaling": _YARN}, ""),
        ({"rope_theta": 5.0, **_YARN}, {}, "set rope_theta to 5.0 and rope_scaling to the same object beside"),
        ({"full_attention": {"rope_theta": 10000.0}}, {}, "rope_theta and rope_scaling to those of the base model"),
    ],
)
def test_refuses_what_only_the_form_of_transformers_5_says(
    model: Model, parameters: Any, fields: dict[str, Any], advice: str
) -> None:
    document = json.loads((model.folder / CONFIG).read_bytes())
    written = {**document, **fields, "rope_parameters": parameters}
    model.write(CONFIG, {name: value for name, value in written.items() if value is not None})
    said = _refusals(model)
    assert bool(said) is bool(advice)
    assert advice in "".join(said)


def test_the_advice_for_the_form_of_transformers_5_is_enough(model: Model) -> None:
    parameters = {"rope_theta": 500000.0, **_LLAMA_3}
    model.edit(CONFIG, rope_theta=None, rope_parameters=parameters)
    assert _refusals(model)
    model.edit(CONFIG, rope_theta=500000.0, rope_scaling=parameters)
    assert not checked(model).errors


def test_a_model_without_rotary_positions_may_say_anything_of_them(tmp_path: Path) -> None:
    model = granite_bigcode(tmp_path)
    model.edit(CONFIG, rope_scaling="dynamic", rope_theta="x", rope_parameters={"rope_theta": 1.0})
    assert not checked(model).errors


def _as(model: Model, architecture: str, model_type: str, **fields: Any) -> list[str]:
    model.edit(CONFIG, architectures=[architecture], model_type=model_type, **fields)
    return _refusals(model)


def test_llama_3_2_vision_needs_its_form_under_the_new_name(model: Model) -> None:
    text = {**json.loads((model.folder / CONFIG).read_bytes()), "cross_attention_layers": [1]}
    for scaling, sound in (
        ({"rope_type": "default"}, True),
        (_LLAMA_3, True),
        (None, False),
        ({"type": "default"}, False),
    ):
        said = _as(
            model,
            "MllamaForConditionalGeneration",
            "mllama",
            text_config={**text, "rope_scaling": scaling},
            vision_config={},
        )
        assert (not said) is sound
        assert all(each.startswith("config.json, text_config.rope_scaling") for each in said)


@pytest.mark.parametrize(
    ("scaling", "sound"),
    [
        ({"type": "mrope", "mrope_section": [1, 1, 0]}, True),
        ({"type": "default", "rope_type": "default", "mrope_section": [1, 1, 0]}, True),
        ({"type": "mrope", "rope_type": "default", "mrope_section": [2]}, True),
        ({"rope_type": "mrope", "mrope_section": [1, 1, 0]}, False),
        ({"type": "mrope"}, False),
        ({"type": "mrope", "mrope_section": [1, 1, 1]}, False),
        ({"type": "mrope", "mrope_section": [1.0, 1.0, 0]}, False),
        ({"type": "mrope", "mrope_section": "2"}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("name", ["qwen2_vl", "qwen2_5_vl"])
def test_qwen_vl_needs_sections_that_fill_half_a_head(model: Model, name: str, scaling: Any, sound: bool) -> None:
    architecture = {"qwen2_vl": "Qwen2VL", "qwen2_5_vl": "Qwen2_5_VL"}[name]
    scaled(model, scaling)
    assert (not _as(model, f"{architecture}ForConditionalGeneration", name, vision_config={})) is sound
