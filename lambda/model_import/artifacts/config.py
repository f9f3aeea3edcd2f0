"""Check `config.json` against the limits of Custom Model Import."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from model_import.artifacts.contents import Contents, integer
from model_import.artifacts.findings import Findings, shown
from model_import.artifacts.limits import (
    ARCHITECTURES,
    GPT_OSS,
    GPT_OSS_REGION,
    LOADER,
    MAX_CONTEXT_TOKENS,
    REGIONS,
    TRANSFORMERS,
)
from model_import.artifacts.rope import check_rope, kind_of

CONFIG = "config.json"
_LONGEST_NAME = 60
"""Characters of a class's name that are compared."""
# Kinds of rope scaling whose factor multiplies the positions; llama3's and longrope's is applied to them already.
_STRETCHING = ("dynamic", "yarn")
# Configurations within the configuration, by class: in 4.51.3 only Llama 3.2 Vision has one of the text model.
_NESTED = {
    "MllamaForConditionalGeneration": ("text_config", "vision_config"),
    "Qwen2VLForConditionalGeneration": ("vision_config",),
    "Qwen2_5_VLForConditionalGeneration": ("vision_config",),
}
# In other classes transformers takes what is under these names for the text model's configuration, and finds no class.
_TEXT_MODELS = ("text_config", "decoder", "generator")


class Config(NamedTuple):
    """Facts of `config.json` that other checks need.

    Attributes:
        architecture: The class, if Bedrock supports it.
        context_tokens: Positions, or None for a model without a limit (T5) or without the field.
        text: The fields of the text model: those of `text_config` in Llama 3.2 Vision, else all.
        document: All fields.
    """

    architecture: str | None
    context_tokens: int | None
    text: Mapping[str, Any]
    document: Mapping[str, Any]


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
    text = _text_model(document, architecture, found)
    _transformers(document, architecture, found)
    nested = f"{CONFIG}, " if text is document else f"{CONFIG}, text_config."
    check_rope(text, architecture, nested, found)
    return Config(architecture, _context(text, architecture, found), text, document)


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


def _text_model(document: Mapping[str, Any], architecture: str | None, found: Findings) -> Mapping[str, Any]:
    text = document.get("text_config")
    if architecture is None or architecture == GPT_OSS:
        return text if isinstance(text, dict) else document
    needed = _NESTED.get(architecture, ())
    for name in needed:
        if not isinstance(document.get(name), dict):
            allowed = f"an object, as the base model's {CONFIG} has"
            found.error("nested-config", f"{CONFIG}, {name}", f"it is {shown(document.get(name))}", allowed)
    if "text_config" in needed:
        return text if isinstance(text, dict) else document
    for name in _TEXT_MODELS:
        if document.get(name) is not None:
            problem = f"transformers {LOADER} has no configuration of its own for the text model of {architecture}"
            allowed = (
                f"move its fields, but not model_type and architectures, to the top of {CONFIG} and remove it, "
                f"or save the model with {LOADER}"
            )
            found.error("nested-config", f"{CONFIG}, {name}", problem, allowed)
    return document


def _near(named: str) -> str | None:
    """Return the class that somebody misspelt: of the same numbers, first letter, and nearly the same other letters.

    Another model's class is no misspelling: Llama4 and Mllama are not Llama, Ministral not Mistral, and a classifier no
    language model.
    """
    family, _, kind = named.partition("For")
    for name in ARCHITECTURES:
        its_family, _, its_kind = name.partition("For")
        same = re.findall(r"\d", family) == re.findall(r"\d", its_family) and family[:1].lower() == name[0].lower()
        # Ministral and Mistral have a ratio of 0.875, Lama and Llama of 0.889; Gpt and GPT differ in case alone.
        if same and _alike(family, its_family, 0.88) and (not kind or _alike(kind, its_kind, 0.8)):
            return name
    return None


def _alike(named: str, name: str, ratio: float) -> bool:
    named, name = (re.sub(r"[^a-z0-9]", "", each[:_LONGEST_NAME].lower()) for each in (named, name))
    return SequenceMatcher(None, named, name).ratio() >= ratio


def _transformers(document: Mapping[str, Any], architecture: str | None, found: Findings) -> None:
    version = document.get("transformers_version")
    numbers = re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version) if isinstance(version, str) else None
    # GPT-OSS is newer than that version, and so is not loaded by it.
    if numbers and architecture != GPT_OSS and tuple(int(each or 0) for each in numbers.groups()) > TRANSFORMERS:
        problem = f"saved by transformers {version}, and Bedrock loads with {LOADER}"
        found.warning("transformers", f"{CONFIG}, transformers_version", problem, f"{LOADER} or older is sure to load")
    if "auto_map" in document and not isinstance(document["auto_map"], dict | list | str):
        problem = f"it is {shown(document['auto_map'])}, which transformers {LOADER} does not load"
        found.error("config-field", f"{CONFIG}, auto_map", problem, "remove the field")
    elif "auto_map" in document:
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
    tokens = max(positions, _stretched(text, positions, architecture))
    if tokens > MAX_CONTEXT_TOKENS:
        found.error("context", place, f"the model has {tokens} tokens of context", f"less than {MAX_CONTEXT_TOKENS}")
    elif tokens == MAX_CONTEXT_TOKENS:
        problem = f"the model has {tokens} tokens of context, the documented limit itself"
        found.warning("context", place, problem, f"less than {MAX_CONTEXT_TOKENS} is sure to be accepted")
    _linear(text, positions, architecture, place, found)
    return tokens


def _stretched(text: Mapping[str, Any], positions: int, architecture: str | None) -> int:
    scaling = text.get("rope_scaling")
    if not isinstance(scaling, dict) or kind_of(scaling, architecture) not in _STRETCHING:
        return 0
    factor = scaling.get("factor")
    base = integer(scaling, "original_max_position_embeddings") or positions
    # A factor is written as 4 or 4.0; values that make no sense are ignored.
    return int(base * factor) if isinstance(factor, int | float) and 0 < factor < 1e6 and base < 1e12 else 0


def _linear(text: Mapping[str, Any], positions: int, architecture: str | None, place: str, found: Findings) -> None:
    """Warn of linear scaling: published models have the stretched length in the positions, or the one before it.

    LLaMA-2-7B-32K has 32,768 positions and a factor of 8, deepseek-coder 16,384 and 4, both stretched; Vicuna 16K has
    4,096 and 4. transformers loads either, so that the positions count.
    """
    scaling = text.get("rope_scaling")
    if not isinstance(scaling, dict) or kind_of(scaling, architecture) != "linear":
        return
    factor = scaling.get("factor")
    if isinstance(factor, int | float) and 1 < factor < 1e6 and positions < 1e12:
        problem = f"it is {positions}, and rope_scaling stretches positions by {factor}"
        allowed = f"{positions} if that is the stretched length; if not, the model has {int(positions * factor)} tokens"
        found.warning("context", place, problem, allowed)
