"""Break the weights: tensors, their types and shapes, shards and the index."""

from __future__ import annotations

import random
import shutil

from tests.model_import.artifacts.mutations.model_files import BYTES, INDEX, ModelFiles, Mutation, Raw, zeros

_PREFIXES = ("module.", "_orig_mod.", "base_model.model.", "model.", "transformer.", "language_model.")


def _some(chance: random.Random, files: ModelFiles) -> str:
    """Return a tensor's name: one that stands alone as often as one of a layer."""
    names = sorted(files.every())
    alone = [name for name in names if not any(part.isdigit() for part in name.split("."))]
    return chance.choice(alone if alone and chance.random() < 0.4 else names)


def _raw(files: ModelFiles, tensor: str) -> Raw:
    return files.tensors(files.every()[tensor])[tensor]


def drop(chance: random.Random, files: ModelFiles) -> str | None:
    """Leave a tensor out."""
    tensor = _some(chance, files)
    files.change(tensor)
    return f"without {tensor}"


def drop_layer(chance: random.Random, files: ModelFiles) -> str | None:
    """Leave out all tensors with one prefix."""
    parts = _some(chance, files).split(".")
    prefix = ".".join(parts[: chance.randrange(1, len(parts) + 1)])
    names = [name for name in files.every() if name == prefix or name.startswith(f"{prefix}.")]
    for name in names:
        files.change(name)
    return f"without {len(names)} tensors of {prefix}"


def resize(chance: random.Random, files: ModelFiles) -> str | None:
    """Give a tensor another shape."""
    tensor = _some(chance, files)
    raw = _raw(files, tensor)
    shape = list(raw.shape)
    if not shape:
        return None
    at = chance.randrange(len(shape))
    way = chance.randrange(7)
    if way < 3:
        shape[at] += (1, -1, shape[at])[way]
    elif way == 3:
        shape[at] = 0
    elif way == 4:
        shape = [0]
    elif way == 5:
        shape.reverse()
    else:
        shape = [*shape, 1]
    files.change(tensor, **{tensor: zeros(raw.dtype, tuple(shape))})
    return f"{tensor}: {list(raw.shape)} becomes {shape}"


def empty_all(chance: random.Random, files: ModelFiles) -> str | None:
    """Save without numbers what was spread over several GPUs."""
    for tensor in files.every():
        if chance.random() < 0.9:
            files.change(tensor, **{tensor: Raw(_raw(files, tensor).dtype, (0,), b"")})
    return "most tensors have no numbers"


def retype(chance: random.Random, files: ModelFiles) -> str | None:
    """Save one tensor, or all, in another number format."""
    dtype = chance.choice(sorted(BYTES))
    chosen = sorted(files.every()) if chance.random() < 0.3 else [_some(chance, files)]
    for tensor in chosen:
        files.change(tensor, **{tensor: zeros(dtype, _raw(files, tensor).shape)})
    return f"{len(chosen)} tensors such as {chosen[0]} in {dtype}"


def rename(chance: random.Random, files: ModelFiles) -> str | None:
    """Rename one tensor, or give all a prefix, or take one."""
    tensor = _some(chance, files)
    way = chance.randrange(5)
    prefix = chance.choice(_PREFIXES)
    if way == 0:
        for name in files.every():
            files.change(name, **{prefix + name: _raw(files, name)})
        return f"all with {prefix}"
    if way == 1:
        first = tensor.partition(".")[0] + "."
        for name in [each for each in files.every() if each.startswith(first)]:
            files.change(name, **{name.removeprefix(first): _raw(files, name)})
        return f"all without {first}"
    stem, _, last = tensor.rpartition(".")
    name = (
        f"{stem}.base_layer.{last}",
        f"{stem}.modules_to_save.default.{last}",
        chance.choice((f"{prefix}{tensor}", f"{stem}.gamma", f"{stem}_x.{last}", tensor.upper(), f"{tensor}_scale")),
    )[way - 2]
    files.change(tensor, **{name: _raw(files, tensor)})
    return f"{tensor} is called {name}"


def add(chance: random.Random, files: ModelFiles) -> str | None:
    """Add a tensor that some files have: buffers, a head, an adapter, a layer too many."""
    tensor = _some(chance, files)
    stem, _, last = tensor.rpartition(".")
    raw = _raw(files, tensor)
    number = next((part for part in stem.split(".") if part.isdigit()), None)
    embedding = next(
        (name for name in files.every() if "embed_tokens" in name or "shared" in name or "wte" in name), tensor
    )
    names: dict[str, Raw] = chance.choice(
        (
            {"model.layers.0.self_attn.rotary_emb.inv_freq": zeros("F32", (4,))},
            {"model.rotary_emb.inv_freq": zeros("F32", (4,))},
            {"transformer.h.0.attn.bias": zeros("BOOL", (1, 1, 8, 8))},
            {"transformer.h.0.attn.masked_bias": zeros("F32", ())},
            {"position_ids": zeros("I64", (1, 8))},
            {"model.position_ids": zeros("I64", (1, 8))},
            {"lm_head.weight": zeros(_raw(files, embedding).dtype, _raw(files, embedding).shape)},
            {"lm_head.bias": zeros("F32", (8,))},
            {"encoder.embed_tokens.weight": _raw(files, embedding)},
            {"decoder.embed_tokens.weight": zeros(_raw(files, embedding).dtype, _raw(files, embedding).shape)},
            {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": zeros("F32", (32, 4))},
            {f"{stem}.lora_A.weight": zeros("F32", (2, 8)), f"{stem}.lora_B.weight": zeros("F32", (8, 2))},
            {f"{stem}.lora_magnitude_vector": zeros("F32", (8,))},
            {f"{stem}.{last}_scale_inv": zeros("F32", (1, 1))},
            {f"{stem}.bias": zeros(raw.dtype, raw.shape[:1])},
            {"mtp.layers.0.weight": zeros("F32", (4,))},
            {"score.weight": zeros("F32", (2, 8))},
            {tensor.replace(f".{number}.", ".9."): raw},
        )
    )
    files.change(tensor, **{tensor: raw, **names})
    return f"with {', '.join(f'{name} {each.dtype} {list(each.shape)}' for name, each in names.items())}"


def head(chance: random.Random, files: ModelFiles) -> str | None:
    """Drop the head, or save one beside a tied embedding: equal to it, or of other numbers."""
    every = files.every()
    found = next((name for name in every if name.endswith("lm_head.weight")), None)
    if found is not None:
        files.change(found)
        return f"without {found}"
    embedding = next((name for name in every if "embed_tokens" in name or "shared" in name or "wte" in name), None)
    if embedding is None:
        return None
    raw = _raw(files, embedding)
    other = raw if chance.random() < 0.5 else zeros(raw.dtype, raw.shape)
    files.change(embedding, **{embedding: raw, "lm_head.weight": other})
    return f"with a head, equal {other is raw}"


def index(chance: random.Random, files: ModelFiles) -> str | None:
    """Break the index, or write one where there is none."""
    if INDEX not in files.names():
        stale = dict.fromkeys(files.every(), "model-00001-of-00002.safetensors")
        files.write(INDEX, {"metadata": {"total_size": 1}, "weight_map": stale})
        return "a stale index beside the one file"
    document = files.read(INDEX)
    weight_map = document["weight_map"]
    tensor = chance.choice(sorted(weight_map))
    way = chance.randrange(9)
    if way == 0:
        (files.folder / INDEX).unlink()
        return "without the index"
    if way == 1:
        del weight_map[tensor]
    elif way == 2:
        weight_map[tensor] = "model-00009-of-00009.safetensors"
    elif way == 3:
        weight_map[tensor] = chance.choice(sorted(set(weight_map.values())))
    elif way == 4:
        weight_map["model.extra.weight"] = weight_map[tensor]
    elif way == 5:
        document["weight_map"] = chance.choice(([], None, {}, {tensor: 7}))
    elif way == 6:
        del document["metadata"]
    elif way == 7:
        document["metadata"] = chance.choice((None, [], {}, {"total_size": "many"}, {"total_size": -1}))
    else:
        del document["weight_map"]
    files.write(INDEX, document)
    return f"index, way {way}, {tensor}"


def shard(chance: random.Random, files: ModelFiles) -> str | None:
    """Rename, drop, copy, cut or add a file of weights."""
    name = chance.choice(files.shards())
    path = files.folder / name
    way = chance.randrange(7)
    if way == 0:
        path.unlink()
    elif way == 1:
        path.rename(files.folder / "pytorch_model.safetensors")
    elif way == 2:
        shutil.copy(path, files.folder / "consolidated.safetensors")
    elif way == 3:
        path.write_bytes(path.read_bytes()[: -chance.randrange(1, 64)])
    elif way == 4:
        path.write_bytes(b"")
    elif way == 5 and name != "model.safetensors":
        shutil.copy(path, files.folder / "model.safetensors")
    else:
        path.rename(files.folder / "model-00001-of-00001.safetensors")
    return f"{name}, way {way}"


MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "a tensor gone": (6, drop),
    "tensors gone": (4, drop_layer),
    "a shape": (10, resize),
    "no numbers": (1, empty_all),
    "a type": (4, retype),
    "a name": (5, rename),
    "one more": (8, add),
    "the head": (4, head),
    "the index": (4, index),
    "a shard": (3, shard),
}
"""By name: how often, and what."""
