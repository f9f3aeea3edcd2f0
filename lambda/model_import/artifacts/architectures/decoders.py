"""Tensors of decoders like Llama: an attention with separate projections, and a gated MLP.

Source: the classes of transformers 4.51.3 (`models/*/configuration_*.py` and `modeling_*.py`), whose state dictionaries
were compared with these.
"""

from __future__ import annotations

from typing import NamedTuple

from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import (
    Model,
    Part,
    Size,
    Stack,
    alike,
    linear,
    norm,
    part,
    product,
    quotient,
)


class Defaults(NamedTuple):
    """The defaults of a configuration class.

    Attributes:
        vocabulary: Of `vocab_size`.
        hidden: Of `hidden_size`.
        inner: Of `intermediate_size`.
        layers: Of `num_hidden_layers`.
        heads: Of `num_attention_heads`.
        key_value_heads: Of `num_key_value_heads`; None for as many as heads.
    """

    vocabulary: int
    hidden: int
    inner: int
    layers: int
    heads: int
    key_value_heads: int | None


class Shape(NamedTuple):
    """The sizes of a decoder.

    Attributes:
        vocabulary: Rows of the tables of tokens.
        hidden: Numbers of a token between layers.
        inner: Numbers within the MLP.
        layers: The number of layers.
        heads: Attention heads.
        key_value_heads: Attention heads that have keys and values of their own.
    """

    vocabulary: Size
    hidden: Size
    inner: Size
    layers: Size
    heads: Size
    key_value_heads: Size


LLAMA = Defaults(32000, 4096, 11008, 32, 32, None)
MISTRAL = Defaults(32000, 4096, 14336, 32, 32, 8)
QWEN = Defaults(151936, 4096, 22016, 32, 32, 32)


def shape(fields: Fields, defaults: Defaults, *, null_heads: bool = True) -> Shape:
    """Read the sizes.

    Args:
        fields: The configuration.
        defaults: Its class's defaults.
        null_heads: True if the class takes null for as many `num_key_value_heads` as heads.
    """
    heads = fields.layers("num_attention_heads", defaults.heads)
    as_heads = heads._replace(said=f"num_key_value_heads as {heads.said}")
    default = as_heads if defaults.key_value_heads is None else defaults.key_value_heads
    key_values = fields.layers("num_key_value_heads", default, null=as_heads if null_heads else None)
    if heads.value and key_values.value and heads.value % key_values.value:
        problem = f"{heads.said} is no multiple of {key_values.said}"
        fields.disagree("num_key_value_heads", problem, "a divisor of num_attention_heads")
    return Shape(
        fields.size("vocab_size", defaults.vocabulary),
        fields.size("hidden_size", defaults.hidden),
        fields.size("intermediate_size", defaults.inner),
        fields.layers("num_hidden_layers", defaults.layers),
        heads,
        key_values,
    )


def head_size(
    fields: Fields, sizes: Shape, *, default: int | None = None, null: bool = True, zero: bool = False
) -> Size:
    """Return the numbers of a head: `head_dim`, or a share of `hidden_size`.

    Args:
        fields: The configuration.
        sizes: The sizes.
        default: The size where the field is not set; None for the share.
        null: True if null means the share.
        zero: True if 0 means the share.
    """
    value = fields.value("head_dim", default)
    share = (value is None and (null or not fields.has("head_dim"))) or (zero and value == 0)
    head = share_of(fields, sizes) if share else fields.size("head_dim", default or 0)
    if head.value is not None and head.value % 2:
        # Positions rotate pairs of a head's numbers.
        fields.disagree("head_dim", f"a head has {head.value} numbers: {head.said}", "an even number")
    return head


def share_of(fields: Fields, sizes: Shape, *, exact: bool = False) -> Size:
    """Return the share of `hidden_size` that a head has.

    Args:
        fields: The configuration.
        sizes: The sizes.
        exact: True if transformers refuses a rest, and another `head_dim`.
    """
    hidden, heads = sizes.hidden, sizes.heads
    if hidden.value and heads.value and (hidden.value < heads.value or (exact and hidden.value % heads.value)):
        fields.disagree("num_attention_heads", f"{hidden.said} is no multiple of {heads.said}", "a divisor")
        return Size(None, "hidden_size / num_attention_heads")
    share = quotient(hidden, heads)
    if exact and share.value is not None and fields.has("head_dim") and fields.value("head_dim") != share.value:
        # Positions are computed by the field, and the tensors by the share.
        fields.problem("head_dim", f"{share.value}: {share.said}; or no such field")
    return share


def attention(
    name: str, sizes: Shape, head: Size, *, bias: bool = False, out_bias: bool = False, norms: bool = False
) -> tuple[Part, ...]:
    """Make the tensors of an attention.

    Args:
        name: Name of its module.
        sizes: The sizes.
        head: Numbers of a head.
        bias: True if queries, keys and values have a bias.
        out_bias: True if the output has one.
        norms: True if queries and keys are normalized by head.
    """
    queries, keys = product(sizes.heads, head), product(sizes.key_value_heads, head)
    return (
        *linear(f"{name}.q_proj", queries, sizes.hidden, bias=bias),
        *linear(f"{name}.k_proj", keys, sizes.hidden, bias=bias),
        *linear(f"{name}.v_proj", keys, sizes.hidden, bias=bias),
        *linear(f"{name}.o_proj", sizes.hidden, queries, bias=out_bias),
        *((*norm(f"{name}.q_norm", head), *norm(f"{name}.k_norm", head)) if norms else ()),
    )


def gated_mlp(hidden: Size, inner: Size, *, bias: bool = False, name: str = "mlp") -> tuple[Part, ...]:
    """Make the tensors of an MLP with a gate."""
    return (
        *linear(f"{name}.gate_proj", inner, hidden, bias=bias),
        *linear(f"{name}.up_proj", inner, hidden, bias=bias),
        *linear(f"{name}.down_proj", hidden, inner, bias=bias),
    )


def layer_norms(hidden: Size) -> tuple[Part, ...]:
    """Make the two normalizations of a layer."""
    return (*norm("input_layernorm", hidden), *norm("post_attention_layernorm", hidden))


def decoder(fields: Fields, sizes: Shape, *layer: tuple[Part, ...], single: tuple[Part, ...] = ()) -> Model:
    """Make a decoder of equal layers.

    Args:
        fields: The configuration.
        sizes: The sizes.
        layer: Tensors of a layer beside its normalizations.
        single: Tensors beside the decoder's.
    """
    stack = Stack("model.layers.", sizes.layers, alike(layer_norms(sizes.hidden), *layer))
    return of_stack(fields, sizes, stack, single)


def of_stack(fields: Fields, sizes: Shape, stack: Stack, single: tuple[Part, ...] = ()) -> Model:
    """Make a decoder of these layers."""
    fields.padding(sizes.vocabulary)
    return Model(
        part("model.embed_tokens.weight", sizes.vocabulary, sizes.hidden),
        part("lm_head.weight", sizes.vocabulary, sizes.hidden),
        fields.flag("tie_word_embeddings"),
        (*norm("model.norm", sizes.hidden), *single),
        (stack,),
    )
