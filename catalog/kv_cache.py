"""Sizes of the cache of keys and values that a model needs for each token of its context, for families of the lock.

Every layer stores a key and a value of each key-value head, in 16 bits: 2 x 2 x layers x heads x size of a head.
Source: `config.json` of the models' repositories on Hugging Face (`num_hidden_layers`, `num_key_value_heads`,
`head_dim` or `hidden_size` by `num_attention_heads`, `max_position_embeddings`), second-hand, as of November 2026.
Families whose layers differ, such as those with sliding windows in every other layer, are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BYTES = 2


@dataclass(frozen=True, slots=True)
class CacheSize:
    """Sizes of one model's cache.

    Attributes:
        layers: Number of layers.
        heads: Key-value heads of a layer.
        head_size: Numbers in the key, and in the value, of a head.
        context: The longest context that the model was made for, in tokens.
    """

    layers: int
    heads: int
    head_size: int
    context: int

    @property
    def token_bytes(self) -> int:
        """Bytes that a token takes."""
        return 2 * _BYTES * self.layers * self.heads * self.head_size


_SIZES = {
    r"falcon-7b": CacheSize(32, 1, 64, 2048),
    r"falcon-40b": CacheSize(60, 8, 64, 2048),
    r"falcon-180b": CacheSize(80, 8, 64, 2048),
    r"llama-2-7b": CacheSize(32, 32, 128, 4096),
    r"llama-2-13b": CacheSize(40, 40, 128, 4096),
    r"llama-2-70b": CacheSize(80, 8, 128, 4096),
    r"llama-3-8b": CacheSize(32, 8, 128, 8192),
    r"llama-3-70b": CacheSize(80, 8, 128, 8192),
    r"llama-3-1-8b": CacheSize(32, 8, 128, 131_072),
    r"llama-3-[13]-70b": CacheSize(80, 8, 128, 131_072),
    r"llama-3-1-405b": CacheSize(126, 8, 128, 131_072),
    r"llama-3-2-1b": CacheSize(16, 8, 64, 131_072),
    r"llama-3-2-3b": CacheSize(28, 8, 128, 131_072),
    r"mistral-7b": CacheSize(32, 8, 128, 32_768),
    r"mixtral-8x7b": CacheSize(32, 8, 128, 32_768),
    r"qwen2-5-7b": CacheSize(28, 4, 128, 32_768),
    r"qwen2-5-14b": CacheSize(48, 8, 128, 32_768),
    r"qwen2-5-32b": CacheSize(64, 8, 128, 32_768),
    r"qwen2-5-72b": CacheSize(80, 8, 128, 32_768),
}
# Ids of JumpStart's own, whose families are what they say; others may have tuned a family to a longer context.
_ID = re.compile(
    rf"(?:huggingface-llm|meta-textgeneration)-({'|'.join(_SIZES)})(?:-instruct|-chat|-f)?(?:-bf16|-fp8|-v3)?"
)


def cache_size(model_id: str) -> CacheSize | None:
    """Return the sizes of a model's cache; None where they are not known."""
    found = _ID.fullmatch(model_id)
    return next((size for form, size in _SIZES.items() if re.fullmatch(form, found[1])), None) if found else None
