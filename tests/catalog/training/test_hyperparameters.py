"""Values that hyperparameters take, and hyperparameters that an instance type changes."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.training.hyperparameters import Hyperparameter, over
from catalog.training.recipe import TrainingRecipe


def _hyperparameter(**entry: Any) -> Hyperparameter:
    return Hyperparameter.read({"name": "x", "type": "int", "default": 1, "scope": "algorithm", **entry})


@pytest.mark.parametrize(
    ("entry", "accepted", "refused"),
    [
        ({"min": 2}, ["2", "3"], ["1", "-2"]),
        ({"max": 2}, ["2", "1"], ["3"]),
        ({"exclusive_min": 2}, ["3"], ["2", "1"]),
        ({"exclusive_max": 2}, ["1"], ["2", "3"]),
        ({"min": 2, "max": 2}, ["2"], ["1", "3"]),
        ({"min": 0, "max": 0}, ["0"], ["1", "-1"]),
        ({}, ["0", "-1", "+7"], ["1.5", "1e3", "x", "", "1 2"]),
        ({"type": "float", "min": 0.5, "max": 1}, ["0.5", "1", "1.0", "7e-1"], ["0.4999", "1.0001", "x", "nan"]),
        ({"type": "float", "exclusive_min": 0, "exclusive_max": 1}, ["0.1"], ["0", "0.0", "1", "inf", "-inf"]),
        ({"type": "float"}, ["0", "-1e9"], ["inf", "-inf", "nan"]),
        ({"type": "text", "min": 1, "max": 3}, ["a", "abc"], ["", "abcd"]),
        ({"type": "text", "options": ["a", "b"]}, ["a", "b"], ["c", ""]),
        ({"type": "text"}, ["", "anything"], []),
        ({"type": "bool"}, ["True", "false"], ["yes", "1", ""]),
    ],
    ids=str,
)
def test_takes_values_up_to_a_limit_and_none_beyond(
    entry: dict[str, Any], accepted: list[str], refused: list[str]
) -> None:
    one = _hyperparameter(**entry)

    assert [value for value in [*accepted, *refused] if one.accepts(value)] == accepted


def test_lays_the_hyperparameters_of_a_variant_over_the_base() -> None:
    base = (replace(_hyperparameter(), name="a"), replace(_hyperparameter(), name="b"))
    changed = replace(_hyperparameter(default=2), name="a")
    further = replace(_hyperparameter(default=3), name="c")

    assert over(base, [changed, further]) == (changed, base[1], further)


def test_an_instance_type_has_its_familys_hyperparameters_and_its_own_over_those(recipe: TrainingRecipe) -> None:
    base, family, own = (_hyperparameter(default=default) for default in (1, 2, 3))
    only_family = replace(family, name="y")
    varied = replace(
        recipe,
        hyperparameters=(base,),
        variant_hyperparameters={"g5": (family, only_family), "ml.g5.12xlarge": (own,)},
    )

    assert varied.hyperparameters_on("ml.g5.12xlarge") == (own, only_family)
    assert varied.hyperparameters_on("ml.g5.2xlarge") == (family, only_family)
    assert varied.hyperparameters_on("ml.p4d.24xlarge") == (base,)


def test_an_instance_type_has_its_familys_environment_and_its_own_over_it(recipe: TrainingRecipe) -> None:
    varied = replace(
        recipe, variant_environments={"g5": {"A": "family", "B": "family"}, "ml.g5.12xlarge": {"A": "own"}}
    )

    assert varied.environment_on("ml.g5.12xlarge") == {"A": "own", "B": "family"}
    assert varied.environment_on("ml.g5.2xlarge") == {"A": "family", "B": "family"}
    assert varied.environment_on("ml.p4d.24xlarge") == {}


def test_an_instance_type_has_its_own_metrics_in_place_of_those_of_the_same_name(recipe: TrainingRecipe) -> None:
    varied = replace(
        recipe,
        metrics=({"Name": "loss", "Regex": "base"}, {"Name": "epoch", "Regex": "base"}),
        variant_metrics={
            "g5": ({"Name": "loss", "Regex": "family"}, {"Name": "speed", "Regex": "family"}),
            "ml.g5.12xlarge": ({"Name": "loss", "Regex": "own"},),
        },
    )

    assert varied.metrics_on("ml.g5.12xlarge") == [
        {"Name": "epoch", "Regex": "base"},
        {"Name": "loss", "Regex": "own"},
        {"Name": "speed", "Regex": "family"},
    ]
    assert varied.metrics_on("ml.p4d.24xlarge") == [
        {"Name": "loss", "Regex": "base"},
        {"Name": "epoch", "Regex": "base"},
    ]
