"""Hyperparameters of Llama that exclude each other, as AWS's notebooks say."""

from dataclasses import replace

import pytest

from catalog.training.exclusive import conflicts
from catalog.training.recipe import TrainingRecipe, read_recipe
from tests.training.jumpstart_cache import spec

SMALL, LARGE = "meta-textgeneration-llama-3-2-3b-instruct", "meta-textgeneration-llama-3-1-70b-instruct"


@pytest.mark.parametrize(
    ("quantized", "sharded", "model_id", "instance_type", "said"),
    [
        ("True", "True", SMALL, "ml.g5.12xlarge", "does not quantize with FSDP"),
        ("True", "True", SMALL, "ml.p4d.24xlarge", "does not quantize with FSDP"),
        ("False", "False", SMALL, "ml.g5.12xlarge", "the memory of ml.g5.12xlarge does not suffice"),
        ("False", "False", SMALL, "ml.p4d.24xlarge", None),
        ("True", "False", SMALL, "ml.g5.12xlarge", None),
        ("False", "True", SMALL, "ml.g5.12xlarge", None),
        ("False", "True", LARGE, "ml.g5.48xlarge", "too large for FSDP"),
        ("False", "True", "meta-textgeneration-llama-codellama-70b", "ml.g5.48xlarge", "too large for FSDP"),
        ("False", "True", "meta-textgeneration-llama-2-70b-f", "ml.g5.48xlarge", "too large for FSDP"),
        ("True", "False", LARGE, "ml.g5.48xlarge", None),
        ("yes", "True", SMALL, "ml.g5.12xlarge", None),
    ],
)
def test_finds_each_conflict(quantized: str, sharded: str, model_id: str, instance_type: str, said: str | None) -> None:
    values = {"int8_quantization": quantized, "enable_fsdp": sharded}
    found = list(conflicts(values, model_id=model_id, instance_type=instance_type))

    assert [said is not None and said in sentence for sentence in found] == ([True] if said else [])


def test_says_nothing_where_the_recipe_has_neither() -> None:
    assert list(conflicts({"epoch": "1"}, model_id=SMALL, instance_type="ml.g5.12xlarge")) == []


@pytest.fixture
def llama() -> TrainingRecipe:
    return read_recipe(spec(SMALL, "1.0.6"))


@pytest.mark.parametrize(
    ("declared", "conflict"),
    [
        ({"int8_quantization": "True"}, True),
        ({"enable_fsdp": "False"}, True),
        ({"int8_quantization": "True", "enable_fsdp": "False"}, False),
        ({}, False),
    ],
)
def test_a_recipe_compares_declared_values_with_its_defaults(
    llama: TrainingRecipe, declared: dict[str, str], conflict: bool
) -> None:
    assert bool(llama.hyperparameter_problems(declared, instance_type="ml.g5.12xlarge")) is conflict


def test_defaults_of_70b_quantize_and_do_not_shard(llama: TrainingRecipe) -> None:
    """The defaults of Llama 3.1 70B are the other way round."""
    swapped = {"int8_quantization": "True", "enable_fsdp": "False"}
    large = replace(
        llama,
        model_id=LARGE,
        hyperparameters=tuple(
            replace(one, default=swapped.get(one.name, one.default)) for one in llama.hyperparameters
        ),
    )

    assert large.hyperparameter_problems({}, instance_type="ml.g5.48xlarge") == []
    (problem,) = large.hyperparameter_problems({"int8_quantization": "False"}, instance_type="ml.g5.48xlarge")
    assert "both 'False'" in problem
