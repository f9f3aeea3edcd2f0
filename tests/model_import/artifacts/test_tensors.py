"""Every tensor's name and shape is compared with what `config.json` implies, as transformers 4.51.3 computes it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_import.artifacts.architectures import FAMILIES, implied
from model_import.artifacts.architectures.sizes import Model as Implied
from model_import.artifacts.architectures.sizes import Part
from model_import.artifacts.comparison import Comparison
from model_import.artifacts.findings import Findings, Severity
from model_import.artifacts.headers import Tensor
from tests.model_import.artifacts.artifact_models import (
    SHAPES,
    VOCABULARY,
    Model,
    as_published,
    checked,
    flan_t5,
    half,
    llama,
    published,
)
from tests.model_import.artifacts.broken_models import CONFIG, Q_PROJ, gpt_oss, with_tensor
from tests.model_import.artifacts.tensor_reports import EMBEDDING, rules, said

KINDS = tuple(json.loads(SHAPES.read_bytes())["models"])


def shapes(model: Implied) -> dict[str, tuple[int | None, ...]]:
    """Return the shapes of all tensors, by name."""
    found: dict[str, tuple[int | None, ...]] = dict.fromkeys(model.aliases, model.embedding.shape)

    def add(part: Part, prefix: str = "") -> None:
        experts = 1 if part.experts is None else part.experts.value or 0
        for number in range(experts):
            found[prefix + part.name.replace("*", str(number))] = part.shape

    for part in (model.embedding, model.head, *model.single):
        add(part)
    for stack in model.stacks:
        for layer in range(stack.layers.value or 0):
            for part in stack.parts(layer):
                add(part, f"{stack.prefix}{layer}.")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_implies_the_tensors_that_transformers_makes(kind: str) -> None:
    expected, found = published(kind), Findings()
    model = implied(expected["config"]["architectures"][0], expected["config"], found)
    assert not list(found.of(Severity.ERROR))
    assert shapes(model) == {name: tuple(shape) for name, shape in expected["tensors"].items()}
    assert model.tied is (model.head.name in expected["embedding"])


def test_knows_the_tensors_of_every_architecture_from_transformers() -> None:
    assert {published(kind)["config"]["architectures"][0] for kind in KINDS} == set(FAMILIES)


@pytest.mark.parametrize("kind", KINDS)
def test_accepts_what_transformers_saves(tmp_path: Path, kind: str) -> None:
    report = checked(as_published(kind)(tmp_path), region=None)
    assert (report.errors, report.warnings) == ((), ())


@pytest.mark.parametrize("kind", KINDS)
def test_finds_every_tensor_that_lacks_or_has_another_shape(kind: str) -> None:
    expected = published(kind)
    model = implied(expected["config"]["architectures"][0], expected["config"], Findings())
    shared = set(expected["embedding"]) - {model.embedding.name}
    tensors = {
        name: Tensor("F16", tuple(shape), 2) for name, shape in expected["tensors"].items() if name not in shared
    }

    def compared(changed: dict[str, Tensor]) -> list[tuple[str, str]]:
        found = Findings()
        Comparison(model, changed, "X").run(found, complete=True)
        return [(finding.rule, finding.place) for finding in found.of(Severity.ERROR)]

    for name, tensor in tensors.items():
        other = tensor._replace(shape=(*tensor.shape[:-1], tensor.shape[-1] + 1))
        assert compared({**tensors, name: other}) == [("shape", f"tensor {name}")]
        assert compared({**tensors, name: tensor._replace(shape=(*tensor.shape, 1))}) == [("shape", f"tensor {name}")]
        missing = compared({each: tensor for each, tensor in tensors.items() if each != name})
        assert missing == [("missing-tensor", f"tensor {name}")]


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (
            "llama",
            {"num_key_value_heads": 2},
            "tensors model.layers.*.self_attn.k_proj.weight: size mismatch: its shape is [4, 8], in 2 tensors of "
            "layers 0 to 1 ([8, 8]: num_key_value_heads 2 * (hidden_size 8 / num_attention_heads 2), hidden_size 8 of",
        ),
        ("llama", {"intermediate_size": 32}, "[8, 32]: hidden_size 8, intermediate_size 32 of config.json"),
        ("llama", {"head_dim": 6}, "[12, 8]: num_attention_heads 2 * head_dim 6, hidden_size 8 of config.json"),
        ("llama", {"hidden_size": None}, "hidden_size 4096 (the default)"),
        ("mixtral", {"num_local_experts": 2}, "[2, 8]: num_local_experts 2, hidden_size 8 of"),
        ("qwen3-moe", {"moe_intermediate_size": 8}, "mlp.experts.*.up_proj.weight: size mismatch: its shape is [6, 8]"),
        ("bigcode", {"multi_query": False}, "[24, 8]: n_embd 8 + 2 * n_embd 8, n_embd 8 of config.json"),
        ("bigcode", {"n_inner": None}, "[32, 8]: 4 * n_embd 8, n_embd 8 of config.json"),
        ("t5", {"d_kv": 4}, "[16, 8]: num_heads 4 * d_kv 4, d_model 8 of config.json"),
        ("t5", {"num_heads": 8}, "relative_attention_bias.weight: size mismatch: its shape is [8, 4] ([8, 8]: relat"),
        ("gpt-oss", {"num_local_experts": 4}, "gate_up_proj: size mismatch: its shape is [3, 32, 128], in 2 tensors"),
    ],
)
def test_says_which_fields_imply_another_shape(tmp_path: Path, kind: str, fields: dict[str, Any], words: str) -> None:
    model = as_published(kind)(tmp_path)
    model.edit(CONFIG, **fields)
    findings = said(model, "shape")
    assert any(words in finding for finding in findings), findings


@pytest.mark.parametrize(
    ("kind", "inner", "field", "value", "words"),
    [
        ("mllama", "text_config", "vocab_size", 40, "[48, 8]: text_config.vocab_size 40 + 8, text_config.hidden_size"),
        ("mllama", "text_config", "num_key_value_heads", 2, "cross_attn.k_proj.weight: size mismatch: its shape is [4"),
        ("mllama", "vision_config", "image_size", 42, "[10, 8]: (vision_config.image_size 42 / vision_config.patch_s"),
        ("mllama", "vision_config", "intermediate_size", 16, "global_transformer.layers.0.mlp.fc1.weight: size"),
        ("qwen2-vl", "vision_config", "mlp_ratio", 4, "mlp.fc2.weight: size mismatch: its shape is [8, 20]"),
        ("qwen2-vl", "vision_config", "in_channels", 1, "[8, 1, 2, 4, 4]: vision_config.embed_dim 8, vision_config."),
        ("qwen2.5-vl", "vision_config", "spatial_merge_size", 2, "visual.merger.mlp.0.weight: size mismatch: its sh"),
    ],
)
def test_compares_images_parts(tmp_path: Path, kind: str, inner: str, field: str, value: int, words: str) -> None:
    model = as_published(kind)(tmp_path)
    model.edit(CONFIG, **{inner: {**published(kind)["config"][inner], field: value}})
    findings = said(model, "shape")
    assert any(words in finding for finding in findings), findings


def test_refuses_a_multimodal_model_of_one_tensor(tmp_path: Path) -> None:
    model = as_published("qwen2.5-vl")(tmp_path)
    model.save({EMBEDDING: model.tensors[EMBEDDING]})
    assert said(model, "layers") == [
        "tensors model.layers.*: the weights have 0 layers (none) (2, 0 to 1: num_hidden_layers 2 of config.json)",
        "tensors visual.blocks.*: the weights have 0 layers (none) (2, 0 to 1: vision_config.depth 2 of config.json)",
    ]
    assert said(model, "missing-tensor")


@pytest.mark.parametrize("part", ["language_model.", "vision_model.", "multi_modal_projector."])
def test_refuses_mllama_without(tmp_path: Path, part: str) -> None:
    model = as_published("mllama")(tmp_path)
    model.save({name: tensor for name, tensor in model.tensors.items() if not name.startswith(part)})
    assert "missing-tensor" in rules(model)


def test_says_a_fault_of_40_layers_once(tmp_path: Path) -> None:
    model = llama(tmp_path)
    layer = {name: tensor for name, tensor in model.tensors.items() if ".layers.0." in name}
    more = {
        name.replace(".0.", f".{number}."): half(9, 8) if "gate" in name else tensor
        for name, tensor in layer.items()
        for number in range(40)
    }
    model.save({**model.tensors, **more})
    model.edit(CONFIG, num_hidden_layers=40)
    [finding] = checked(model).errors
    assert finding.place == "tensors model.layers.*.mlp.gate_proj.weight"
    assert finding.problem == "size mismatch: its shape is [9, 8], in 40 tensors of layers 0 to 39"


def test_a_tensor_without_numbers_is_never_right(model: Model) -> None:
    model.save({**model.tensors, Q_PROJ: half(0), "lm_head.weight": half(0), "v_head.weight": half(0)})
    [finding] = checked(model).errors
    assert finding.problem == "it has no numbers (its shape is [0]), nor have 2 more"
    assert "ZeRO-3" in finding.allowed


@pytest.mark.parametrize(
    ("fields", "place", "words"),
    [
        (
            {"num_attention_heads": 4, "num_key_value_heads": 3},
            "num_key_value_heads",
            "a divisor of num_attention_heads",
        ),
        ({"head_dim": 3}, "head_dim", "a head has 3 numbers: head_dim 3 (an even number)"),
        ({"pad_token_id": VOCABULARY}, "pad_token_id", "it is 32, and the model has 32 embeddings (null, or 0 to 31)"),
        ({"pad_token_id": -VOCABULARY - 1}, "pad_token_id", "it is -33"),
        ({"pad_token_id": True}, "pad_token_id", "it is True"),
        ({"num_attention_heads": 16, "num_key_value_heads": 16}, "num_attention_heads", "no multiple of"),
        ({"intermediate_size": 16.0}, "intermediate_size", "it is 16.0 (1 or more)"),
        ({"num_attention_heads": True}, "num_attention_heads", "it is True"),
    ],
)
def test_refuses_fields_that_transformers_fails_on(
    model: Model, fields: dict[str, Any], place: str, words: str
) -> None:
    model.edit(CONFIG, **fields)
    findings = said(model, "config-field")
    assert any(f"config.json, {place}: " in finding and words in finding for finding in findings), findings


@pytest.mark.parametrize("field", ["image_token_id", "video_token_id", "vision_start_token_id"])
@pytest.mark.parametrize("kind", ["qwen2-vl", "qwen2.5-vl"])
def test_refuses_a_model_for_images_that_names_no_token_of_them(tmp_path: Path, kind: str, field: str) -> None:
    model = as_published(kind)(tmp_path)
    model.edit(CONFIG, **{field: None})
    [finding] = said(model, "config-field")
    assert finding.startswith(f"config.json, {field}: it is None (the token of the base model")


@pytest.mark.parametrize("token", [-1, -VOCABULARY, 0, VOCABULARY - 1])
def test_takes_any_padding_token_with_an_embedding(model: Model, token: int) -> None:
    model.edit(CONFIG, pad_token_id=token)
    assert not checked(model).errors


@pytest.mark.parametrize("kind", ["t5", "bigcode", "mllama"])
def test_refuses_a_padding_token_that_is_no_number(tmp_path: Path, kind: str) -> None:
    model = as_published(kind)(tmp_path)
    model.edit(CONFIG, pad_token_id=[0])
    assert said(model, "config-field") == ["config.json, pad_token_id: it is [0] (null, or the number of a token)"]


@pytest.mark.parametrize(("head", "refused"), [(4, False), (8, True), (None, True)])
def test_refuses_a_head_size_of_mllama_that_is_not_the_tensors(tmp_path: Path, head: int | None, refused: bool) -> None:
    model = as_published("mllama")(tmp_path)
    model.edit(CONFIG, text_config={**published("mllama")["config"]["text_config"], "head_dim": head})
    assert ("config-field" in rules(model)) is refused


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "qwen3-moe"])
def test_refuses_a_head_size_of_null_where_transformers_takes_no_share_for_it(tmp_path: Path, kind: str) -> None:
    model = as_published(kind)(tmp_path)
    model.write(CONFIG, {**published(kind)["config"], "head_dim": None})
    assert said(model, "config-field") == ["config.json, head_dim: it is None (1 or more)"]


def test_takes_a_head_size_of_null_for_the_share_of_hidden_size(model: Model) -> None:
    model.write(CONFIG, {**json.loads((model.folder / CONFIG).read_bytes()), "head_dim": None})
    assert not checked(model).errors


def test_refuses_a_tower_without_attention_heads(tmp_path: Path) -> None:
    model = as_published("qwen2.5-vl")(tmp_path)
    model.edit(CONFIG, vision_config={**published("qwen2.5-vl")["config"]["vision_config"], "num_heads": 0})
    assert said(model, "config-field") == ["config.json, vision_config.num_heads: it is 0 (1 to 10000)"]


@pytest.mark.parametrize("heads", [2, 6, 10])
def test_refuses_a_t5_whose_heads_are_no_multiple_of_4(tmp_path: Path, heads: int) -> None:
    model = flan_t5(tmp_path)
    model.edit(CONFIG, num_heads=heads)
    assert "(a multiple of 4, as in Flan-T5 base and larger)" in said(model, "config-field")[0]


@pytest.mark.parametrize("kind", ["wi", "wi_0", "wi_1"])
def test_misses_the_first_layer_of_a_t5s_feed_forward(tmp_path: Path, kind: str) -> None:
    model = flan_t5(tmp_path) if "_" in kind else as_published("t5")(tmp_path)
    model.save({name: tensor for name, tensor in model.tensors.items() if f".{kind}." not in name})
    assert said(model, "missing-tensor") == [
        f"tensors encoder.block.*.layer.1.DenseReluDense.{kind}.weight: it is not in the weights, in 2 tensors of "
        "layers 0 to 1 (needed in every layer)",
        f"tensors decoder.block.*.layer.2.DenseReluDense.{kind}.weight: it is not in the weights, in 2 tensors of "
        "layers 0 to 1 (needed in every layer)",
    ]


@pytest.mark.parametrize("kind", ["qwen2-vl", "qwen2.5-vl"])
def test_says_nothing_more_of_fields_that_are_nested_as_later_versions_write_them(tmp_path: Path, kind: str) -> None:
    model = as_published(kind)(tmp_path)
    config = json.loads((tmp_path / CONFIG).read_bytes())
    top = ("architectures", "model_type", "vision_config", "transformers_version", "torch_dtype")
    text = {name: config.pop(name) for name in list(config) if name not in top}
    model.write(CONFIG, {**config, "text_config": {**text, "model_type": "x"}})
    assert rules(model) <= {"nested-config", "context", "rope"}
    model.write(CONFIG, {**config, **text})
    assert not checked(model).errors


def test_only_packed_numbers_of_gpt_oss_are_bytes(model: Model) -> None:
    gpt_oss(model)
    with_tensor(model, "model.norm.weight", np.zeros(32, dtype=np.uint8))
    assert said(model, "dtype") == ["model.safetensors, tensor 'model.norm.weight': it is 'U8' (F32, F16, BF16)"]


def test_compares_the_largest_models_within_a_second() -> None:
    """Compare a mixture of 256 experts in 56 layers; a laptop takes a tenth of a second."""
    sizes = {"num_hidden_layers": 56, "num_local_experts": 256, "hidden_size": 64, "intermediate_size": 32}
    model = implied("MixtralForCausalLM", {**sizes, "num_attention_heads": 8}, Findings())
    tensors = {name: Tensor("F16", tuple(size or 0 for size in shape), 2, 0) for name, shape in shapes(model).items()}
    assert len(tensors) > 43_000
    found = Findings()
    start = time.process_time()
    Comparison(model, tensors, "MixtralForCausalLM").run(found, complete=True)
    assert time.process_time() - start < 1
    assert not list(found.of(Severity.ERROR))


def test_bounds_the_tensors_that_are_compared(model: Model) -> None:
    model.edit(CONFIG, architectures=["MixtralForCausalLM"], model_type="mixtral")
    model.edit(CONFIG, num_hidden_layers=10_000, num_local_experts=10_000)
    start = time.process_time()
    assert any("at most 300000 are compared" in finding for finding in said(model, "config-field"))
    assert time.process_time() - start < 1
