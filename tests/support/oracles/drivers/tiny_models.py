"""Tiny models of every class that transformers 4.51.3 and Custom Model Import have in common, saved by transformers.

GPT-OSS is not among them: this version of transformers does not know it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tiny_tokenizers
import torch
import transformers

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
Sizes = dict[str, Any]


_LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
# Ids that no question has, where the published models have theirs.
_IMAGE_TOKENS = {"image_token_id": 3, "video_token_id": 4, "vision_start_token_id": 1, "vision_end_token_id": 2}


def _attention(chance: random.Random) -> Sizes:
    """Return sizes of attention, with fewer heads for keys and values in some."""
    heads = chance.choice((2, 4, 8))
    width = chance.choice((4, 8))
    shared = chance.choice([number for number in (1, 2, 4, 8) if number <= heads])
    return {
        "hidden_size": heads * width,
        "num_attention_heads": heads,
        "num_key_value_heads": shared,
        "num_hidden_layers": chance.choice((1, 2, 3)),
        "intermediate_size": chance.choice((16, 24, 40)),
        "max_position_embeddings": chance.choice((128, 4096, 131072)),
        "rope_theta": chance.choice((10000.0, 500000.0)),
    }


def _scaling(chance: random.Random) -> Sizes:
    forms: tuple[Any, ...] = (
        None,
        None,
        {"rope_type": "linear", "factor": 2.0},
        {"type": "dynamic", "factor": 2.0},
        _LLAMA3,
        {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
    )
    return {"rope_scaling": chance.choice(forms), "max_position_embeddings": chance.choice((128, 4096))}


def _llama(chance: random.Random) -> Any:
    sizes = {**_attention(chance), **(_scaling(chance) if chance.random() < 0.5 else {})}
    if chance.random() < 0.3:
        sizes["head_dim"] = chance.choice((4, 8, 16))
    biases = {"attention_bias": chance.random() < 0.3, "mlp_bias": chance.random() < 0.2}
    return transformers.LlamaConfig(**sizes, **biases)


def _mistral(chance: random.Random) -> Any:
    window = chance.choice((None, 16))
    return transformers.MistralConfig(**_attention(chance), sliding_window=window)


def _mixtral(chance: random.Random) -> Any:
    return transformers.MixtralConfig(
        **_attention(chance), num_local_experts=chance.choice((2, 3, 4)), num_experts_per_tok=chance.choice((1, 2))
    )


def _qwen2(chance: random.Random) -> Any:
    return transformers.Qwen2Config(**_attention(chance), use_sliding_window=chance.random() < 0.2)


def _qwen3(chance: random.Random) -> Any:
    sizes = {"head_dim": chance.choice((4, 8, 16)), "attention_bias": chance.random() < 0.2}
    return transformers.Qwen3Config(**_attention(chance), **sizes)


def _qwen3_moe(chance: random.Random) -> Any:
    return transformers.Qwen3MoeConfig(
        **_attention(chance),
        head_dim=chance.choice((4, 8)),
        num_experts=chance.choice((2, 4)),
        num_experts_per_tok=2,
        moe_intermediate_size=chance.choice((8, 16)),
        decoder_sparse_step=chance.choice((1, 1, 2)),
        mlp_only_layers=chance.choice(([], [], [0])),
    )


def _bigcode(chance: random.Random) -> Any:
    heads = chance.choice((2, 4))
    return transformers.GPTBigCodeConfig(
        n_embd=heads * 8,
        n_head=heads,
        n_layer=chance.choice((1, 2)),
        n_positions=chance.choice((64, 128)),
        n_inner=chance.choice((None, 24)),
        multi_query=chance.random() < 0.7,
        bos_token_id=0,
        eos_token_id=0,
    )


def _t5(chance: random.Random) -> Any:
    return transformers.T5Config(
        d_model=chance.choice((16, 32)),
        d_kv=chance.choice((4, 8)),
        d_ff=chance.choice((24, 40)),
        num_heads=chance.choice((4, 8)),
        num_layers=chance.choice((1, 2)),
        num_decoder_layers=chance.choice((1, 2)),
        feed_forward_proj=chance.choice(("relu", "gated-gelu")),
        decoder_start_token_id=0,
    )


def _mllama(chance: random.Random) -> Any:
    text = {**_attention(chance), "num_hidden_layers": 3, "cross_attention_layers": [1], "pad_token_id": 2}
    text["rope_scaling"] = chance.choice(({"rope_type": "default"}, _LLAMA3))
    vision = {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "num_global_layers": 1,
        "intermediate_size": 24,
        "image_size": 28,
        "patch_size": 14,
        "intermediate_layers_indices": [0, 1],
        "vision_output_dim": 48,
    }
    return transformers.MllamaConfig(vision_config=vision, text_config=text)


def _vision_language(chance: random.Random) -> Sizes:
    sizes = _attention(chance)
    half = sizes["hidden_size"] // sizes["num_attention_heads"] // 2
    parts = [half - half // 2, half // 4, half // 2 - half // 4]
    return {**sizes, "rope_scaling": {"type": "mrope", "mrope_section": parts}, **_IMAGE_TOKENS}


def _qwen2_vl(chance: random.Random) -> Any:
    sizes = _vision_language(chance)
    vision = {"depth": 1, "embed_dim": 16, "hidden_size": sizes["hidden_size"], "num_heads": 2, "mlp_ratio": 2}
    return transformers.Qwen2VLConfig(**sizes, vision_config=vision)


def _qwen2_5_vl(chance: random.Random) -> Any:
    sizes = _vision_language(chance)
    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "out_hidden_size": sizes["hidden_size"],
        "fullatt_block_indexes": [1],
    }
    return transformers.Qwen2_5_VLConfig(**sizes, vision_config=vision)


# By class: how its config is made, and the kinds of tokenizers that its published models have.
_CLASSES: dict[str, tuple[Callable[[random.Random], Any], tuple[str, ...]]] = {
    "LlamaForCausalLM": (_llama, ("fast", "llama", "gpt2")),
    "MistralForCausalLM": (_mistral, ("llama", "fast")),
    "MixtralForCausalLM": (_mixtral, ("llama",)),
    "Qwen2ForCausalLM": (_qwen2, ("qwen2",)),
    "Qwen3ForCausalLM": (_qwen3, ("qwen2",)),
    "Qwen3MoeForCausalLM": (_qwen3_moe, ("qwen2",)),
    "GPTBigCodeForCausalLM": (_bigcode, ("gpt2",)),
    "T5ForConditionalGeneration": (_t5, ("t5",)),
    "MllamaForConditionalGeneration": (_mllama, ("fast",)),
    "Qwen2VLForConditionalGeneration": (_qwen2_vl, ("qwen2",)),
    "Qwen2_5_VLForConditionalGeneration": (_qwen2_5_vl, ("qwen2",)),
}


def build(architecture: str, seed: str, folder: Path) -> dict[str, Any]:
    """Save a tiny model with random sizes, numbers and tokenizer.

    Args:
        architecture: Name of its class.
        seed: Chooses everything.
        folder: Where it is saved; it is made.

    Returns:
        What was chosen: `tokenizer`, `dtype`, `tied` and `sharded`.
    """
    chance = random.Random(f"{architecture} {seed}")
    make_config, tokenizers = _CLASSES[architecture]
    folder.mkdir(parents=True)
    kind = chance.choice(tokenizers)
    tokens = tiny_tokenizers.save(kind, folder, chat=chance.random() < 0.8)
    config = make_config(chance)
    text = config.get_text_config()
    text.vocab_size = tokens + chance.choice((0, 3, 64 - tokens % 64))
    # mllama's head has no image tokens, so that it is never the embedding; the other published ones are tied or not.
    tied = architecture != "MllamaForConditionalGeneration" and chance.random() < 0.4
    config.tie_word_embeddings = tied
    dtype = chance.choice(tuple(DTYPES))
    torch.manual_seed(chance.randrange(2**31))
    model = getattr(transformers, architecture)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.05)
    sharded = chance.random() < 0.3
    size = {"max_shard_size": "20KB"} if sharded else {}
    model.to(DTYPES[dtype]).save_pretrained(folder, **size)
    return {"tokenizer": kind, "dtype": dtype, "tied": tied, "sharded": sharded}
