"""Small tokenizers, trained on a few sentences and saved by transformers itself."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import sentencepiece
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2TokenizerFast,
    LlamaTokenizerFast,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2TokenizerFast,
    T5TokenizerFast,
)

_TEXT = (
    "the model answers a question about the weather in a town by the sea",
    "hello world, these are 42 tokens and 7 more of them",
    "what is the capital of a country that nobody has heard of?",
    "a user asks, the assistant answers, and both of them are happy",
    "def add(first, second): return first + second",
)
CHAT = "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}{% endfor %}"


@cache
def _byte_level(size: int, special: tuple[str, ...]) -> Tokenizer:
    """Train a byte-level BPE, which is what Llama 3, GPT-2 and Qwen have."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(_TEXT, trainer)
    return tokenizer


@cache
def _sentencepiece(kind: str, size: int) -> bytes:
    """Train a SentencePiece model: `bpe` with bytes, which is Llama 2's, or `unigram`, which is T5's."""
    written = io.BytesIO()
    bpe = kind == "bpe"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_TEXT * 10),
        model_writer=written,
        model_type=kind,
        vocab_size=size,
        byte_fallback=bpe,
        hard_vocab_limit=False,
        minloglevel=2,
        **({} if bpe else {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}),
    )
    return written.getvalue()


def save(kind: str, folder: Path, *, chat: bool) -> int:
    """Save a tokenizer of a kind.

    Args:
        kind: `fast` (Llama 3), `llama`, `qwen2`, `gpt2` or `t5`.
        folder: The model's folder.
        chat: True for a chat template.

    Returns:
        The number of its tokens, added ones included.
    """
    tokenizer = _make(kind, folder)
    if chat:
        tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


def _make(kind: str, folder: Path) -> PreTrainedTokenizerBase:
    if kind == "llama":
        return LlamaTokenizerFast(_written(folder, _sentencepiece("bpe", 300)), legacy=False)
    if kind == "t5":
        return T5TokenizerFast(_written(folder, _sentencepiece("unigram", 100)), extra_ids=4)
    if kind == "fast":
        special = ("<|begin|>", "<|end|>", "<|pad|>")
        names = dict(zip(("bos_token", "eos_token", "pad_token"), special, strict=True))
        return PreTrainedTokenizerFast(tokenizer_object=_byte_level(290, special), **names)
    backend = _byte_level(280, ("<|endoftext|>",))
    backend.model.save(str(folder))
    files = (str(folder / "vocab.json"), str(folder / "merges.txt"))
    if kind == "gpt2":
        return GPT2TokenizerFast(*files)
    extra = ["<|im_start|>", "<|im_end|>"]
    return Qwen2TokenizerFast(*files, additional_special_tokens=extra)


def _written(folder: Path, model: bytes) -> str:
    name = folder / "spiece.model"
    name.write_bytes(model)
    return str(name)
