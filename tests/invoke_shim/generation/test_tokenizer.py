"""Counts of tokens by a model's own tokenizer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from invoke_shim.generation import tokenizer


def write(path: Path) -> None:
    """Write a tokenizer of bytes that knows one word, puts `<s>` before a prompt and cuts texts at 4 tokens."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*letters, "th", "the", "<s>"])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[("t", "h"), ("th", "e")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<s>"])
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", vocabulary["<s>"])])
    made.enable_truncation(4)
    made.enable_padding(length=8)
    made.save(str(path))


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "tokenizer.json"
    monkeypatch.setattr(tokenizer, "FILE", path)
    tokenizer._load.cache_clear()
    yield path
    tokenizer._load.cache_clear()


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("the", 1), ("the other one", 9), ("ä", 2), ("\ud800", 1)])
def test_counts_a_texts_tokens_whole(file: Path, text: str, tokens: int) -> None:
    write(file)

    assert tokenizer.count(text) == tokens


def test_a_prompt_has_the_tokens_that_the_tokenizer_adds(file: Path) -> None:
    write(file)

    assert tokenizer.count("the", as_prompt=True) == 2


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_says_that_the_tokenizer_cannot_be_loaded(file: Path, content: str | None) -> None:
    if content is not None:
        file.write_text(content)

    with pytest.raises(tokenizer.TokenizerError, match=r"^tokenizer\.json cannot be loaded: "):
        tokenizer.count("the")
