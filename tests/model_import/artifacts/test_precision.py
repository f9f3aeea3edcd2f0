"""The number format that a configuration states, against what transformers 4.51.3 loads and the weights' headers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.model_import.artifacts.artifact_models import HIDDEN, Model, checked, half, rules_and_places
from tests.model_import.artifacts.broken_models import CONFIG, Q_PROJ, with_tensor

_AWQ = {"quant_method": "awq", "bits": 4}


def _written(model: Model, **fields: Any) -> None:
    document = json.loads((model.folder / CONFIG).read_bytes())
    model.write(CONFIG, {**document, **fields})


def _said(model: Model) -> list[str]:
    return [str(finding) for finding in checked(model).errors if finding.rule == "quantized"]


@pytest.mark.parametrize("value", [None, {}, False, [], "awq", 4])
def test_refuses_a_field_of_quantization_that_is_not_loaded(model: Model, value: object) -> None:
    _written(model, quantization_config=value)
    place = "config.json, quantization_config"
    assert _said(model) == [f"{place}: it is {value!r}, which transformers 4.51.3 does not load (remove the field)"]


def test_says_to_remove_the_field_where_no_weight_is_quantized(model: Model) -> None:
    model.edit(CONFIG, quantization_config={"quant_method": "bitsandbytes", "load_in_4bit": True})
    [said] = _said(model)
    assert "it says 'bitsandbytes', and no tensor of the weights is quantized (remove the field" in said
    model.edit(CONFIG, quantization_config=None)
    assert not checked(model).errors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (Q_PROJ, np.zeros((HIDDEN, HIDDEN), dtype=np.int32)),
        ("model.layers.0.self_attn.q_proj.weight_scale", half(1)),
        ("model.layers.0.self_attn.q_proj.weight_scale_inv", half(1)),
        ("model.layers.0.self_attn.q_proj.scales", half(1, 8)),
        ("model.layers.0.self_attn.q_proj.weight.absmax", half(1)),
        ("model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__nf4", half(1)),
    ],
)
def test_says_to_save_the_model_again_where_a_weight_is_quantized(model: Model, name: str, value: Any) -> None:
    model.edit(CONFIG, quantization_config=_AWQ)
    with_tensor(model, name, value)
    [said] = _said(model)
    assert said.endswith("quantized by 'awq' (weights in float32, float16 or bfloat16: save the model unquantized)")


def test_does_not_say_to_remove_the_field_where_a_header_cannot_be_read(model: Model) -> None:
    model.edit(CONFIG, quantization_config=_AWQ)
    model.shard()[1]
    (model.folder / "model-00002-of-00002.safetensors").write_bytes(b"")
    [said] = _said(model)
    assert said.endswith("save the model unquantized)")


def test_warns_of_a_field_left_over_within_the_text_model(model: Model) -> None:
    for value, errors in ((_AWQ, 0), (None, 1)):
        _written(model, vision_config={"quantization_config": value})
        report = checked(model)
        found = [each for each in (*report.errors, *report.warnings) if each.rule == "quantized"]
        assert [each.place for each in found] == ["config.json, vision_config.quantization_config"]
        assert len(report.errors) == errors


def test_warns_of_a_number_format_under_the_name_that_only_newer_versions_read(model: Model) -> None:
    _written(model, dtype="float16", torch_dtype=None)
    report = checked(model)
    assert not report.errors
    [finding] = report.warnings
    assert (finding.place, finding.allowed) == ("config.json, dtype", "set torch_dtype to the same beside it")
    _written(model, dtype="float16", torch_dtype="float16")
    assert not checked(model).warnings


@pytest.mark.parametrize("value", ["auto", "torch.float16", "int8", 16, ["float16"], {"": "float16"}])
@pytest.mark.parametrize("within", ["", "text_config.", "vision_config."])
def test_refuses_a_number_format_that_is_none_wherever_it_stands(model: Model, within: str, value: object) -> None:
    field = {"torch_dtype": value}
    _written(model, **({within[:-1]: field} if within else field))
    assert ("dtype", f"config.json, {within}torch_dtype") in rules_and_places(checked(model).errors)
