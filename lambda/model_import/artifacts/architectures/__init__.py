"""The tensors of every architecture that Custom Model Import supports, computed from `config.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from model_import.artifacts.architectures import bigcode, gpt_oss, llama, mllama, qwen, qwen_vl, t5
from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import Model
from model_import.artifacts.findings import Findings

FAMILIES: Final[Mapping[str, Callable[[Fields], Model]]] = MappingProxyType(
    {
        "GPTBigCodeForCausalLM": bigcode.bigcode,
        "GptOssForCausalLM": gpt_oss.gpt_oss,
        "LlamaForCausalLM": llama.llama,
        "MistralForCausalLM": llama.mistral,
        "MixtralForCausalLM": llama.mixtral,
        "MllamaForConditionalGeneration": mllama.mllama,
        "Qwen2ForCausalLM": qwen.qwen2,
        "Qwen2VLForConditionalGeneration": qwen_vl.qwen2_vl,
        "Qwen2_5_VLForConditionalGeneration": qwen_vl.qwen2_5_vl,
        "Qwen3ForCausalLM": qwen.qwen3,
        "Qwen3MoeForCausalLM": qwen.qwen3_moe,
        "T5ForConditionalGeneration": t5.t5,
    }
)
"""Functions by class, which make a model's tensors of its fields."""

_ALIASES: Final = {"GPTBigCodeForCausalLM": bigcode.ALIASES, "T5ForConditionalGeneration": t5.ALIASES}


_COMPOSED: Final = "MllamaForConditionalGeneration"
"""The class whose configuration has a `text_config` in transformers 4.51.3."""
_NOT_MOVED: Final = ("model_type", "architectures")


def implied(architecture: str, document: Mapping[str, Any], found: Findings) -> Model:
    """Return the tensors that a configuration implies.

    Args:
        architecture: The class, a supported one.
        document: `config.json`.
        found: Collects invalid fields.
    """
    text = document.get("text_config")
    if isinstance(text, dict) and architecture != _COMPOSED:
        # As later versions write it, which is a finding elsewhere: compare as if it were repaired.
        document = {**document, **{name: value for name, value in text.items() if name not in _NOT_MOVED}}
    return FAMILIES[architecture](Fields(document, found, aliases=_ALIASES.get(architecture)))
