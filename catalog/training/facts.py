"""Facts of a training recipe that a declaration is checked against at synthesis: no image, script or artifact.

They come from a spec document (`read_facts`), through the lock, or second-hand (`catalog.training.second_hand`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.deployment import CatalogError
from catalog.training.hyperparameters import Hyperparameter, on_instance
from catalog.training.methods import offered
from catalog.training.recipe import read_recipe, spec_sha256

__all__ = ["TrainingFacts", "changes", "from_block", "read_facts", "spec_sha256", "to_block"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFacts:
    """Facts of a training recipe; second-hand ones may be incomplete.

    Attributes:
        problem: Reason why the version cannot be fine-tuned; None where it can.
        default_instance_type: Instance type that AWS chose for training; None where it is not known.
        instance_types: Instance types that AWS supports training on, in the spec's order; empty where not known.
        hyperparameters: The recipe's, the container's own among them; empty where not known.
        variant_hyperparameters: Further or other ones, by instance family or type.
        second_hand: Source, version and date of second-hand facts, in words; None where they are of AWS's own spec.
    """

    problem: str | None = None
    default_instance_type: str | None = None
    instance_types: tuple[str, ...] = ()
    hyperparameters: tuple[Hyperparameter, ...] = ()
    variant_hyperparameters: Mapping[str, tuple[Hyperparameter, ...]] = field(default_factory=dict)
    second_hand: str | None = None

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that the recipe offers; empty where its hyperparameters are not known."""
        return offered(one.name for one in self.hyperparameters) if self.hyperparameters else ()

    def hyperparameters_on(self, instance_type: str) -> tuple[Hyperparameter, ...]:
        """Return the hyperparameters on an instance type."""
        return on_instance(self.hyperparameters, self.variant_hyperparameters, instance_type)


def read_facts(document: Mapping[str, Any]) -> TrainingFacts:
    """Read the facts of a spec document.

    A document whose training part cannot be used gives facts with that problem: *prepare* would refuse it, too.
    """
    try:
        recipe = read_recipe(document)
    except CatalogError as error:
        return TrainingFacts(problem="; ".join(error.problems))
    return TrainingFacts(
        default_instance_type=recipe.default_instance_type,
        instance_types=recipe.instance_types,
        hyperparameters=recipe.hyperparameters,
        variant_hyperparameters=recipe.variant_hyperparameters,
    )


def to_block(facts: TrainingFacts) -> dict[str, Any]:
    """Return facts as the lock stores them: what is empty is left out, and hyperparameters are sorted by name."""
    if facts.problem is not None:
        return {"problem": facts.problem}
    block: dict[str, Any] = {
        "default_instance_type": facts.default_instance_type,
        "instance_types": list(facts.instance_types),
        "hyperparameters": _to_blocks(facts.hyperparameters),
        "variant_hyperparameters": {
            variant: _to_blocks(own) for variant, own in facts.variant_hyperparameters.items() if own
        },
    }
    return {name: value for name, value in block.items() if value}


def from_block(block: Mapping[str, Any], *, second_hand: str | None = None) -> TrainingFacts:
    """Read a block of `to_block`.

    Raises:
        CatalogError: A hyperparameter is not of the form.
        AttributeError: A field has the wrong form.
        KeyError: A hyperparameter has no type or default.
        TypeError: A field has the wrong form, or is unknown.
    """
    read = dict(block)
    return TrainingFacts(
        instance_types=tuple(read.pop("instance_types", ())),
        hyperparameters=_from_blocks(read.pop("hyperparameters", {})),
        variant_hyperparameters={
            variant: _from_blocks(own) for variant, own in read.pop("variant_hyperparameters", {}).items()
        },
        second_hand=second_hand,
        **read,
    )


def changes(before: TrainingFacts | None, after: TrainingFacts | None) -> Iterator[str]:
    """Describe the differences between the training facts of two versions; yield one line a change."""
    if before == after:
        return
    if before is None or after is None:
        yield "the training recipe leaves the lock" if after is None else "the training recipe joins the lock"
        return
    if before.problem != after.problem:
        yield f"fine-tuning: {before.problem or 'possible'} -> {after.problem or 'possible'}"
    if before.default_instance_type != after.default_instance_type:
        yield f"default training instance type: {before.default_instance_type} -> {after.default_instance_type}"
    yield from _difference("training instance types", before.instance_types, after.instance_types)
    left, right = ({one.name: one for one in facts.hyperparameters} for facts in (before, after))
    yield from _difference("hyperparameters", left, right)
    for name in sorted({*left} & {*right}):
        if left[name] != right[name]:
            yield f"hyperparameter {name}: {_words(left[name])} -> {_words(right[name])}"
    if before.variant_hyperparameters != after.variant_hyperparameters:
        yield "hyperparameters on some instance types"


def _difference(
    title: str, before: Sequence[str] | Mapping[str, Any], after: Sequence[str] | Mapping[str, Any]
) -> Iterator[str]:
    left, right = set(before), set(after)
    changed = [f"+{name}" for name in sorted(right - left)] + [f"-{name}" for name in sorted(left - right)]
    if changed:
        yield f"{title}: {', '.join(changed)}"


def _words(one: Hyperparameter) -> str:
    return f"{one.default} ({one.allowed})"


def _to_blocks(hyperparameters: Sequence[Hyperparameter]) -> dict[str, dict[str, Any]]:
    return {one.name: one.to_block() for one in sorted(hyperparameters, key=lambda one: one.name)}


def _from_blocks(blocks: Mapping[str, Mapping[str, Any]]) -> tuple[Hyperparameter, ...]:
    return tuple(Hyperparameter.from_block(name, block) for name, block in blocks.items())
