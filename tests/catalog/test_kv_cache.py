"""Sizes of the cache for a context, of the families that are known."""

import pytest

from catalog.kv_cache import cache_size


@pytest.mark.parametrize(
    ("model_id", "token_bytes", "context"),
    [
        # 2 x 2 bytes x 32 layers x 8 heads x 128.
        ("meta-textgeneration-llama-3-1-8b-instruct", 131_072, 131_072),
        ("meta-textgeneration-llama-3-3-70b-instruct", 327_680, 131_072),
        ("meta-textgeneration-llama-2-7b-f", 524_288, 4096),
        ("huggingface-llm-mistral-7b-instruct-v3", 131_072, 32_768),
        ("huggingface-llm-falcon-180b-chat-bf16", 163_840, 2048),
        ("huggingface-llm-falcon-7b-bf16", 8192, 2048),
    ],
)
def test_knows_the_cache_of_a_family(model_id: str, token_bytes: int, context: int) -> None:
    size = cache_size(model_id)

    assert size is not None
    assert (size.token_bytes, size.context) == (token_bytes, context)


@pytest.mark.parametrize(
    "model_id",
    [
        "huggingface-llm-llama-3-8b-instruct-gradient",
        "huggingface-llm-gradientai-llama-3-8B-instruct-262k",
        "huggingface-llm-mistral-7b-openorca-gptq",
        "huggingface-llm-gemma-2-9b",
        "meta-vlm-llama-3-2-11b-vision",
        "",
    ],
)
def test_invents_no_numbers(model_id: str) -> None:
    assert cache_size(model_id) is None
