"""Tensors of GPTBigCode.

Source: transformers 4.51.3, `models/gpt_bigcode`.
"""

from __future__ import annotations

from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import (
    Model,
    Part,
    Size,
    Stack,
    alike,
    fixed,
    linear,
    norm,
    part,
    product,
    quotient,
    total,
)

ALIASES = {
    "n_embd": "hidden_size",
    "n_positions": "max_position_embeddings",
    "n_head": "num_attention_heads",
    "n_layer": "num_hidden_layers",
}
"""The configuration's `attribute_map`."""


def bigcode(fields: Fields) -> Model:
    """Return the tensors of `GPTBigCodeForCausalLM`."""
    hidden = fields.size("n_embd", 768)
    vocabulary = fields.size("vocab_size", 50257)
    inner = fields.size("n_inner", (fourfold := product(fixed(4), hidden)), null=fourfold)
    layers = fields.layers("n_layer", 12)
    fields.padding()
    layer = (
        *norm("ln_1", hidden, bias=True),
        *linear("attn.c_attn", _attention_rows(fields, hidden), hidden, bias=True),
        *linear("attn.c_proj", hidden, hidden, bias=True),
        *norm("ln_2", hidden, bias=True),
        *linear("mlp.c_fc", inner, hidden, bias=True),
        *linear("mlp.c_proj", hidden, inner, bias=True),
        *_cross_attention(fields, hidden),
    )
    return Model(
        part("transformer.wte.weight", vocabulary, hidden),
        part("lm_head.weight", vocabulary, hidden),
        fields.flag("tie_word_embeddings", default=True),
        (
            part("transformer.wpe.weight", fields.size("n_positions", 1024), hidden),
            *norm("transformer.ln_f", hidden, bias=True),
        ),
        (Stack("transformer.h.", layers, alike(layer)),),
        base="transformer",
        silent=("transformer.bias",),
    )


def _attention_rows(fields: Fields, hidden: Size) -> Size:
    """Return the rows of queries, keys and values: one head has keys and values with `multi_query`, else all do."""
    heads = fields.layers("n_head", 12)
    if hidden.value and heads.value and hidden.value % heads.value:
        fields.disagree("n_head", f"{hidden.said} is no multiple of {heads.said}", "a divisor of n_embd")
        return Size(None, hidden.said)
    share = hidden if not fields.flag("multi_query", default=True) else quotient(hidden, heads)
    return total(hidden, product(fixed(2), share))


def _cross_attention(fields: Fields, hidden: Size) -> tuple[Part, ...]:
    if not fields.flag("add_cross_attention"):
        return ()
    if fields.flag("multi_query", default=True):
        fields.disagree("add_cross_attention", "it is true, beside multi_query", "only one of them")
    return (
        *linear("crossattention.c_attn", product(fixed(2), hidden), hidden, bias=True),
        *linear("crossattention.q_attn", hidden, hidden, bias=True),
        *linear("crossattention.c_proj", hidden, hidden, bias=True),
        *norm("ln_cross_attn", hidden, bias=True),
    )
