"""The estimate of a text's tokens, held to counts of real tokenizers."""

import pytest
from hypothesis import given

from invoke_shim.generation.estimate import estimate_tokens, most_tokens
from tests.invoke_shim.backend_stub import texts

# The text, and its tokens by Llama 3's tokenizer and by Mistral 7B's (the newest vocabulary and the oldest here).
COUNTED = {
    "English": (
        "How do I make sourdough bread at home? I have flour, water and salt, but no yeast. Please explain it step by "
        "step, and tell me how long each step takes. Thanks!",
        *(41, 42),
    ),
    "German": (
        "Wenn das Modell ohne Obergrenze gefragt wird, schreibt es weiter, bis es alles gesagt hat, was es sagen "
        "wollte, oder bis sein Kontext voll ist. Die Donaudampfschifffahrtsgesellschaft veröffentlichte gestern "
        "ihren Geschäftsbericht für das abgelaufene Jahr.",
        *(74, 77),
    ),
    "Russian": (
        "Если спросить модель без ограничения числа токенов, она будет писать, пока не скажет всё, что хотела, или "
        "пока не заполнится её контекст. Старый смотритель маяка видел на этой скале сорок зим.",
        *(60, 79),
    ),
    "Chinese": (
        "如果不给模型设定令牌数量的上限，它会一直写下去，直到说完想说的话，或者上下文被填满为止。请用简单的语言解释天空为什么是蓝色的，并举一个例子。",  # noqa: RUF001 - Chinese marks
        *(55, 70),
    ),
    "Arabic": (
        "إذا سُئل النموذج دون حد لعدد الرموز فإنه يستمر في الكتابة حتى يقول كل ما أراد قوله أو حتى يمتلئ السياق. "
        "لماذا السماء زرقاء؟",
        *(52, 113),
    ),
    "JSON": (
        '{"id": "chatcmpl-123", "object": "chat.completion", "created": 1700000000, "choices": [{"index": 0, '
        '"message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}], "usage": '
        '{"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}}',
        *(84, 105),
    ),
    "rows of numbers": (
        "date,open,high,low,close,volume\n2024-01-02,187.15,188.44,183.89,185.64,82488700\n"
        "2024-01-03,184.22,185.88,183.43,184.25,58414500\n2024-01-04,182.15,183.09,180.88,181.91,71983600\n"
        "2024-01-05,181.99,182.76,180.17,181.18,62303300\n",
        *(120, 204),
    ),
    "emoji": ("Great job! 🎉🎉 See you tomorrow 😊 at the 🏖️ with 👩‍👩‍👧‍👦 and 🐕🐈. 🚀🚀🚀", 52, 55),
}


@pytest.mark.parametrize(("text", "fewest", "most"), COUNTED.values(), ids=COUNTED)
def test_an_estimate_is_at_least_half_and_at_most_twice_of_what_tokenizers_count(
    text: str, fewest: int, most: int
) -> None:
    assert most / 2 <= estimate_tokens(text) <= 2 * fewest
    assert most_tokens(text) >= most


@pytest.mark.parametrize("name", ["English", "JSON"])
def test_an_estimate_of_english_and_of_json_is_near(name: str) -> None:
    text, fewest, most = COUNTED[name]
    assert 0.85 * most <= estimate_tokens(text) <= 1.15 * fewest


def test_nothing_has_no_tokens_and_anything_has_one() -> None:
    assert estimate_tokens("") == 0
    assert estimate_tokens("a") == estimate_tokens(" ") == 1


@given(texts, texts)
def test_more_text_has_no_fewer_tokens_and_never_more_than_bytes(text: str, more: str) -> None:
    assert estimate_tokens(text) <= estimate_tokens(text + " " + more)
    assert most_tokens(text) <= len(text.encode()) + 8
