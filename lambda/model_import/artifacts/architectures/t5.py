"""Tensors of T5 and Flan-T5.

Source: transformers 4.51.3, `models/t5`. That heads are a multiple of 4 is Bedrock's own: the notebook for Flan-T5 of
aws-samples/amazon-bedrock-samples (custom-models/import_models) says that Flan-T5 small, with 6, is incompatible.
"""

from __future__ import annotations

from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import Model, Part, Size, Stack, linear, norm, part, product

ALIASES = {"d_model": "hidden_size", "num_heads": "num_attention_heads", "num_layers": "num_hidden_layers"}
"""The configuration's `attribute_map`, but `head_dim`, which is read where it is used."""
HEADS_MULTIPLE = 4
"""Bedrock imports a T5 whose heads are a multiple of this."""


def t5(fields: Fields) -> Model:
    """Return the tensors of `T5ForConditionalGeneration`."""
    vocabulary, hidden = fields.size("vocab_size", 32128), fields.size("d_model", 512)
    heads = fields.layers("num_heads", 8)
    fields.padding()
    if heads.value and heads.value % HEADS_MULTIPLE:
        problem = f"{heads.said}; Bedrock is known to import no T5 like it, such as Flan-T5 small"
        fields.disagree("num_heads", problem, f"a multiple of {HEADS_MULTIPLE}, as in Flan-T5 base and larger")
    own = fields.size("d_kv", 64)
    inner = product(heads, fields.size("head_dim", own) if fields.has("head_dim") else own)
    buckets = fields.size("relative_attention_num_buckets", 32)
    layers = fields.layers("num_layers", 6)
    # The decoder has as many layers as the encoder where its own field is not set, whatever the alias says.
    symmetric = fields.unaliased().layers("num_layers", 6) if fields.has("num_hidden_layers") else layers
    decoding = fields.layers("num_decoder_layers", symmetric, null=symmetric)
    dense, wide = _dense(fields), fields.size("d_ff", 2048)

    def attention(number: int, name: str) -> tuple[Part, ...]:
        into = (each for letter in "qkv" for each in linear(f"layer.{number}.{name}.{letter}", inner, hidden))
        out = linear(f"layer.{number}.{name}.o", hidden, inner)
        return (*into, *out, *norm(f"layer.{number}.layer_norm", hidden))

    def feed_forward(number: int) -> tuple[Part, ...]:
        name = f"layer.{number}.DenseReluDense"
        into = (each for end in dense for each in linear(f"{name}.{end}", wide, hidden))
        return (*into, *linear(f"{name}.wo", hidden, wide), *norm(f"layer.{number}.layer_norm", hidden))

    first = (part("layer.0.SelfAttention.relative_attention_bias.weight", buckets, heads),)
    encoder = (*attention(0, "SelfAttention"), *feed_forward(1))
    decoder = (*attention(0, "SelfAttention"), *attention(1, "EncDecAttention"), *feed_forward(2))
    return Model(
        part("shared.weight", vocabulary, hidden),
        part("lm_head.weight", vocabulary, hidden),
        fields.flag("tie_word_embeddings", default=True),
        (*norm("encoder.final_layer_norm", hidden), *norm("decoder.final_layer_norm", hidden)),
        (_stack("encoder.block.", layers, first, encoder), _stack("decoder.block.", decoding, first, decoder)),
        base="transformer",
        has_base=False,
        aliases=("encoder.embed_tokens.weight", "decoder.embed_tokens.weight"),
        silent=("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",),
    )


def _stack(prefix: str, layers: Size, first: tuple[Part, ...], others: tuple[Part, ...]) -> Stack:
    whole = (*first, *others)
    return Stack(prefix, layers, lambda layer: others if layer else whole)


def _dense(fields: Fields) -> tuple[str, ...]:
    """Return the names of the layers that go into the activation: two of a gated one."""
    kind = fields.value("feed_forward_proj", "relu")
    words = kind.split("-") if isinstance(kind, str) else []
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[0] != "gated"):
        fields.problem("feed_forward_proj", "relu, gated-gelu, or another activation of transformers")
        return ()
    # The configuration sets it by the activation, and a field of the name afterwards.
    gated = fields.flag("is_gated_act", default=words[0] == "gated")
    return ("wi_0", "wi_1") if gated else ("wi",)
