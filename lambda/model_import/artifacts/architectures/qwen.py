"""Tensors of Qwen2 (which Qwen2.5 shares), Qwen3 and its mixtures of experts."""

from __future__ import annotations

from model_import.artifacts.architectures.decoders import (
    QWEN,
    Defaults,
    attention,
    decoder,
    gated_mlp,
    head_size,
    layer_norms,
    of_stack,
    shape,
)
from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import Model, Part, Size, Stack, linear

_MIXTURE = Defaults(151936, 2048, 6144, 24, 32, 4)


def qwen2(fields: Fields) -> Model:
    """Return the tensors of `Qwen2ForCausalLM`."""
    sizes = shape(fields, QWEN)
    head = head_size(fields, sizes, null=False)
    return decoder(fields, sizes, attention("self_attn", sizes, head, bias=True), gated_mlp(sizes.hidden, sizes.inner))


def qwen3(fields: Fields) -> Model:
    """Return the tensors of `Qwen3ForCausalLM`."""
    sizes = shape(fields, QWEN)
    head = head_size(fields, sizes, default=128, null=False)
    bias = fields.flag("attention_bias")
    attended = attention("self_attn", sizes, head, bias=bias, out_bias=bias, norms=True)
    return decoder(fields, sizes, attended, gated_mlp(sizes.hidden, sizes.inner))


def qwen3_moe(fields: Fields) -> Model:
    """Return the tensors of `Qwen3MoeForCausalLM`, some of whose layers may have a plain MLP."""
    sizes = shape(fields, _MIXTURE, null_heads=False)
    head = head_size(fields, sizes, null=False)
    bias = fields.flag("attention_bias")
    attended = attention("self_attn", sizes, head, bias=bias, out_bias=bias, norms=True)
    common = (*layer_norms(sizes.hidden), *attended)
    plain = (*common, *gated_mlp(sizes.hidden, sizes.inner))

    experts = fields.layers("num_experts", 128, least=0)
    step = fields.layers("decoder_sparse_step", 1)
    dense = frozenset(fields.numbers("mlp_only_layers", ()))
    mixed = (*common, *linear("mlp.gate", experts, sizes.hidden), *_experts(fields, sizes.hidden, experts))
    used = fields.layers("num_experts_per_tok", 8)
    if experts.value and used.value and used.value > experts.value:
        fields.disagree("num_experts_per_tok", f"{used.said}, and {experts.said}", "no more than there are experts")

    def parts(layer: int) -> tuple[Part, ...]:
        sparse = experts.value != 0 and layer not in dense and (layer + 1) % (step.value or 1) == 0
        return mixed if sparse else plain

    return of_stack(fields, sizes, Stack("model.layers.", sizes.layers, parts))


def _experts(fields: Fields, hidden: Size, experts: Size) -> tuple[Part, ...]:
    inner = fields.size("moe_intermediate_size", 768)
    expert = gated_mlp(hidden, inner, name="mlp.experts.*")
    return tuple(part._replace(experts=experts) for part in expert)
