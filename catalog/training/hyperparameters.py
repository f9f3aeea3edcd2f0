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

from catalog.nearest import did_you_mean

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


def problems(known: Sequence[Hyperparameter], values: Mapping[str, str]) -> Iterator[str]:
    """Check values for hyperparameters; yield one sentence a problem.

    Args:
        known: The recipe's hyperparameters.
        values: The values, as texts.
    """
    named = {one.name: one for one in known}
    settable = {one.name for one in known if one.is_algorithms}
    for name, value in values.items():
        if name not in settable:
            yield _unknown(name, settable, is_containers=name in named)
        elif not isinstance(value, str):
            yield f"hyperparameter {name!r} is {value!r}: allowed is text, in quotes"
        elif not named[name].accepts(value):
            yield f"hyperparameter {name!r} is {value!r}: allowed is {named[name].allowed}"
        elif len(value) > LONGEST_HYPERPARAMETER:
            yield (f"hyperparameter {name!r} has {len(value)} characters: at most {LONGEST_HYPERPARAMETER} are allowed")


def over(base: Iterable[Hyperparameter], variants: Iterable[Hyperparameter]) -> tuple[Hyperparameter, ...]:
    """Lay the hyperparameters of an instance type over those of the recipe."""
    return tuple({one.name: one for one in (*base, *variants)}.values())


def _unknown(name: str, settable: set[str], *, is_containers: bool) -> str:
    if is_containers:
        return f"hyperparameter {name!r} is the container's: it is not for you to set"
    hint = did_you_mean(name, settable) or f"it has {', '.join(sorted(settable))}"
    return f"hyperparameter {name!r} is not in the recipe: {hint}"
