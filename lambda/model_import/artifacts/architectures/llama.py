"""Tensors of Llama, Mistral and Mixtral."""

from __future__ import annotations

from model_import.artifacts.architectures.decoders import (
    LLAMA,
    MISTRAL,
    attention,
    decoder,
    gated_mlp,
    head_size,
    shape,
)
from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import Model, linear


def llama(fields: Fields) -> Model:
    """Return the tensors of `LlamaForCausalLM`."""
    sizes = shape(fields, LLAMA)
    head = head_size(fields, sizes)
    bias = fields.flag("attention_bias")
    mlp = gated_mlp(sizes.hidden, sizes.inner, bias=fields.flag("mlp_bias"))
    return decoder(fields, sizes, attention("self_attn", sizes, head, bias=bias, out_bias=bias), mlp)


def mistral(fields: Fields) -> Model:
    """Return the tensors of `MistralForCausalLM`."""
    sizes = shape(fields, MISTRAL)
    head = head_size(fields, sizes, zero=True)
    return decoder(fields, sizes, attention("self_attn", sizes, head), gated_mlp(sizes.hidden, sizes.inner))


def mixtral(fields: Fields) -> Model:
    """Return the tensors of `MixtralForCausalLM`."""
    sizes = shape(fields, MISTRAL)
    head = head_size(fields, sizes)
    experts = fields.layers("num_local_experts", 8)
    used = fields.layers("num_experts_per_tok", 2)
    if experts.value and used.value and used.value > experts.value:
        fields.disagree("num_experts_per_tok", f"{used.said}, and {experts.said}", "no more than there are experts")
    moe = "block_sparse_moe"
    return decoder(
        fields,
        sizes,
        attention("self_attn", sizes, head),
        linear(f"{moe}.gate", experts, sizes.hidden),
        linear(f"{moe}.experts.*.w1", sizes.inner, sizes.hidden, experts=experts),
        linear(f"{moe}.experts.*.w2", sizes.hidden, sizes.inner, experts=experts),
        linear(f"{moe}.experts.*.w3", sizes.inner, sizes.hidden, experts=experts),
    )
