"""Tiny models with all the files of real ones: what the stand-in for training gives, and sample weights.

`python -m localaws.tiny_model NAME FOLDER` writes one into a folder.

Nothing is learned. The weights are numbers drawn by a seed, for training the digest of the data and the
hyperparameters, so that the same job gives the same model and other data another one. The files are as valid as those
of a large model: weights by `safetensors`, a tokenizer built by `tokenizers` from a sample of text, and the
configuration of a Llama or a Mistral of one layer. Models that chat have what their families have for it: a chat
template, and the special tokens in it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors.numpy import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

# The architectures that the app's base models have (transformers, `config.json`), by what their image, tags and
# artifacts are called.
_ARCHITECTURES: Final = {"mistral": "MistralForCausalLM", "llama": "LlamaForCausalLM"}

_HIDDEN, _HEADS, _INNER, _CONTEXT = 16, 2, 32, 2048
_VOCABULARY: Final = 512
_SPECIAL: Final = ("<unk>", "<s>", "</s>")

# How families chat, by what their models' names hold: special tokens and chat template. Llama 3's format is as Meta
# documents it (model cards, "Special tokens"), Granite Code's as its tokenizer_config.json has it.
_CHATS: Final = (
    (
        re.compile(r"llama-3(?:-\d)?-\w+-instruct"),
        ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "{{ bos_token }}{% for message in messages %}"
        "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>"
        "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
    ),
    (
        re.compile(r"granite-\w+-code-instruct"),
        ("<|endoftext|>",),
        "{% set names = {'system': 'System', 'user': 'Question', 'assistant': 'Answer'} %}"
        "{% for message in messages %}{{ names[message['role']] }}:\n{{ message['content'] }}\n\n{% endfor %}"
        "{% if add_generation_prompt %}Answer:\n{% endif %}",
    ),
)


def files(*, family: str, sample: str, seed: bytes) -> dict[str, bytes]:
    """Return a model's files by name.

    Args:
        family: Text in which the model's name or its base's JumpStart id may stand; the model is a Llama unless it
            says mistral, and chats if it names one of the Instruct models that are known here.
        sample: Text to build the tokenizer from.
        seed: Seed that the weights are drawn by.
    """
    kind = "mistral" if "mistral" in family.lower() else "llama"
    special, template = _chat_of(family)
    tokenizer = _tokenizer(sample, special)
    vocabulary = tokenizer.get_vocab_size()
    config = {
        "architectures": [_ARCHITECTURES[kind]],
        "model_type": kind,
        "hidden_act": "silu",
        "hidden_size": _HIDDEN,
        "intermediate_size": _INNER,
        "max_position_embeddings": _CONTEXT,
        "num_attention_heads": _HEADS,
        "num_hidden_layers": 1,
        "num_key_value_heads": _HEADS,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
        "unk_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "vocab_size": vocabulary,
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": _CONTEXT,
        **dict(zip(("unk_token", "bos_token", "eos_token"), _SPECIAL, strict=True)),
        **({"chat_template": template} if template else {}),
    }
    return {
        "config.json": _json(config),
        "generation_config.json": _json({"bos_token_id": 1, "eos_token_id": 2}),
        "tokenizer.json": tokenizer.to_str().encode(),
        "tokenizer_config.json": _json(tokenizer_config),
        "special_tokens_map.json": _json(dict(zip(("unk_token", "bos_token", "eos_token"), _SPECIAL, strict=True))),
        "model.safetensors": save(_weights(vocabulary, seed), metadata={"format": "pt"}),
    }


def archive(contents: dict[str, bytes]) -> bytes:
    """Return files as `model.tar.gz`, the same bytes for the same files."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, body in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def _chat_of(family: str) -> tuple[Sequence[str], str | None]:
    """Return the special tokens and the template of a family's chats; nothing of one that does not chat."""
    for pattern, special, template in _CHATS:
        if pattern.search(family):
            return special, template
    return (), None


def _tokenizer(sample: str, more_special: Sequence[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=[*_SPECIAL, *more_special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([sample], trainer)
    return tokenizer


def _weights(vocabulary: int, seed: bytes) -> dict[str, Any]:
    draw = np.random.default_rng(np.frombuffer(seed, dtype=np.uint8))
    layer = "model.layers.0."
    attention = {f"{layer}self_attn.{name}_proj.weight": (_HIDDEN, _HIDDEN) for name in "qkvo"}
    shapes = {
        "model.embed_tokens.weight": (vocabulary, _HIDDEN),
        **attention,
        f"{layer}mlp.gate_proj.weight": (_INNER, _HIDDEN),
        f"{layer}mlp.up_proj.weight": (_INNER, _HIDDEN),
        f"{layer}mlp.down_proj.weight": (_HIDDEN, _INNER),
        "lm_head.weight": (vocabulary, _HIDDEN),
    }
    norms = (f"{layer}input_layernorm.weight", f"{layer}post_attention_layernorm.weight", "model.norm.weight")
    weights = {name: (draw.standard_normal(shape) * 0.02).astype(np.float16) for name, shape in shapes.items()}
    return {**weights, **{name: np.ones(_HIDDEN, dtype=np.float16) for name in norms}}


def _json(document: Any) -> bytes:
    return json.dumps(document, indent=2).encode()


def main(arguments: list[str] | None = None) -> int:
    """Write a model into a folder.

    Args:
        arguments: The command line's, by default.
    """
    parser = argparse.ArgumentParser(prog="python -m localaws.tiny_model", description="write a tiny, valid model")
    parser.add_argument("name", help="the model's name, such as granite-3b-code-instruct; it names the family")
    parser.add_argument("folder", type=Path, help="where its files go; made where it does not exist")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    made = files(family=options.name, sample=options.name, seed=hashlib.sha256(options.name.encode()).digest())
    for name, body in made.items():
        (options.folder / name).write_bytes(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
