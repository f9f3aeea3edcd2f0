"""Methods of fine-tuning, and the hyperparameters that select them.

Source: AWS's descriptions of fine-tuning text generation models in JumpStart (amazon-sagemaker-examples): instruction
tuning is `instruction_tuned`, chat tuning `chat_dataset`, domain adaptation neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog.training.recipe import TrainingRecipe

METHODS: Mapping[str, Mapping[str, str]] = {
    "instruction": {"instruction_tuned": "True", "chat_dataset": "False"},
    "domain": {"instruction_tuned": "False", "chat_dataset": "False"},
    "chat": {"instruction_tuned": "False", "chat_dataset": "True"},
}
"""Values of hyperparameters by method."""


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
    for name, value in METHODS[method].items():
        if name not in known and value == "True":
            others = [one for one, says in METHODS.items() if all(says[n] == "False" or n in known for n in says)]
            yield f"method is {method!r}: {recipe.label} has no {name}; it can be tuned by {', '.join(others)}"
        elif declared.get(name, value) != value:
            yield f"hyperparameter {name!r} is {declared[name]!r}: with the method {method} it is {value!r}"


def with_method(recipe: TrainingRecipe, method: str, declared: Mapping[str, str]) -> dict[str, str]:
    """Return the declared hyperparameters with those that select the method, where the recipe has them."""
    known = {one.name for one in recipe.hyperparameters}
    return {name: value for name, value in METHODS[method].items() if name in known} | dict(declared)
