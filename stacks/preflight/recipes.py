"""Checks of a fine-tuning declaration against its base model's training recipe.

The recipe is the lock's, where it was read from JumpStart's live cache. Until then second-hand facts stand in for it,
so that what only follows from them is a warning unless the environment is strict.
"""

from collections.abc import Iterator

from catalog import CatalogError, Lock
from catalog.limits.training import INSTANCE_TYPE
from catalog.nearest import similar
from catalog.training.exclusive import QUANTIZED, SHARDED, conflicts
from catalog.training.facts import TrainingFacts
from catalog.training.hyperparameters import LONGEST_HYPERPARAMETER, faults
from catalog.training.methods import METHODS, conflicting
from catalog.training.second_hand import second_hand, tunable_models
from catalog.training.split import SPLIT, differs
from stacks.declarations import FineTunedModel
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding


def check_declared_values(placement: AnyPlacement, model: FineTunedModel) -> Iterator[Finding]:
    """Check what contradicts itself in a declaration, whatever the recipe is.

    Args:
        placement: The model and its environment.
        model: The same model, by its type.
    """
    declared = model.hyperparameters
    for name, value in conflicting(model.method, declared):
        yield Finding(
            rule="method-hyperparameter",
            place=_field(placement, name),
            value=repr(declared[name]),
            message=f"the method {model.method!r} sets it to {value!r}",
            suggestion="leaving it out, or another method",
        )
    if differs(model.validation_split, declared.get(SPLIT)):
        yield Finding(
            rule="validation",
            place=_field(placement, SPLIT),
            value=repr(declared[SPLIT]),
            message=f"validation_split is {model.validation_split}, and both are the share that is held back",
            suggestion="leaving one of them out",
        )
    if QUANTIZED in declared and SHARDED in declared:
        yield from _check_exclusive(placement, model, {name: declared[name] for name in (QUANTIZED, SHARDED)}, None)


def recipe_facts(model: FineTunedModel, lock: Lock) -> TrainingFacts | None:
    """Return the facts of a model's recipe: the lock's, or else second-hand ones; None where there are none."""
    try:
        locked = lock.training(model.model_id, model.version)
    except CatalogError:
        # An unknown version, or a broken lock, has a finding of its own.
        return None
    return locked or second_hand(model.model_id)


def check_recipe(placement: AnyPlacement, model: FineTunedModel, facts: TrainingFacts) -> Iterator[Finding]:
    """Check a declaration against its recipe.

    Args:
        placement: The model and its environment.
        model: The same model, by its type.
        facts: The recipe's facts.
    """
    if facts.problem is not None:
        known = [one for one in tunable_models() if one != model.model_id]
        # The base of a model that was tuned by its maker has the beginning of its name.
        bases = sorted((one for one in known if model.model_id.startswith(one)), key=len, reverse=True)
        near = list(dict.fromkeys([*bases, *similar(model.model_id, known)]))
        yield Finding(
            rule="not-tunable",
            place=f"{placement}.model_id",
            value=repr(model.model_id),
            message=_with_origin(facts.problem, facts),
            suggestion=_try(" or ".join(near[:2]), model, facts),
            second_hand=facts.second_hand is not None,
        )
        return
    yield from _check_instance_type(placement, model, facts)
    yield from _check_method(placement, model, facts)
    yield from _check_hyperparameters(placement, model, facts)


def _check_instance_type(placement: AnyPlacement, model: FineTunedModel, facts: TrainingFacts) -> Iterator[Finding]:
    chosen, listed = model.training_instance_type, facts.instance_types
    if not listed or chosen in listed or not INSTANCE_TYPE.fullmatch(chosen):
        # A malformed name has a finding of its own.
        return
    yield Finding(
        rule="training-instance-type",
        place=f"{placement}.training_instance_type",
        value=repr(chosen),
        message=_with_origin(f"{_label(model)} is not trained on it", facts),
        allowed=", ".join(listed),
        suggestion=_try(facts.default_instance_type or listed[0], model, facts),
        second_hand=facts.second_hand is not None,
    )


def _check_method(placement: AnyPlacement, model: FineTunedModel, facts: TrainingFacts) -> Iterator[Finding]:
    if not facts.methods or model.method in facts.methods or model.method not in METHODS:
        return
    lacking = next(name for name, value in METHODS[model.method].items() if value == "True")
    yield Finding(
        rule="method-not-offered",
        place=f"{placement}.method",
        value=repr(model.method),
        message=_with_origin(f"the recipe of {_label(model)} has no {lacking}", facts),
        allowed=", ".join(facts.methods),
        suggestion=_try("", model, facts),
        second_hand=facts.second_hand is not None,
    )


def _check_hyperparameters(placement: AnyPlacement, model: FineTunedModel, facts: TrainingFacts) -> Iterator[Finding]:
    known = facts.hyperparameters_on(model.training_instance_type)
    if not known:
        return
    # What no recipe takes has a finding of its own.
    declared = {
        name: value
        for name, value in model.hyperparameters.items()
        if isinstance(value, str) and len(value) <= LONGEST_HYPERPARAMETER
    }
    for fault in faults(known, declared):
        message = f"it {fault.message}" if fault.message else f"{_label(model)} does not take it"
        yield Finding(
            rule="recipe-hyperparameter",
            place=_field(placement, fault.name),
            value=fault.value,
            message=_with_origin(message, facts),
            allowed="" if fault.near else fault.allowed,
            suggestion=_try(" or ".join(fault.near), model, facts),
            second_hand=facts.second_hand is not None,
        )
    if not {QUANTIZED, SHARDED} <= declared.keys():
        complete = {one.name: declared.get(one.name, one.default) for one in known}
        yield from _check_exclusive(placement, model, complete, facts)


def _check_exclusive(
    placement: AnyPlacement, model: FineTunedModel, values: dict[str, str], facts: TrainingFacts | None
) -> Iterator[Finding]:
    """Check values that exclude each other; `facts` are those that defaults among them come from."""
    for problem in conflicts(values, model_id=model.model_id, instance_type=model.training_instance_type):
        yield Finding(
            rule="exclusive-hyperparameters",
            place=f"{placement}.hyperparameters",
            message=_with_origin(problem, facts) if facts else problem,
            second_hand=facts is not None and facts.second_hand is not None,
        )


def _field(placement: AnyPlacement, name: str) -> str:
    return f"{placement}.hyperparameters[{name!r}]"


def _label(model: FineTunedModel) -> str:
    return f"{model.model_id} {model.version}"


def _with_origin(message: str, facts: TrainingFacts) -> str:
    return f"{message} ({facts.second_hand})" if facts.second_hand else message


def _try(near: str, model: FineTunedModel, facts: TrainingFacts) -> str:
    """Return a suggestion; where facts are second-hand, with the command that reads AWS's own."""
    if facts.second_hand is None:
        return near
    command = f"./jumpstack catalog update {model.model_id}@{model.version} --source live for AWS's own recipe"
    return f"{near}, or {command}" if near else command
