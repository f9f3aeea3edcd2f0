"""Methods of fine-tuning, and the hyperparameters that select them.

Source: AWS's descriptions of fine-tuning text generation models in JumpStart (amazon-sagemaker-examples): instruction
tuning is `instruction_tuned`, chat tuning `chat_dataset`, domain adaptation neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.training.recipe import TrainingRecipe

METHODS: Mapping[str, Mapping[str, str]] = {
    "instruction": {"instruction_tuned": "True", "chat_dataset": "False"},
    "domain": {"instruction_tuned": "False", "chat_dataset": "False"},
    "chat": {"instruction_tuned": "False", "chat_dataset": "True"},
}
"""Values of hyperparameters by method."""


def offered(known: Iterable[str]) -> tuple[str, ...]:
    """Return the methods that a recipe offers.

    Args:
        known: Names of its hyperparameters.
    """
    names = set(known)
    return tuple(
        method
        for method, selected in METHODS.items()
        if all(value == "False" or name in names for name, value in selected.items())
    )


def conflicting(method: str, declared: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find declared hyperparameters that select another method; yield name and right value of each.

    Args:
        method: `instruction`, `domain` or `chat`; of any other nothing is said.
        declared: Hyperparameters as declared.
    """
    for name, value in METHODS.get(method, {}).items():
        if declared.get(name, value) != value:
            yield name, value


def method_problems(recipe: TrainingRecipe, method: str, declared: Mapping[str, str]) -> Iterator[str]:
    """List conflicts between method, recipe and declared hyperparameters.

    Args:
        recipe: The training recipe.
        method: `instruction`, `domain` or `chat`.
        declared: Hyperparameters as declared.
    """
    if method not in METHODS:
        yield f"method is {method!r}: allowed are {', '.join(METHODS)}"
        return
    known = {one.name for one in recipe.hyperparameters}
    possible = offered(known)
    if method not in possible:
        lacking = [name for name, value in METHODS[method].items() if name not in known and value == "True"]
        others = ", ".join(possible)
        yield f"method is {method!r}: {recipe.label} has no {lacking[0]}; it can be tuned by {others}"
    for name, value in conflicting(method, declared):
        if name in known:
            yield f"hyperparameter {name!r} is {declared[name]!r}: with the method {method} it is {value!r}"


def with_method(recipe: TrainingRecipe, method: str, declared: Mapping[str, str]) -> dict[str, str]:
    """Return the declared hyperparameters with those that select the method, where the recipe has them."""
    known = {one.name for one in recipe.hyperparameters}
    return {name: value for name, value in METHODS[method].items() if name in known} | dict(declared)
