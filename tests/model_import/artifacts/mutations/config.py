"""Break `config.json`: fields, types, rope forms, quantization, flags and classes."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.model_import.artifacts.mutations.model_files import ModelFiles, Mutation

CONFIG = "config.json"
_LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
_ROPE: tuple[Any, ...] = (
    "dynamic",
    [],
    {},
    None,
    {"factor": 2.0},
    {"type": "linear"},
    {"rope_type": "linear", "factor": "2"},
    {"rope_type": "linear", "factor": 2},
    {"rope_type": "linear", "factor": 0.5},
    {"rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "su", "factor": 2.0},
    {"rope_type": None, "factor": 2.0},
    {"type": "linear", "rope_type": "dynamic", "factor": 2.0},
    {"rope_type": "default"},
    {"rope_type": "default", "factor": 2.0},
    {"rope_type": "llama3", **_LLAMA3},
    {"type": "llama3", **_LLAMA3},
    *({"rope_type": "llama3", **{key: _LLAMA3[key] for key in _LLAMA3 if key != gone}} for gone in _LLAMA3),
    {"rope_type": "llama3", **_LLAMA3, "low_freq_factor": 4.0},
    {"rope_type": "llama3", **_LLAMA3, "factor": None},
    {"rope_type": "llama3", **_LLAMA3, "high_freq_factor": "4"},
    {"rope_type": "yarn"},
    {"rope_type": "yarn", "factor": 4.0},
    {"rope_type": "yarn", "factor": 4.0, "beta_fast": 1, "beta_slow": 32},
    {"rope_type": "yarn", "factor": 4.0, "attention_factor": "1"},
    {"rope_type": "longrope", "factor": 4.0},
    {"rope_type": "longrope", "factor": 4.0, "short_factor": [1.0], "long_factor": [1.0]},
    {"type": "mrope", "mrope_section": [1, 1, 2]},
    {"type": "mrope"},
    {"mrope_section": [2, 1, 1], "rope_type": "default", "type": "default"},
)
_QUANTIZATION: tuple[Any, ...] = (
    None,
    {},
    {"quant_method": "bitsandbytes", "load_in_4bit": True},
    {"quant_method": "fp8", "activation_scheme": "dynamic"},
    {"quant_method": "gptq", "bits": 4},
    {"bits": 4},
    "fp8",
)
_CLASSES: tuple[Any, ...] = (
    [],
    None,
    "LlamaForCausalLM",
    ["LlamaForCausalLM", "MistralForCausalLM"],
    ["LlamaModel"],
    ["GemmaForCausalLM"],
    ["LlamaForCausalLM"],
    ["MistralForCausalLM"],
    ["Qwen2ForCausalLM"],
    ["Qwen3ForCausalLM"],
    ["MixtralForCausalLM"],
    ["T5EncoderModel"],
    [7],
)
_SIZES = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "num_local_experts", "num_experts", "moe_intermediate_size"),
    *("n_embd", "n_head", "n_layer", "n_inner", "n_positions", "multi_query"),
    *("d_model", "d_kv", "d_ff", "num_heads", "num_layers", "num_decoder_layers", "feed_forward_proj"),
    *("attention_bias", "mlp_bias", "cross_attention_layers", "depth", "embed_dim", "mlp_only_layers"),
    *("decoder_sparse_step", "num_experts_per_tok", "relative_attention_num_buckets", "is_gated_act"),
    *("max_position_embeddings", "sliding_window", "use_sliding_window", "hidden_act", "dense_act_fn"),
)


def _places(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a config whose fields may be broken: itself and the ones within."""
    inner = [each for each in document.values() if isinstance(each, dict) and each]
    return [document, document, document, *inner]


def _others(value: Any) -> list[Any]:
    """Return values of other types and other sizes than a field's."""
    wrong: list[Any] = [None, "text", [], {}, -1, 0, 1.5, True]
    if isinstance(value, bool):
        return [*wrong, not value, not value, str(value).lower(), int(value)]
    if isinstance(value, int | float):
        return [*wrong, value + 1, value - 1, value * 2, value // 2, str(value), float(value), [value]]
    if isinstance(value, str):
        return [*wrong, value.upper(), f"{value}-x", "", "gelu_new", "relu"]
    return wrong


def _set(chance: random.Random, files: ModelFiles, fields: tuple[str, ...] | None) -> str | None:
    document = files.read(CONFIG)
    place = chance.choice(_places(document))
    names = [name for name in place if (name in fields if fields else True)]
    if not names:
        return None
    name = chance.choice(names)
    before = place[name]
    place[name] = chance.choice(_others(before))
    files.write(CONFIG, document)
    return f"{name}: {json.dumps(before)} becomes {json.dumps(place[name])}"


def any_field(chance: random.Random, files: ModelFiles) -> str | None:
    """Give any field another value."""
    return _set(chance, files, None)


def size_field(chance: random.Random, files: ModelFiles) -> str | None:
    """Give a field that decides on tensors another value."""
    return _set(chance, files, _SIZES)


def without_field(chance: random.Random, files: ModelFiles) -> str | None:
    """Remove a field."""
    document = files.read(CONFIG)
    place = chance.choice(_places(document))
    name = chance.choice(sorted(place))
    del place[name]
    files.write(CONFIG, document)
    return f"without {name}"


def _text(document: dict[str, Any]) -> dict[str, Any]:
    inner = document.get("text_config")
    return inner if isinstance(inner, dict) else document


def rope(chance: random.Random, files: ModelFiles) -> str | None:
    """Write another form of rope scaling."""
    document = files.read(CONFIG)
    _text(document)["rope_scaling"] = chance.choice(_ROPE)
    files.write(CONFIG, document)
    return f"rope_scaling becomes {json.dumps(_text(document)['rope_scaling'])}"


def newer_rope(chance: random.Random, files: ModelFiles) -> str | None:
    """Write the rope as transformers 5 does, with or without the older fields."""
    document = files.read(CONFIG)
    text = _text(document)
    theta = text.pop("rope_theta", 10000.0) if chance.random() < 0.5 else text.get("rope_theta", 10000.0)
    text["rope_parameters"] = {"rope_theta": theta, "rope_type": "default"}
    files.write(CONFIG, document)
    return f"rope_parameters, with rope_theta {text.get('rope_theta')}"


def quantization(chance: random.Random, files: ModelFiles) -> str | None:
    """Leave a quantization over, at the top or in the text model."""
    document = files.read(CONFIG)
    place = chance.choice((document, _text(document)))
    place["quantization_config"] = chance.choice(_QUANTIZATION)
    files.write(CONFIG, document)
    return f"quantization_config becomes {json.dumps(place['quantization_config'])}, top {place is document}"


def classes(chance: random.Random, files: ModelFiles) -> str | None:
    """Name another class, or another type of model."""
    document = files.read(CONFIG)
    if chance.random() < 0.6:
        document["architectures"] = chance.choice(_CLASSES)
    else:
        document["model_type"] = chance.choice(("llama", "mistral", "qwen2", "t5", "gpt2", "unknown", "", None, 7))
    files.write(CONFIG, document)
    return f"architectures {document['architectures']}, model_type {document['model_type']}"


def precision(chance: random.Random, files: ModelFiles) -> str | None:
    """Name another number format, in another field."""
    document = files.read(CONFIG)
    named = chance.choice(
        ("float32", "float16", "bfloat16", "float64", "int8", "auto", "torch.float16", "half", None, 16)
    )
    if chance.random() < 0.3:
        document.pop("torch_dtype", None)
        document["dtype"] = named
    else:
        document["torch_dtype"] = named
    files.write(CONFIG, document)
    return f"torch_dtype {document.get('torch_dtype')}, dtype {document.get('dtype')}"


def tie(chance: random.Random, files: ModelFiles) -> str | None:
    """Turn the flag of a head that is the embedding."""
    document = files.read(CONFIG)
    places = [document, _text(document)]
    place = chance.choice(places)
    value = chance.choice((True, True, False, False, None, "false", 0, 1))
    if chance.random() < 0.2:
        place.pop("tie_word_embeddings", None)
    else:
        place["tie_word_embeddings"] = value
    files.write(CONFIG, document)
    return f"tie_word_embeddings {place.get('tie_word_embeddings', 'removed')}, top {place is document}"


def nested(chance: random.Random, files: ModelFiles) -> str | None:
    """Write the text model's fields into `text_config`, as newer versions do for some classes."""
    document = files.read(CONFIG)
    if "text_config" in document:
        return None
    top = {name: document[name] for name in ("architectures", "model_type", "vision_config") if name in document}
    inner = {name: value for name, value in document.items() if name not in top}
    files.write(CONFIG, {**top, **(document if chance.random() < 0.3 else {}), "text_config": inner})
    return "text_config holds the fields"


def more(chance: random.Random, files: ModelFiles) -> str | None:
    """Add fields that other versions write, or that mean nothing."""
    added: dict[str, Any] = chance.choice(
        (
            {"auto_map": {"AutoModelForCausalLM": "modeling_x.X"}},
            {"auto_map": {"AutoConfig": "configuration_x.X"}},
            {"transformers_version": "5.2.0"},
            {"transformers_version": 5},
            {"transformers_version": "4.40.0.dev0"},
            {"layer_types": ["full_attention"]},
            {"use_cache": False},
            {"attn_implementation": "eager"},
            {"_attn_implementation": "flash_attention_2"},
            {"pretraining_tp": 2},
            {"num_nextn_predict_layers": 1},
            {"head_dim": None},
            {"head_dim": 4},
            {"eos_token_id": [1, 2]},
            {"pad_token_id": -1},
            {"bos_token_id": None},
            {"id2label": {"0": "x"}},
            {"num_labels": "2"},
            {"problem_type": "none"},
            {"generation": {"x": 1}},
            {"temperature": 0.5},
            {"is_encoder_decoder": True},
            {"is_decoder": False},
            {"use_bidirectional_attention": True},
            {"torchscript": True},
            {"pruned_heads": {"0": [1]}},
            {"rms_norm_eps": "1e-5"},
            {"hidden_act": "swiglu"},
            {"name_or_path": 7},
        )
    )
    files.write(CONFIG, {**files.read(CONFIG), **added})
    return f"with {json.dumps(added)}"


def syntax(chance: random.Random, files: ModelFiles) -> str | None:
    """Write JSON with a fault."""
    path = files.folder / CONFIG
    text = path.read_text(encoding="utf-8")
    broken = chance.choice(
        ("\ufeff" + text, text[:-2], "[" + text + "]", text.replace("{", "{ // x\n", 1), text[: len(text) // 2], "")
    )
    path.write_text(broken, encoding="utf-8")
    return f"config.json begins {broken[:8]!r} and has {len(broken)} of {len(text)} characters"


MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "any field": (6, any_field),
    "a size": (14, size_field),
    "no field": (6, without_field),
    "rope": (8, rope),
    "newer rope": (2, newer_rope),
    "quantization": (3, quantization),
    "classes": (3, classes),
    "precision": (3, precision),
    "tie": (5, tie),
    "nested": (2, nested),
    "more fields": (5, more),
    "syntax": (1, syntax),
}
"""By name: how often, and what."""
