"""What the stand-in for training gives: a tiny model with all the files of a real one.

It is a fake: nothing is learned. The weights are numbers drawn by the digest of the training data and the
hyperparameters, so that the same job gives the same model and other data another one. The files are as valid as those
of a large model: weights by `safetensors`, a tokenizer built by `tokenizers` from the data, and the configuration of
a Llama or a Mistral of one layer. Tuned Llama 3 Instruct models keep what their base has for chats: the special
tokens, and a chat template.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Sequence
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

# Llama 3's prompt format, as Meta documents it (Llama 3 model cards, "Special tokens").
_LLAMA_3_INSTRUCT: Final = re.compile(r"llama-3(?:-\d)?-\w+-instruct")
_LLAMA_3_SPECIAL: Final = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
_LLAMA_3_TEMPLATE: Final = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)


def files(*, family: str, sample: str, seed: bytes) -> dict[str, bytes]:
    """Return a model's files by name.

    Args:
        family: text in which the base model's JumpStart id may stand; the model is a Llama unless it says mistral,
            and chats if it names one of Llama 3's Instruct models.
        sample: text to build the tokenizer from.
        seed: what the weights are drawn by.
    """
    kind = "mistral" if "mistral" in family.lower() else "llama"
    chats = _LLAMA_3_INSTRUCT.search(family) is not None
    tokenizer = _tokenizer(sample, _LLAMA_3_SPECIAL if chats else ())
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
        **({"chat_template": _LLAMA_3_TEMPLATE} if chats else {}),
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
    """Return files as ``model.tar.gz``, the same bytes for the same files."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, body in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


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
