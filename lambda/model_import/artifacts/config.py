"""Check `config.json` against the limits of Custom Model Import."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from model_import.artifacts.contents import Contents, integer
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.limits import (
    ARCHITECTURES,
    GPT_OSS,
    GPT_OSS_REGION,
    MAX_CONTEXT_TOKENS,
    REGIONS,
    TORCH_DTYPES,
    TRANSFORMERS,
)

CONFIG = "config.json"
# Kinds of rope scaling whose factor multiplies the positions; llama3's and longrope's is applied to them already.
_STRETCHING = ("linear", "dynamic", "yarn")


class Config(NamedTuple):
    """Facts of `config.json` that other checks need.

    Attributes:
        architecture: The class, if Bedrock supports it.
        context_tokens: Positions, or None for a model without a limit (T5) or without the field.
        text: The fields of the text model: those of `text_config` in multimodal models, else all.
    """

    architecture: str | None
    context_tokens: int | None
    text: Mapping[str, Any]


def check_config(contents: Contents, region: str | None) -> Config | None:
    """Check `config.json` and the region.

    Args:
        contents: The folder; collects the findings.
        region: The import's region; None skips its check.

    Returns:
        The facts, or None where the file cannot be read.
    """
    if region is not None and region not in REGIONS:
        contents.found.error("region", "", f"{shown(region)} has no custom model import", ", ".join(REGIONS))
    document = contents.document(CONFIG)
    if document is None:
        return None
    found = contents.found
    architecture = _architecture(document, found)
    if architecture == GPT_OSS and region not in {None, GPT_OSS_REGION}:
        found.error("region", f"{CONFIG}, architectures", f"{GPT_OSS} in {shown(region)}", GPT_OSS_REGION)
    text = document.get("text_config")
    text = text if isinstance(text, dict) else document
    _precision(document, architecture, found)
    _transformers(document, text, architecture, found)
    return Config(architecture, _context(text, architecture, found), text)


def _architecture(document: Mapping[str, Any], found: Findings) -> str | None:
    place, allowed = f"{CONFIG}, architectures", ", ".join(ARCHITECTURES)
    named = document.get("architectures")
    if not isinstance(named, list) or len(named) != 1:
        found.error("architecture", place, f"it is {shown(named)}", f"a list with exactly one of {allowed}")
        return None
    if not isinstance(named[0], str) or named[0] not in ARCHITECTURES:
        near = _near(named[0]) if isinstance(named[0], str) else None
        hint = f"did you mean {near}? " if near else ""
        found.error("architecture", place, f"{shown(named[0])} is not supported", f"{hint}allowed: {allowed}")
        return None
    expected = ARCHITECTURES[named[0]].model_type
    if document.get("model_type") != expected:
        problem = f"it is {shown(document.get('model_type'))}, with the architecture {named[0]}"
        found.error("model-type", f"{CONFIG}, model_type", problem, shown(expected))
    return named[0]


def _near(named: str) -> str | None:
    """Return the class that somebody may have meant: its family is spelled alike, whatever its kind is called."""
    families = {name.partition("For")[0]: name for name in ARCHITECTURES}
    near = get_close_matches(named.partition("For")[0], families, 1, cutoff=0.75)
    return families[near[0]] if near else None


def _precision(document: Mapping[str, Any], architecture: str | None, found: Findings) -> None:
    quantization = document.get("quantization_config")
    if quantization is not None:
        method = quantization.get("quant_method") if isinstance(quantization, dict) else quantization
        if architecture != GPT_OSS or method != "mxfp4":
            allowed = "weights in float32, float16 or bfloat16: save the model unquantized"
            found.error("quantized", f"{CONFIG}, quantization_config", f"quantized by {shown(method)}", allowed)
    # transformers 5 writes it as dtype.
    field = "torch_dtype" if "torch_dtype" in document else "dtype"
    dtype = document.get(field)
    if dtype is not None and (not isinstance(dtype, str) or dtype not in TORCH_DTYPES):
        found.error("dtype", f"{CONFIG}, {field}", f"it is {shown(dtype)}", ", ".join(TORCH_DTYPES))


def _transformers(
    document: Mapping[str, Any], text: Mapping[str, Any], architecture: str | None, found: Findings
) -> None:
    version = document.get("transformers_version")
    numbers = re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version) if isinstance(version, str) else None
    # GPT-OSS is newer than that version, and so is not loaded by it.
    if numbers and architecture != GPT_OSS and tuple(int(each or 0) for each in numbers.groups()) > TRANSFORMERS:
        loads = ".".join(str(number) for number in TRANSFORMERS)
        problem = f"saved by transformers {version}, and Bedrock loads with {loads}"
        found.warning("transformers", f"{CONFIG}, transformers_version", problem, f"{loads} or older is sure to load")
    if "rope_parameters" in text and "rope_theta" not in text and architecture != GPT_OSS:
        allowed = "set rope_theta and rope_scaling beside it, which both versions understand"
        problem = "only transformers 5 reads it; Bedrock's would silently compute other positions"
        found.error("rope", f"{CONFIG}, rope_parameters", problem, allowed)
    if "auto_map" in document:
        problem = "the model needs custom code, which Bedrock does not run"
        found.warning("custom-code", f"{CONFIG}, auto_map", problem, "the architecture as transformers has it")


def _context(text: Mapping[str, Any], architecture: str | None, found: Findings) -> int | None:
    if architecture == "T5ForConditionalGeneration":
        # Its positions are relative; n_positions is the length of its training samples.
        return None
    field = "n_positions" if architecture == "GPTBigCodeForCausalLM" else "max_position_embeddings"
    place = f"{CONFIG}, {field}"
    positions = integer(text, field)
    if positions is None or positions < 1:
        if architecture is not None:
            found.error("context", place, f"it is {shown(text.get(field))}", f"1 to {MAX_CONTEXT_TOKENS} tokens")
        return None
    tokens = max(positions, _stretched(text, positions))
    if tokens > MAX_CONTEXT_TOKENS:
        found.error("context", place, f"the model has {tokens} tokens of context", f"less than {MAX_CONTEXT_TOKENS}")
    elif tokens == MAX_CONTEXT_TOKENS:
        problem = f"the model has {tokens} tokens of context, the documented limit itself"
        found.warning("context", place, problem, f"less than {MAX_CONTEXT_TOKENS} is sure to be accepted")
    return tokens


def _stretched(text: Mapping[str, Any], positions: int) -> int:
    scaling = text.get("rope_scaling")
    if not isinstance(scaling, dict) or scaling.get("rope_type", scaling.get("type")) not in _STRETCHING:
        return 0
    factor = scaling.get("factor")
    base = integer(scaling, "original_max_position_embeddings") or positions
    # A factor is written as 4 or 4.0; values that make no sense are ignored.
    return int(base * factor) if isinstance(factor, int | float) and 0 < factor < 1e6 and base < 1e12 else 0
