"""Classes of transformers that model ids of the JumpStart catalogue mean, and those that Bedrock imports.

Neither the catalogue nor the lock names a model's architecture, so that it is read off the id. What Bedrock takes is
from the Bedrock User Guide, "Import a customized model", which names families; which class of transformers a family
is, from vLLM's list of supported models and from the families' published `config.json`. Ids that are not known here
may well be importable: only the check of the tuned artifacts, before an import, reads the `config.json` itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

IMPORTABLE = (
    *("Llama 2 to 3.3", "Llama 3.2 Vision", "Code Llama", "Mistral", "Mixtral", "Flan-T5", "StarCoder"),
    *("Granite Code", "Qwen2", "Qwen2.5", "Qwen2-VL", "Qwen2.5-VL", "Qwen3", "GPT-OSS"),
)
"""Families that the guide names, or that share a class with one that it names."""
GPT_OSS_REGIONS = ("us-east-1",)
"""Regions for GPT-OSS (the same guide)."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """A class of transformers that Bedrock imports.

    Attributes:
        multimodal: Whether it takes images, which halves the size that it may have.
        converse: Whether Converse may work; only the imported model says whether it does.
    """

    multimodal: bool = False
    converse: bool = True


ARCHITECTURES = {
    "GPTBigCodeForCausalLM": Architecture(),
    "GptOssForCausalLM": Architecture(converse=False),
    "LlamaForCausalLM": Architecture(),
    "MistralForCausalLM": Architecture(),
    "MixtralForCausalLM": Architecture(),
    "MllamaForConditionalGeneration": Architecture(multimodal=True),
    "Qwen2ForCausalLM": Architecture(converse=False),
    "Qwen2VLForConditionalGeneration": Architecture(multimodal=True, converse=False),
    "Qwen2_5_VLForConditionalGeneration": Architecture(multimodal=True, converse=False),
    "Qwen3ForCausalLM": Architecture(converse=False),
    "Qwen3MoeForCausalLM": Architecture(converse=False),
    "T5ForConditionalGeneration": Architecture(),
}
"""Classes that Bedrock imports, as lambda/model_import/artifacts/limits.py has it."""

# A part of an id in lower case, and the class that it means. The first that fits counts: a model that was made from
# another family's stands before that family's own name.
_FAMILIES = (
    (r"prompt-guard", "DebertaV2ForSequenceClassification"),
    (r"llama-(guard-)?4(?!\d)", "Llama4ForConditionalGeneration"),
    (r"llama.*-vision", "MllamaForConditionalGeneration"),
    (r"gpt-oss", "GptOssForCausalLM"),
    (r"distill-qwen", "Qwen2ForCausalLM"),
    (r"qwen-?3-vl", "Qwen3VLForConditionalGeneration"),
    (r"qwen-?3-.*a\d+b", "Qwen3MoeForCausalLM"),
    (r"qwen-?3(?!\d)", "Qwen3ForCausalLM"),
    (r"qwen-?2-5-vl", "Qwen2_5_VLForConditionalGeneration"),
    (r"qwen-?2-vl|qvq-", "Qwen2VLForConditionalGeneration"),
    (r"qwen-?2(?!\d)|qwq-", "Qwen2ForCausalLM"),
    (r"gemma|octopus-v2", "GemmaForCausalLM"),
    (r"falcon-?3-", "LlamaForCausalLM"),
    (r"falcon", "FalconForCausalLM"),
    (r"pixtral", "LlavaForConditionalGeneration"),
    (r"mixtral|zephyr-orpo-141b", "MixtralForCausalLM"),
    (r"mistral-?7b|mistral-nemo|mistrallite|zephyr-7b|starling-lm-7b", "MistralForCausalLM"),
    (r"llama|calm2-|yi-1-5-|solar-10-7b", "LlamaForCausalLM"),
    (r"granite-(20|34)b-code", "GPTBigCodeForCausalLM"),
    (r"granite-[38]b-code", "LlamaForCausalLM"),
    (r"granite", "GraniteForCausalLM"),
    (r"starcoder2", "Starcoder2ForCausalLM"),
    (r"starcoder|starchat", "GPTBigCodeForCausalLM"),
    (r"flan-t5|flan-ul2", "T5ForConditionalGeneration"),
    (r"aya-101", "MT5ForConditionalGeneration"),
    (r"phi-2(?!\d)", "PhiForCausalLM"),
    (r"phi-[34](?!\d)", "Phi3ForCausalLM"),
    (r"bloom", "BloomForCausalLM"),
    (r"gpt-j-", "GPTJForCausalLM"),
    (r"gpt-neox|pythia|dolly-v2|redpajama|rinna-3-6b", "GPTNeoXForCausalLM"),
    (r"gpt-neo-", "GPTNeoForCausalLM"),
    (r"gpt-?2|mgpt", "GPT2LMHeadModel"),
    (r"mpt-\d+b|sealion-[37]b", "MPTForCausalLM"),
    (r"dbrx", "DbrxForCausalLM"),
    (r"snowflake-arctic", "ArcticForCausalLM"),
    (r"deepseek.*-(r1|v3)(?!-distill)", "DeepseekV3ForCausalLM"),
)


@cache
def architecture(model_id: str) -> str | None:
    """Return the class of transformers that a model's id means.

    Args:
        model_id: JumpStart's id.

    Returns:
        Such as `LlamaForCausalLM`, whether Bedrock imports it or not; None where the id says nothing.
    """
    text = model_id.lower()
    return next((name for pattern, name in _FAMILIES if re.search(pattern, text)), None)
