"""Tensors of mllama (Llama 3.2 Vision): a language model with layers that look at an image, and a vision model.

Source: transformers 4.51.3, `models/mllama`.
"""

from __future__ import annotations

from model_import.artifacts.architectures.decoders import Defaults, attention, gated_mlp, layer_norms, shape, share_of
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

_TEXT = Defaults(128256, 4096, 14336, 40, 32, 8)
_CROSS_LAYERS = (3, 8, 13, 18, 23, 28, 33, 38)
_INTERMEDIATE_LAYERS = (3, 7, 15, 23, 30)
_IMAGE_TOKENS = 8
"""Rows of the embedding beyond the vocabulary."""
_RATIOS = 8
"""Ratios of sides that an image may have where the field is not set, for 4 tiles."""
_ONE = fixed(1)


def mllama(fields: Fields) -> Model:
    """Return the tensors of `MllamaForConditionalGeneration`."""
    text, vision = fields.inner("text_config"), fields.inner("vision_config")
    sizes = shape(text, _TEXT, null_heads=False)
    rows = total(sizes.vocabulary, fixed(_IMAGE_TOKENS))
    text.padding(rows, default=128004)
    fields.padding()
    tied = text.flag("tie_word_embeddings")
    seen = vision.size("vision_output_dim", 7680)
    towers, single = _vision(vision, seen)
    head = share_of(text, sizes, exact=True)
    mlp = gated_mlp(sizes.hidden, sizes.inner)
    plain = (*layer_norms(sizes.hidden), *attention("self_attn", sizes, head), *mlp)
    crossing = (
        *layer_norms(sizes.hidden),
        *attention("cross_attn", sizes, head, norms=True),
        *mlp,
        part("cross_attn_attn_gate", _ONE),
        part("cross_attn_mlp_gate", _ONE),
    )
    cross = frozenset(text.numbers("cross_attention_layers", _CROSS_LAYERS))
    layers = Stack("language_model.model.layers.", sizes.layers, lambda layer: crossing if layer in cross else plain)
    return Model(
        part("language_model.model.embed_tokens.weight", rows, sizes.hidden),
        # A shared head has the embedding's rows, all of them.
        part("language_model.lm_head.weight", rows if tied else sizes.vocabulary, sizes.hidden),
        tied,
        (
            *norm("language_model.model.norm", sizes.hidden),
            *linear("multi_modal_projector", sizes.hidden, seen, bias=True),
            *single,
        ),
        (layers, *towers),
        has_base=False,
    )


def _vision(fields: Fields, seen: Size) -> tuple[tuple[Stack, ...], tuple[Part, ...]]:
    """Return the layers and the other tensors of the vision model."""
    hidden = fields.size("hidden_size", 1280)
    patch, channels = fields.size("patch_size", 14), fields.size("num_channels", 3)
    tiles = fields.size("max_num_tiles", 4)
    ratios = total(_ratios(fields, tiles), _ONE)
    side = quotient(fields.size("image_size", 448), patch)
    patches = total(product(side, side), _ONE)
    levels = len(fields.numbers("intermediate_layers_indices", _INTERMEDIATE_LAYERS)) + 1
    if hidden.value and seen.value and hidden.value * levels != seen.value:
        problem = f"it is {seen.value}, and {levels} layers of {hidden.said} make {hidden.value * levels}"
        fields.disagree("vision_output_dim", problem, "hidden_size * (1 + the number of intermediate_layers_indices)")
    layer, gates = _vision_layer(fields, hidden), (part("gate_attn", _ONE), part("gate_ffn", _ONE))
    stacks = (
        Stack("vision_model.transformer.layers.", fields.layers("num_hidden_layers", 32), alike(layer)),
        Stack("vision_model.global_transformer.layers.", fields.layers("num_global_layers", 8), alike(layer, gates)),
    )
    positions = "vision_model.gated_positional_embedding"
    single = (
        part("vision_model.class_embedding", hidden),
        part("vision_model.patch_embedding.weight", hidden, channels, patch, patch),
        part(f"{positions}.gate", _ONE),
        part(f"{positions}.embedding", patches, hidden),
        part(f"{positions}.tile_embedding.weight", ratios, product(tiles, patches, hidden)),
        *(
            each
            for place in ("pre", "post")
            for each in (
                part(f"vision_model.{place}_tile_positional_embedding.gate", _ONE),
                part(
                    f"vision_model.{place}_tile_positional_embedding.embedding.weight", ratios, product(tiles, hidden)
                ),
                *norm(f"vision_model.layernorm_{place}", hidden, bias=True),
            )
        ),
    )
    return stacks, single


def _ratios(fields: Fields, tiles: Size) -> Size:
    name = "supported_aspect_ratios"
    value = fields.value(name)
    if value is None:
        if tiles.value not in {None, 4}:
            fields.disagree(name, f"it is not set, and {tiles.said}", "a list, for other than 4 tiles")
            return Size(None, name)
        return Size(_RATIOS, f"{_RATIOS} {name} (the default)")
    if not isinstance(value, list):
        fields.problem(name, "a list of pairs")
        return Size(None, name)
    return Size(len(value), f"{len(value)} {name}")


def _vision_layer(fields: Fields, hidden: Size) -> tuple[Part, ...]:
    # transformers writes attention_heads, and reads both.
    name = "attention_heads" if fields.has("attention_heads") else "num_attention_heads"
    heads = fields.layers(name, 16)
    attended = product(heads, quotient(hidden, heads))
    inner = fields.size("intermediate_size", 5120)
    return (
        *norm("input_layernorm", hidden, bias=True),
        *(each for letter in "qkv" for each in linear(f"self_attn.{letter}_proj", attended, hidden)),
        *linear("self_attn.o_proj", hidden, attended),
        *norm("post_attention_layernorm", hidden, bias=True),
        *linear("mlp.fc1", inner, hidden, bias=True),
        *linear("mlp.fc2", hidden, inner, bias=True),
    )
