"""Check the rotary positions of `config.json`: what transformers 4.51.3 refuses, or would silently compute otherwise.

Source: transformers 4.51.3, `modeling_rope_utils.py` and each class's configuration, each form of it tried with a tiny
model of the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from model_import.artifacts.contents import integer
from model_import.artifacts.findings import Findings, shown

_MLLAMA: Final = "MllamaForConditionalGeneration"
_SECTIONED: Final = ("Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration")
# These two take rope_type where a field type is there, too; the other classes take type.
_NEW_NAME_FIRST: Final = ("MistralForCausalLM", "MixtralForCausalLM", _MLLAMA)
_DEFAULT_THETA: Final = {
    "LlamaForCausalLM": 10_000.0,
    "MistralForCausalLM": 10_000.0,
    "MixtralForCausalLM": 1_000_000.0,
    _MLLAMA: 500_000.0,
    "Qwen2ForCausalLM": 10_000.0,
    **dict.fromkeys(_SECTIONED, 1_000_000.0),
    "Qwen3ForCausalLM": 10_000.0,
    "Qwen3MoeForCausalLM": 10_000.0,
}
"""Classes with rotary positions that 4.51.3 loads, and its `rope_theta` where `config.json` has none."""

_REQUIRED: Final = {
    "default": (),
    "linear": ("factor",),
    "dynamic": ("factor",),
    "yarn": ("factor",),
    "longrope": ("short_factor", "long_factor"),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
}
"""Kinds of `rope_scaling`, and the fields that each needs."""
_OPTIONAL: Final = {
    "yarn": (
        "original_max_position_embeddings",
        "attention_factor",
        "beta_fast",
        "beta_slow",
        "mscale",
        "mscale_all_dim",
    ),
    "longrope": ("factor", "attention_factor"),
}
# They are used as null says: not set.
_MAY_BE_NULL: Final = ("attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim")
_MAY_BE_ZERO: Final = ("attention_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow")
_LISTS: Final = ("short_factor", "long_factor")
_LARGEST: Final = 3.4e38
"""The largest number in 32 bits, which the positions are computed in."""


def check_rope(text: Mapping[str, Any], architecture: str | None, place: str, found: Findings) -> None:
    """Check `rope_theta`, `rope_scaling` and `rope_parameters`.

    Args:
        text: The text model's fields.
        architecture: The class; one without rotary positions, or that 4.51.3 does not load, is not checked.
        place: The file, and the field that the text model's fields are in.
        found: Collects the findings.
    """
    if architecture not in _DEFAULT_THETA:
        return
    if "rope_theta" in text and not _is_number(text["rope_theta"]):
        found.error("rope", f"{place}rope_theta", f"it is {shown(text['rope_theta'])}", "a number such as 10000.0")
    if text.get("partial_rotary_factor", 1) != 1:
        problem = f"it is {shown(text['partial_rotary_factor'])}, and this class turns whole heads"
        found.error("rope", f"{place}partial_rotary_factor", problem, "1.0, or no such field")
    _newer_form(text, architecture, place, found)
    scaling = text.get("rope_scaling")
    if scaling is None:
        _absent(architecture, f"{place}rope_scaling", found)
    elif isinstance(scaling, dict):
        _scaling(scaling, text, architecture, f"{place}rope_scaling", found)
    else:
        allowed = 'an object such as {"rope_type": "linear", "factor": 2.0}, or no such field'
        found.error("rope", f"{place}rope_scaling", f"it is {shown(scaling)}", allowed)


def kind_of(scaling: Mapping[str, Any], architecture: str | None) -> object:
    """Return the kind of a `rope_scaling` as 4.51.3 takes it: a text where it is sound.

    Args:
        scaling: The object.
        architecture: The class.
    """
    old_name = "type" in scaling and (architecture not in _NEW_NAME_FIRST or "rope_type" not in scaling)
    kind = scaling.get("type" if old_name and architecture != _MLLAMA else "rope_type")
    return "default" if old_name and kind == "mrope" and architecture in _SECTIONED else kind


def _absent(architecture: str, place: str, found: Findings) -> None:
    if architecture == _MLLAMA:
        found.error(
            "rope", place, "it is None, and the class needs it", 'the base model\'s, or {"rope_type": "default"}'
        )
    elif architecture in _SECTIONED:
        allowed = 'the base model\'s, such as {"type": "mrope", "mrope_section": [16, 24, 24]}'
        found.error("rope", place, "it is None, and the class needs it", allowed)


def _newer_form(text: Mapping[str, Any], architecture: str, place: str, found: Findings) -> None:
    """Refuse what only `rope_parameters` says, which transformers 5 writes and 4.51.3 does not read."""
    parameters = text.get("rope_parameters")
    if not isinstance(parameters, dict):
        return
    own = text.get("rope_theta", _DEFAULT_THETA[architecture])
    theta = parameters.get("rope_theta", own)
    kind = parameters.get("rope_type", parameters.get("type", "default"))
    beside = [f"rope_theta to {shown(theta)}"] if theta != own else []
    if kind != "default" and text.get("rope_scaling") is None:
        beside.append("rope_scaling to the same object")
    if any(isinstance(value, dict) for value in parameters.values()):
        beside = ["rope_theta and rope_scaling to those of the base model"]
    if beside:
        problem = "only transformers 5 reads it; Bedrock's would silently compute other positions"
        allowed = f"set {' and '.join(beside)} beside it, which both versions understand"
        found.error("rope", f"{place}rope_parameters", problem, allowed)


def _scaling(
    scaling: Mapping[str, Any], text: Mapping[str, Any], architecture: str, place: str, found: Findings
) -> None:
    kind = kind_of(scaling, architecture)
    if not isinstance(kind, str) or kind not in _REQUIRED:
        name = "type" if "type" in scaling and architecture != _MLLAMA else "rope_type"
        found.error("rope", place, f"its {name} is {shown(kind)}", f"rope_type, one of {', '.join(_REQUIRED)}")
        return
    names = [scaling[name] for name in ("type", "rope_type") if name in scaling]
    if len(names) == 2 and names[0] != names[1] and "mrope" not in names:
        problem = f"its type is {shown(names[0])} and its rope_type {shown(names[1])}; Bedrock's takes {shown(kind)}"
        found.warning("rope", place, problem, "one of the two")
    missing = [name for name in _REQUIRED[kind] if name not in scaling]
    if missing:
        found.error("rope", place, f"{shown(kind)} lacks {', '.join(missing)}", "as the base model's config.json has")
    for name in (*_REQUIRED[kind], *_OPTIONAL.get(kind, ())):
        if name in scaling and not _is_sound(name, kind, scaling, text):
            allowed = _list_allowed(text) if name in _LISTS else "a number above 0, without quotes"
            found.error("rope", f"{place}.{name}", f"it is {shown(scaling[name])}", allowed)
    if kind == "longrope" and not {"factor", "attention_factor"} & scaling.keys():
        found.error("rope", place, "'longrope' lacks factor", "as the base model's config.json has")
    if architecture in _SECTIONED:
        _sections(scaling.get("mrope_section"), text, f"{place}.mrope_section", found)


def _is_sound(name: str, kind: str, scaling: Mapping[str, Any], text: Mapping[str, Any]) -> bool:
    value = scaling[name]
    if name in _LISTS:
        half = _half_a_head(text)
        fits = isinstance(value, list) and (half is None or len(value) in (1, half))
        return fits and all(_is_number(each) for each in value)
    if name == "factor" and kind == "yarn" and "original_max_position_embeddings" in scaling:
        # Both lengths say the factor.
        return True
    if value is None and (name in _MAY_BE_NULL or (kind == "longrope" and scaling.get("attention_factor") is not None)):
        return True
    return _is_number(value) or (name in _MAY_BE_ZERO and isinstance(value, int | float) and value == 0)


def _list_allowed(text: Mapping[str, Any]) -> str:
    half = _half_a_head(text)
    return f"a list of {half} numbers, half of a head's size" if half else "a list of numbers"


def _sections(sections: object, text: Mapping[str, Any], place: str, found: Findings) -> None:
    half = _half_a_head(text)
    whole = isinstance(sections, list) and all(type(each) is int and each >= 0 for each in sections)
    if not isinstance(sections, list) or not whole or (half is not None and sum(sections) != half):
        total = f" that are {half} together, half of a head's size" if half is not None else ""
        found.error("rope", place, f"it is {shown(sections)}", f"a list of whole numbers{total}")


def _half_a_head(text: Mapping[str, Any]) -> int | None:
    size, hidden, heads = (integer(text, name) for name in ("head_dim", "hidden_size", "num_attention_heads"))
    if size is None and hidden is not None and heads is not None and heads > 0:
        size = hidden // heads
    return size // 2 if size is not None else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < _LARGEST
