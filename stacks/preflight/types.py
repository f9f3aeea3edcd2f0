"""Check of the types of all declarations, before any other check.

The types are those that the dataclasses declare, so that a new field is covered by itself. The other checks read only
declarations whose types are right, and need not expect anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from stacks.declarations import FineTunedModel, ImportedModel, JumpStartModel, Model
from stacks.environments import Environment
from stacks.placement import Deployments
from stacks.preflight.findings import Finding
from stacks.preflight.meant import meant, options, shown, words

_LIST = "DEPLOYMENTS"
_MODEL = JumpStartModel | FineTunedModel | ImportedModel
_PAIR = "(an environment, (its models, ...))"
# AWS's numbers have at most so many bits; Python's have no end, and texts of them may have none.
_BITS = 63


def check_types(deployments: Any) -> tuple[Deployments, list[Finding]]:
    """Check all declarations for values of other types than their fields have.

    Args:
        deployments: What should be environments with the models that each runs.

    Returns:
        The environments and models that are right, for the other checks; and a finding for every value that is not. An
        environment that is wrong takes its models with it.
    """
    if not isinstance(deployments, list | tuple):
        return [], [_finding(_LIST, deployments, f"a sequence of {_PAIR}")]
    right: list[tuple[Environment, Sequence[Model]]] = []
    found: list[Finding] = []
    for number, pair in enumerate(deployments):
        at = f"{_LIST}[{number}]"
        if not isinstance(pair, list | tuple) or len(pair) != len(("environment", "models")):
            comma = "a comma after each pair: ((DEV, (FALCON_7B,)),)" if isinstance(pair, Environment | Model) else ""
            found.append(_finding(at, pair, _PAIR, suggestion=comma))
            continue
        environment, models = pair
        name = _name(environment)
        wrong = list(type_findings(environment, Environment, name or f"{at}[0]"))
        usable, within = _check_models(models, at=f"{at}[1]", environment=name)
        if not wrong:
            right.append((environment, usable))
        concerns = (name,) if name else ()
        found += [replace(finding, concerns=concerns) for finding in (*wrong, *within)]
    names = tuple(
        name for pair in deployments if isinstance(pair, list | tuple) for name in map(_name, pair[:1]) if name
    )
    # What belongs to no environment, everybody should read.
    return right, [finding if finding.concerns else replace(finding, concerns=names) for finding in found]


def _check_models(models: Any, *, at: str, environment: str) -> tuple[list[Model], list[Finding]]:
    if not isinstance(models, list | tuple):
        place = f"what {environment} runs" if environment else at
        comma = "parentheses with a comma: (FALCON_7B,)" if isinstance(models, Model) else ""
        return [], [_finding(place, models, "a sequence of models", suggestion=comma)]
    usable: list[Model] = []
    found: list[Finding] = []
    for number, model in enumerate(models):
        name = _name(model)
        place = f"{environment}/{name}" if environment and name else f"{at}[{number}]"
        wrong = list(type_findings(model, _MODEL, place))
        found += wrong
        usable += [] if wrong else [model]
    return usable, found


def _name(declared: Any) -> str:
    """Return the name of an environment or a model; empty where it has none that a place could be called by."""
    name = getattr(declared, "name", None) if isinstance(declared, Environment | Model) else None
    return name if isinstance(name, str) and name.isprintable() else ""


def type_findings(value: object, hint: Any, place: str) -> Iterator[Finding]:
    """Yield a finding for everything in a value that has another type than a hint says.

    Args:
        value: A declaration, or a field's value.
        hint: Its type: a text, number, bool, None, a `Literal`, an enumeration, a dataclass, a `Mapping`, a `Sequence`,
            or a union of these.
        place: The value's place.

    Raises:
        TypeError: If the hint is of no kind that is known here.
    """
    kind = next((one for one in options(hint) if _is_kind(value, one)), MISSING)
    if kind is MISSING:
        yield _finding(place, value, words(hint), suggestion=meant(value, hint))
    elif isinstance(value, str) and not _is_unicode(value):
        yield _finding(place, value, "a text that UTF-8 can hold, without halves of surrogate pairs")
    elif isinstance(value, int) and value.bit_length() > _BITS:
        yield Finding(rule="type", place=place, value="too large a number", allowed=f"a number of at most {_BITS} bits")
    elif isinstance(value, Mapping):
        key_hint, entry_hint = get_args(kind)
        for key, entry in value.items():
            if wrong := list(type_findings(key, key_hint, place)):
                yield replace(wrong[0], place=f"a key of {place}")
            else:
                yield from type_findings(entry, entry_hint, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for number, entry in enumerate(value):
            yield from type_findings(entry, get_args(kind)[0], f"{place}[{number}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for field, field_hint in _hints(type(value)):
            inner = getattr(value, field.name)
            for finding in type_findings(inner, field_hint, f"{place}.{field.name}"):
                optional = inner is None and _has_default(field)
                yield replace(finding, suggestion="leaving it out") if optional else finding


@cache
def _hints(kind: type[Any]) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field, hints[field.name]) for field in fields(kind))


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _is_kind(value: object, hint: Any) -> bool:
    """Return whether a value is of a hint's own type, whatever is in it."""
    origin = get_origin(hint) or hint
    if origin is Literal:
        # Another text than those is a finding of its own, which names the nearest.
        return type(value) in {type(one) for one in get_args(hint)}
    if origin is Sequence:
        return isinstance(value, list | tuple)
    if origin in (int, float):
        return isinstance(value, (int, float) if origin is float else int) and not isinstance(value, bool)
    if origin in (str, bool, NoneType, Mapping):
        return isinstance(value, origin)
    if isinstance(origin, type) and (is_dataclass(origin) or issubclass(origin, Enum)):
        return isinstance(value, origin)
    raise TypeError(f"{hint!r} is a type that the preflight cannot check: allowed are those that it names")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finding(place: str, value: object, allowed: str, *, suggestion: str = "") -> Finding:
    return Finding(rule="type", place=place, value=shown(value), allowed=allowed, suggestion=suggestion)
