"""What the preflight says: one finding a mistake, with its place, the value, what is allowed and what to try."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from catalog.limits.endpoint import Breach


class Severity(StrEnum):
    """How sure a finding is, and so what it does."""

    ERROR = "error"
    """It cannot work."""
    SECOND_HAND = "second-hand"
    """It probably cannot, by a dated or estimated fact: a warning, or an error where the environment is strict."""
    WARNING = "warning"
    """It works, but hardly as it was meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with the declarations.

    Attributes:
        rule: The class of mistake, such as `unknown-model`; docs/preflight.md explains each.
        place: Where it is declared, such as `prod/falcon-180b.instance_type`.
        value: What is declared there, as it is shown.
        message: What is wrong with it; empty where `allowed` says it all.
        allowed: What is allowed; empty where nothing but a change of plan is.
        suggestion: The nearest right value; empty where there is none.
        severity: Whether it refuses the declarations.
    """

    rule: str
    place: str
    value: str
    message: str = ""
    allowed: str = ""
    suggestion: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        line = f"{self.place} is {self.value}"
        if self.message:
            line += f": {self.message}"
        if self.allowed:
            line += f"; allowed: {self.allowed}"
        if self.suggestion:
            line += f"; try {self.suggestion}"
        return line


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that the preflight found.

    Attributes:
        errors: What refuses the declarations.
        warnings: What does not.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def breaches(rule: str, place: str, found: Iterator[Breach], *, subject: str | None = None) -> Iterator[Finding]:
    """Give breaches of API limits their place.

    Args:
        rule: The class of mistake.
        place: The environment or the model.
        found: The breaches.
        subject: What the declaration calls the breached value, where it differs from what the construct calls it.
    """
    for breach in found:
        yield Finding(
            rule=rule, place=f"{place}.{subject or breach.subject}", value=breach.value, allowed=breach.allowed
        )
