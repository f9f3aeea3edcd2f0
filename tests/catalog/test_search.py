"""Words that find models of the lock."""

import pytest

from catalog import CatalogError, Lock
from catalog.search import matches, search


@pytest.mark.parametrize("word", ["g5", "ml.g5.2xlarge", "tgi", "7b", "instruct", "7b-instruct", "MISTRAL-7B".lower()])
def test_a_model_matches_what_it_is(lock: Lock, word: str) -> None:
    assert matches(lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0"), word)


@pytest.mark.parametrize("word", ["g6", "ml.g5.xlarge", "lmi", "b", "7", "stral", "gated", "eula", "package", "-", "."])
def test_a_model_does_not_match_what_it_is_not(lock: Lock, word: str) -> None:
    assert not matches(lock.model("huggingface-llm-mistral-7b-instruct", "2.0.0"), word)


def test_finds_what_matches_every_word_in_any_case(lock: Lock) -> None:
    found = search(lock, ["Mistral", "7B", "instruct"])

    assert "huggingface-llm-mistral-7b-instruct" in {model.model_id for model in found}
    assert all(matches(model, "mistral") and matches(model, "7b") and matches(model, "instruct") for model in found)


def test_refuses_words_that_match_nothing(lock: Lock) -> None:
    with pytest.raises(CatalogError, match="no model in the lock matches 'mistral no-such-word': try fewer words"):
        search(lock, ["mistral", "no-such-word"])
