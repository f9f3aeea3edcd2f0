"""Architectures, tokenizers and sizes that Custom Model Import takes.

Source: Bedrock User Guide, "Import a customized model", supported architectures. The guide names families; which
class of Hugging Face's transformers a family is follows from its models' `config.json`.
"""

from __future__ import annotations

from typing import Final

ARCHITECTURES: Final = frozenset(
    {
        "GPTBigCodeForCausalLM",
        "GptOssForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "MixtralForCausalLM",
        "MllamaForConditionalGeneration",
        "Qwen2ForCausalLM",
        "Qwen2VLForConditionalGeneration",
        "Qwen2_5_VLForConditionalGeneration",
        "Qwen3ForCausalLM",
        "Qwen3MoeForCausalLM",
        "T5ForConditionalGeneration",
    }
)

MULTIMODAL: Final = frozenset(
    {"MllamaForConditionalGeneration", "Qwen2VLForConditionalGeneration", "Qwen2_5_VLForConditionalGeneration"}
)

WITHOUT_CONVERSE: Final = frozenset(
    {
        "GptOssForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen2VLForConditionalGeneration",
        "Qwen2_5_VLForConditionalGeneration",
        "Qwen3ForCausalLM",
        "Qwen3MoeForCausalLM",
    }
)
"""Bedrock User Guide, "Invoke your imported model": Qwen2.5, Qwen2-VL, Qwen2.5-VL and GPT-OSS; "Use Custom model import
to import a customized open-source model": Qwen3.

Qwen2 and Qwen2.5 have the same class, so that neither converses here.
"""

GPT_OSS: Final = "GptOssForCausalLM"
GPT_OSS_REGION: Final = "us-east-1"

REGIONS: Final = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1")

TOKENIZERS: Final = frozenset(
    f"{name}{suffix}"
    for name in (
        "CodeLlamaTokenizer",
        "GPT2Tokenizer",
        "GPTNeoXTokenizer",
        "LlamaTokenizer",
        "PreTrainedTokenizer",
        "Qwen2Tokenizer",
        "T5Tokenizer",
    )
    for suffix in ("", "Fast")
)

DTYPES: Final = {"F32": 4, "F16": 2, "BF16": 2}
"""The data types of weights by their names in a safetensors header, with their bytes."""

MAX_WEIGHT_BYTES: Final = {"text": 200_000_000_000, "multimodal": 100_000_000_000}
"""Weights must be smaller than that."""

MAX_CONTEXT_TOKENS: Final = 131_072
"""The guide says "less than 128K", and AWS's examples import Llama 3.1 with its 131,072."""
