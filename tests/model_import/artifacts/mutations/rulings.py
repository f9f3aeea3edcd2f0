"""Differences that the check and transformers 4.51.3 may have, each with its source."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

_BUFFERS = re.compile(r"(?:^|\.)(?:masked_bias|position_ids|inv_freq|attn\.bias)$")


def ignorable(tensor: str, modules: Collection[str]) -> bool:
    """Return whether a tensor that a class does not take changes no answer.

    Buffers are masks and positions, which 4.51.3 registers with `persistent=False` and computes. A module that the
    class does not have at all, such as a head for prediction of several tokens, belongs to something else.

    Args:
        tensor: Its name.
        modules: Names of the class's parts.
    """
    return bool(_BUFFERS.search(tensor)) or tensor.partition(".")[0] not in modules


_BY_ACCIDENT = r"it is (?:None|True|False|\[|\{|'|-|0\b|\d+\.)"

REFUSED = (
    ("architecture", "", "Bedrock User Guide, Import a customized model: supported architectures"),
    (
        "model-type",
        "",
        "transformers' AutoConfig: model_type chooses the configuration, so that another's defaults hold",
    ),
    ("context", "", "Bedrock User Guide, Import a customized model: less than 128K of context, which is read here"),
    ("dtype", "", "docs/beliefs: Bedrock imports FP32, FP16 and BF16"),
    ("quantized", "", "docs/beliefs: Bedrock imports no quantized weights but GPT-OSS's"),
    ("tokenizer-class", "", "Bedrock User Guide, Import a customized model: supported tokenizers"),
    ("missing-file", "", "Bedrock User Guide: config.json, tokenizer_config.json, tokenizer.json, tokenizer.model"),
    ("chat-template", "", "Bedrock User Guide, Chat Template Precedence: reads files that 4.51.3 does not"),
    ("vocabulary", "", "a token's id without a row of the embedding fails where the token is used, and not before"),
    ("rope", "", "4.51.3 loads what transformers 5 means by rope_parameters, and computes other positions"),
    ("index", "", "Hugging Face Hub, Sharded checkpoints: weight_map names the file that holds each tensor"),
    ("duplicate-tensor", "", "which of two tensors of a name is taken depends on the order of files"),
    ("extra-shard", "", "4.51.3 reads model.safetensors alone; AWS does not document which of two Bedrock takes"),
    ("not-json", "generation_config", "4.51.3 ignores the damaged file, and ends answers at other tokens"),
    (
        "config-field",
        _BY_ACCIDENT,
        "the configuration declares another type: 4.51.3 takes true as 1, and empty as none",
    ),
    ("config-field", "vision_config", "only images pass the vision tower, and the question has none"),
)
"""Rules that refuse what 4.51.3 loads without a complaint, a pattern of the error, and the source that says why."""

UNSEEN = (
    ("chat", "", "The check reads no Jinja: the smoke test after the import fills the template."),
    (
        "tokenizer",
        r"^Exception: .* at line \d+ column \d+$",
        "The tokenizers library alone knows the parts of tokenizer.json: the smoke test after the import loads it.",
    ),
)
"""Complaints that the check does not see: the complaint's field, a pattern of it, and the reason."""


def refused_rightly(refused: Mapping[str, str]) -> bool:
    """Return whether a source refuses what the loader takes."""
    return any(name == rule and re.search(text, refused[rule]) for rule in refused for name, text, _ in REFUSED)


def unseen(wrong: Mapping[str, Any]) -> bool:
    """Return whether all that the loader complains of is beyond the check."""
    return all(
        any(field == name and re.search(text, str(said)) for name, text, _ in UNSEEN) for field, said in wrong.items()
    )
