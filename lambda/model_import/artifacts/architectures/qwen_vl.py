"""Tensors of Qwen2-VL and Qwen2.5-VL: a Qwen2 and a vision tower.

Source: transformers 4.51.3, `models/qwen2_vl` and `models/qwen2_5_vl`. Its configurations have the language model's
fields beside `vision_config`, not within `text_config`.
"""

from __future__ import annotations

from model_import.artifacts.architectures.decoders import Defaults, attention, decoder, gated_mlp, shape, share_of
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
)

_TOKENS = ("image_token_id", "video_token_id", "vision_start_token_id")
"""Fields without a default that transformers reads to number the positions of any prompt."""
_TEXT = Defaults(152064, 8192, 29568, 80, 64, 8)


def qwen2_vl(fields: Fields) -> Model:
    """Return the tensors of `Qwen2VLForConditionalGeneration`."""
    vision = fields.inner("vision_config")
    width, out = vision.size("embed_dim", 1280), vision.size("hidden_size", 3584)
    inner = _multiple(vision, width)
    block = (
        *norm("norm1", width, bias=True),
        *norm("norm2", width, bias=True),
        *_attention(width),
        *linear("mlp.fc1", inner, width, bias=True),
        *linear("mlp.fc2", width, inner, bias=True),
    )
    merger = norm("visual.merger.ln_q", width, bias=True)
    return _model(fields, vision, width, out=("hidden_size", out), block=block, merger=merger)


def qwen2_5_vl(fields: Fields) -> Model:
    """Return the tensors of `Qwen2_5_VLForConditionalGeneration`."""
    vision = fields.inner("vision_config")
    width, out = vision.size("hidden_size", 3584), vision.size("out_hidden_size", 3584)
    mlp = gated_mlp(width, vision.size("intermediate_size", 3420), bias=True)
    block = (*norm("norm1", width), *norm("norm2", width), *_attention(width), *mlp)
    merger = norm("visual.merger.ln_q", width)
    return _model(fields, vision, width, out=("out_hidden_size", out), block=block, merger=merger)


def _model(
    fields: Fields,
    vision: Fields,
    width: Size,
    *,
    out: tuple[str, Size],
    block: tuple[Part, ...],
    merger: tuple[Part, ...],
) -> Model:
    """Make the model.

    Args:
        fields: The whole configuration.
        vision: The tower's.
        width: Numbers of a patch between the tower's layers.
        out: The field with the numbers of a token that leaves the tower, and its size.
        block: Tensors of a layer of the tower.
        merger: The merger's normalization.
    """
    sizes = shape(fields, _TEXT)
    for field in _TOKENS:
        if not isinstance(fields.value(field), int):
            fields.problem(field, "the token of the base model, without which transformers 4.51.3 answers nothing")
    name, leaving = out
    if leaving.value and sizes.hidden.value and leaving.value != sizes.hidden.value:
        problem = f"{leaving.said}, and the language model's {sizes.hidden.said}"
        vision.disagree(name, problem, "the same size: images become tokens")
    head = share_of(fields, sizes, exact=True)
    vision.layers("num_heads", 16)
    side = vision.size("spatial_merge_size", 2)
    merged = product(width, side, side)
    patch = vision.size("patch_size", 14)
    kernel = (vision.size("in_channels", 3), vision.size("temporal_patch_size", 2), patch, patch)
    single = (
        part("visual.patch_embed.proj.weight", width, *kernel),
        *merger,
        *linear("visual.merger.mlp.0", merged, merged, bias=True),
        *linear("visual.merger.mlp.2", leaving, merged, bias=True),
    )
    text = decoder(
        fields,
        sizes,
        attention("self_attn", sizes, head, bias=True),
        gated_mlp(sizes.hidden, sizes.inner),
        single=single,
    )
    tower = Stack("visual.blocks.", vision.layers("depth", 32), alike(block))
    return text._replace(stacks=(*text.stacks, tower))


def _attention(width: Size) -> tuple[Part, ...]:
    return (
        *linear("attn.qkv", product(fixed(3), width), width, bias=True),
        *linear("attn.proj", width, width, bias=True),
    )


def _multiple(vision: Fields, width: Size) -> Size:
    ratio = vision.value("mlp_ratio", 4)
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < 1e6:
        vision.problem("mlp_ratio", "a number above 0")
        return Size(None, "vision_config.mlp_ratio")
    known = None if width.value is None else int(width.value * ratio)
    return Size(known, f"{width.said} * mlp_ratio {ratio}")
