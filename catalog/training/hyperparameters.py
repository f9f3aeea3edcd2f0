"""Hyperparameters of a training recipe, and checks of values for them.

The rules are those of the `sagemaker` SDK (2.257.1, `sagemaker.jumpstart.validators`), which stops at the first
fault; here all are told. What SageMaker itself allows is in API CreateTrainingJob, HyperParameters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.deployment import CatalogError, instance_family
from catalog.nearest import similar
from catalog.training.synonyms import meant
from catalog.typed import checked

MOST_HYPERPARAMETERS = 100
"""API CreateTrainingJob, HyperParameters: entries."""
LONGEST_HYPERPARAMETER = 2500
"""API CreateTrainingJob, HyperParameterValue: characters."""

_TYPES = ("int", "float", "text", "bool")
_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameter:
    """One hyperparameter as a spec lists it.

    Attributes:
        name: Its name.
        type: `int`, `float`, `text` or `bool`.
        default: Its default, as the text that is sent.
        options: The texts that are allowed; any if empty.
        minimum: Least number, or least length of a text; None for no limit.
        maximum: Largest number, or largest length.
        exclusive_minimum: What a number or length must exceed.
        exclusive_maximum: What a number or length must stay below.
        is_algorithms: Whether it is the training script's; those of the container are not for people to set.
    """

    name: str
    type: str
    default: str
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None
    exclusive_maximum: float | None = None
    is_algorithms: bool = True

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Hyperparameter:
        """Read a spec's entry.

        Raises:
            KeyError: A field is missing that every entry has.
            ValueError: Its type is not known.
        """
        if entry["type"] not in _TYPES:
            raise ValueError(f"hyperparameter {entry['name']!r} has type {entry['type']!r}: known are {_TYPES}")
        return cls(
            name=entry["name"],
            type=entry["type"],
            default=str(entry["default"]),
            options=tuple(str(option) for option in entry.get("options") or ()),
            minimum=entry.get("min"),
            maximum=entry.get("max"),
            exclusive_minimum=entry.get("exclusive_min"),
            exclusive_maximum=entry.get("exclusive_max"),
            is_algorithms=entry["scope"] == "algorithm",
        )

    def to_block(self) -> dict[str, Any]:
        """Return the hyperparameter as the lock stores it, without its name and what is empty."""
        block: dict[str, Any] = {"type": self.type, "default": self.default}
        if self.options:
            block["options"] = list(self.options)
        for name in ("minimum", "maximum", "exclusive_minimum", "exclusive_maximum"):
            if getattr(self, name) is not None:
                block[name] = getattr(self, name)
        return block if self.is_algorithms else block | {"is_algorithms": False}

    @classmethod
    def from_block(cls, name: str, block: Mapping[str, Any]) -> Hyperparameter:
        """Read a block of `to_block`.

        Raises:
            CatalogError: A field has the wrong type.
            KeyError: It has no type or no default.
            TypeError: It has an unknown field.
        """
        options = tuple(block.get("options", ()))
        one = cls(name=name, **{"type": block["type"], "default": block["default"], **block, "options": options})
        if one.type not in _TYPES:
            raise CatalogError([f"hyperparameter {name!r} has type {one.type!r}: known are {', '.join(_TYPES)}"])
        return checked(one, label=f"hyperparameter {name!r}")

    @property
    def allowed(self) -> str:
        """Allowed values, in words."""
        what = {
            "int": "a whole number",
            "float": "a number",
            "text": "text",
            "bool": "True or False",
        }[self.type]
        if self.options:
            return ", ".join(self.options)
        limits = [
            f"{words} {limit:g}"
            for words, limit in (
                ("at least", self.minimum),
                ("more than", self.exclusive_minimum),
                ("at most", self.maximum),
                ("less than", self.exclusive_maximum),
            )
            if limit is not None
        ]
        measured = " of a length of" if self.type == "text" and limits else ""
        return f"{what}{measured} {' and '.join(limits)}".rstrip()

    def accepts(self, value: str) -> bool:
        """Return whether a value is of the type, among the options and within the limits."""
        match self.type:
            case "bool":
                return value.lower() in {"true", "false"}
            case "text":
                return (not self.options or value in self.options) and self._within(len(value))
            case "int" if not _INTEGER.fullmatch(value):
                return False
        try:
            number = float(value)
        except ValueError:
            return False
        return math.isfinite(number) and self._within(number)

    def _within(self, number: float) -> bool:
        return (
            (self.minimum is None or number >= self.minimum)
            and (self.maximum is None or number <= self.maximum)
            and (self.exclusive_minimum is None or number > self.exclusive_minimum)
            and (self.exclusive_maximum is None or number < self.exclusive_maximum)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Fault of one declared hyperparameter.

    Attributes:
        name: The hyperparameter's name.
        value: The declared value as it is shown.
        message: The problem; empty where the value is none of `allowed`.
        allowed: The allowed values or names, in words.
        near: The names that may have been meant, the best first.
    """

    name: str
    value: str
    message: str = ""
    allowed: str = ""
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.near:
            return f"hyperparameter {self.name!r} {self.message}: did you mean {', '.join(self.near)}?"
        if self.message:
            return f"hyperparameter {self.name!r} {self.message}: {self.allowed}"
        return f"hyperparameter {self.name!r} is {self.value}: allowed is {self.allowed}"


def faults(known: Sequence[Hyperparameter], values: Mapping[str, str]) -> Iterator[Fault]:
    """Check values for hyperparameters; yield what is wrong.

    Args:
        known: The recipe's hyperparameters.
        values: The values, as texts.
    """
    named = {one.name: one for one in known}
    settable = {one.name for one in known if one.is_algorithms}
    for name, value in values.items():
        if name not in settable:
            yield _unknown(name, repr(value), settable, is_containers=name in named)
        elif not isinstance(value, str):
            yield Fault(name=name, value=repr(value), allowed="text, in quotes")
        elif not named[name].accepts(value):
            yield Fault(name=name, value=repr(value), allowed=named[name].allowed)
        elif len(value) > LONGEST_HYPERPARAMETER:
            yield Fault(
                name=name,
                value=repr(value),
                message=f"has {len(value)} characters",
                allowed=f"at most {LONGEST_HYPERPARAMETER} are allowed",
            )


def over(base: Iterable[Hyperparameter], variants: Iterable[Hyperparameter]) -> tuple[Hyperparameter, ...]:
    """Lay the hyperparameters of an instance type over those of the recipe."""
    return tuple({one.name: one for one in (*base, *variants)}.values())


def on_instance(
    base: Iterable[Hyperparameter], variants: Mapping[str, Sequence[Hyperparameter]], instance_type: str
) -> tuple[Hyperparameter, ...]:
    """Return a recipe's hyperparameters on an instance type: those of the exact type go before its family's."""
    return over(base, (*variants.get(instance_family(instance_type), ()), *variants.get(instance_type, ())))


def _unknown(name: str, value: str, settable: set[str], *, is_containers: bool) -> Fault:
    if is_containers:
        return Fault(name=name, value=value, message="is the container's", allowed="it is not for you to set")
    near = (found,) if (found := meant(name, settable)) else similar(name, settable)
    allowed = f"it has {', '.join(sorted(settable))}"
    return Fault(name=name, value=value, message="is not in the recipe", allowed=allowed, near=near)
