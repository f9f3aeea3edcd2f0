"""Tensors of GPT-OSS, as OpenAI published it (experts in MXFP4) and with experts of plain numbers.

It is newer than transformers 4.51.3; these are the classes of 4.57.6, `models/gpt_oss` and `integrations/mxfp4.py`.
"""

from __future__ import annotations

from model_import.artifacts.architectures.decoders import Defaults, attention, decoder, head_size, shape
from model_import.artifacts.architectures.fields import Fields
from model_import.artifacts.architectures.sizes import Model, Part, Size, fixed, linear, part, product, quotient

_TEXT = Defaults(201088, 2880, 2880, 36, 64, 8)
_BLOCK = 32
"""Numbers of 4 bits that share a scale; a block has half as many bytes."""


def gpt_oss(fields: Fields) -> Model:
    """Return the tensors of `GptOssForCausalLM`."""
    sizes = shape(fields, _TEXT)
    head = head_size(fields, sizes, default=64)
    experts = fields.layers("num_local_experts", 128)
    both = product(fixed(2), sizes.inner)
    packed = _packed(fields)
    return decoder(
        fields,
        sizes,
        attention("self_attn", sizes, head, bias=True, out_bias=True),
        (part("self_attn.sinks", sizes.heads),),
        linear("mlp.router", experts, sizes.hidden, bias=True),
        _experts("gate_up_proj", experts, both, sizes.hidden, packed=packed),
        _experts("down_proj", experts, sizes.hidden, sizes.inner, packed=packed),
    )


def _packed(fields: Fields) -> bool:
    quantization = fields.value("quantization_config")
    return isinstance(quantization, dict) and quantization.get("quant_method") == "mxfp4"


def _experts(name: str, experts: Size, rows: Size, columns: Size, *, packed: bool) -> tuple[Part, ...]:
    """Make the tensors of all experts of a layer."""
    bias = part(f"mlp.experts.{name}_bias", experts, rows)
    if not packed:
        return (part(f"mlp.experts.{name}", experts, columns, rows), bias)
    blocks = quotient(columns, fixed(_BLOCK))
    return (
        part(f"mlp.experts.{name}_blocks", experts, rows, blocks, fixed(_BLOCK // 2)),
        part(f"mlp.experts.{name}_scales", experts, rows, blocks),
        bias,
    )
