"""Limits of Custom Model Import.

Source: Bedrock User Guide, "Import a customized model": regions, families of models, tokenizers, sizes, context length
and version of transformers; the pattern of `s3Uri` is CreateModelImportJob's. The guide names families: which class of
transformers a family is follows from its models' `config.json`. It does not state the precision; FP32, FP16 and BF16
are what its examples and AWS's posts import.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Architecture(NamedTuple):
    """One class of transformers that Bedrock supports.

    Attributes:
        model_type: The field `model_type` of its `config.json`.
        multimodal: True if it accepts images, which halves the allowed size.
        converse: False where the guide excludes Converse: Qwen2.5 (which shares its class with Qwen2), Qwen2-VL,
            Qwen2.5-VL, Qwen3 and GPT-OSS. For the others only the imported model says whether Converse works.
    """

    model_type: str
    multimodal: bool = False
    converse: bool = True


GPT_OSS: Final = "GptOssForCausalLM"
ARCHITECTURES: Final = {
    "GPTBigCodeForCausalLM": Architecture("gpt_bigcode"),
    GPT_OSS: Architecture("gpt_oss", converse=False),
    "LlamaForCausalLM": Architecture("llama"),
    "MistralForCausalLM": Architecture("mistral"),
    "MixtralForCausalLM": Architecture("mixtral"),
    "MllamaForConditionalGeneration": Architecture("mllama", multimodal=True),
    "Qwen2ForCausalLM": Architecture("qwen2", converse=False),
    "Qwen2VLForConditionalGeneration": Architecture("qwen2_vl", multimodal=True, converse=False),
    "Qwen2_5_VLForConditionalGeneration": Architecture("qwen2_5_vl", multimodal=True, converse=False),
    "Qwen3ForCausalLM": Architecture("qwen3", converse=False),
    "Qwen3MoeForCausalLM": Architecture("qwen3_moe", converse=False),
    "T5ForConditionalGeneration": Architecture("t5"),
}

REGIONS: Final = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1")
GPT_OSS_REGION: Final = "us-east-1"

MAX_TEXT_BYTES: Final = 200_000_000_000
"""Weights of a text model are smaller."""
MAX_MULTIMODAL_BYTES: Final = 100_000_000_000
"""Weights of a multimodal model are smaller."""
MAX_CONTEXT_TOKENS: Final = 131_072
"""The guide says "less than 128K", but AWS's pricing lists a Llama 3.1 of exactly 128K, so only more is an error."""
TRANSFORMERS: Final = (4, 51, 3)
"""The version that Bedrock loads models with."""
LOADER: Final = ".".join(str(number) for number in TRANSFORMERS)

DTYPES: Final = {"F32": 4, "F16": 2, "BF16": 2}
"""safetensors' names of the supported number formats, and bytes of a number."""
TORCH_DTYPES: Final = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
"""The names in `config.json`, with safetensors'."""

_TOKENIZER_KINDS: Final = ("CodeLlama", "GPT2", "GPTNeoX", "Llama", "PreTrained", "Qwen2", "T5")
TOKENIZERS: Final = tuple(sorted(f"{kind}Tokenizer{fast}" for kind in _TOKENIZER_KINDS for fast in ("", "Fast")))
SENTENCEPIECE_TOKENIZERS: Final = ("CodeLlamaTokenizer", "LlamaTokenizer")
"""Classes that read `tokenizer.model`; their fast versions read `tokenizer.json` alone."""

S3_URI: Final = re.compile(
    r"s3://[a-z0-9][-.a-z0-9]{1,61}[a-z0-9](?:/[-!_*'().a-z0-9A-Z]+(?:/[-!_*'().a-z0-9A-Z]+)*)?/?"
)
MAX_S3_URI: Final = 1024
"""Characters."""
