"""The nearest right values to a wrong one."""

import pytest

from catalog import Lock
from catalog.limits.endpoint import LOG_RETENTION_DAYS
from catalog.nearest import did_you_mean, nearest_number, similar, similar_models


def test_finds_what_holds_the_text_before_what_looks_like_it() -> None:
    assert similar("falcon", ["a-falcon-7b", "falco", "other"]) == ("a-falcon-7b", "falco")
    assert similar("", ["a"]) == ()


def test_finds_four_at_most_and_each_once() -> None:
    assert similar("falcon", [f"falcon-{size}" for size in "123456"]) == tuple(f"falcon-{size}" for size in "1234")
    assert similar("falcon", ["falcon-1", "falcom", "falcos", "falcop", "falcoq"])[0] == "falcon-1"
    assert len(similar("falcon", ["falcon-1", "falcom", "falcos", "falcop", "falcoq"])) == 4


def test_asks_whether_that_was_meant_where_something_is_similar() -> None:
    assert did_you_mean("epochs", ["epoch", "seed"]) == "did you mean epoch?"
    assert did_you_mean("falcon", ["falcon-7b", "falcon-40b"]) == "did you mean falcon-40b, falcon-7b?"
    assert did_you_mean("x", ["epoch", "seed"]) == ""


@pytest.mark.parametrize(("number", "nearest"), [(31, 30), (2, 3), (-1, 1), (9999, 3653)])
def test_the_nearest_number_is_the_larger_of_two(number: int, nearest: int) -> None:
    assert nearest_number(number, LOG_RETENTION_DAYS) == nearest


@pytest.mark.parametrize(
    ("wrong", "family"),
    [
        ("huggingface-reasoning-qwen3-8b", "qwen"),
        ("huggingface-llm-gemma-4-9b", "gemma"),
        ("meta-textgeneration-llama-4-scout", "llama"),
        ("openai-reasoning-gpt-oss-20b", "gpt"),
        ("Falcon-H1-7B", "falcon"),
        ("deepseek", "deepseek"),
    ],
)
def test_suggests_models_of_the_same_family(lock: Lock, wrong: str, family: str) -> None:
    found = similar_models(wrong, lock.model_ids())
    assert family in found[0]
    assert all(family in model_id for model_id in found)


def test_suggests_the_model_whose_id_has_a_typing_error(lock: Lock) -> None:
    wrong = "huggingface-llm-mistrl-7b-instruct"
    assert similar_models(wrong, lock.model_ids())[0] == "huggingface-llm-mistral-7b-instruct"


def test_suggests_no_model_where_only_the_publisher_is_the_same(lock: Lock) -> None:
    assert similar_models("huggingface-llm-nothing-9b-base", lock.model_ids()) == ()
    assert similar_models("openai-reasoning-nothing", lock.model_ids()) == ()
