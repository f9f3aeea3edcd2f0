"""Other tools' names of hyperparameters."""

import pytest

from catalog.training.second_hand import second_hand
from catalog.training.synonyms import _MEANT, _NAMES, meant


def _known() -> set[str]:
    recipes = [second_hand(f"huggingface-llm-{name}") for name in ("mistral-7b", "gemma-2b-instruct")]
    recipes.append(second_hand("meta-textgeneration-llama-3-1-70b"))
    return {one.name for facts in recipes if facts for one in facts.hyperparameters}


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("num_train_epochs", "epoch"),
        ("epochs", "epoch"),
        ("Epoch", "epoch"),
        ("max-seq-length", "max_input_length"),
        ("batch_size", "per_device_train_batch_size"),
        ("lr", "learning_rate"),
        ("load_in_8bit", "int8_quantization"),
        ("fsdp", "enable_fsdp"),
        ("unheard_of", None),
    ],
)
def test_finds_what_is_meant(name: str, right: str | None) -> None:
    assert meant(name, _known()) == right


def test_names_nothing_that_the_recipe_lacks() -> None:
    assert meant("num_train_epochs", {"learning_rate"}) is None


def test_stands_for_names_that_recipes_have_and_never_for_two() -> None:
    assert _NAMES.keys() <= _known()
    assert not _MEANT.keys() & _known()
    assert len(_MEANT) == sum(len(others) for others in _NAMES.values())
