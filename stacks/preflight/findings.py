"""What the preflight says: one finding a mistake, with its place, the value, what is allowed and what to try."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from catalog.limits.endpoint import Breach
from stacks.declarations import BedrockImport, FineTunedModel, ImportedModel, JumpStartModel, Model
from stacks.environments import Environment

Deployments = Sequence[tuple[Environment, Sequence[Model]]]
"""Environments with the models that each runs."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One model in one environment.

    Attributes:
        environment: The environment.
        model: The model's declaration.
    """

    environment: Environment
    model: Model

    def __str__(self) -> str:
        return f"{self.environment.name}/{self.model.name}"

    @property
    def region(self) -> str:
        """Where the model runs."""
        return self.model.region or self.environment.region

    @property
    def region_place(self) -> str:
        """Where the region is declared."""
        return f"{self}.region" if self.model.region else f"{self.environment.name}.region"

    @property
    def instance_count(self) -> int:
        """How many instances the model runs on; none where Bedrock serves it."""
        return 0

    @property
    def bedrock(self) -> BedrockImport | None:
        """How the model is imported into Bedrock, which serves it; None where an endpoint does."""
        return self.model.bedrock if isinstance(self.model, FineTunedModel | ImportedModel) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPlace(Place):
    """One model of the catalogue in one environment, as it is or tuned.

    Attributes:
        model: The model's declaration.
    """

    model: JumpStartModel

    @property
    def instance_count(self) -> int:
        """How many instances the model runs on; none where Bedrock serves it."""
        if self.bedrock:
            return 0
        if self.model.instance_count is None:
            return self.environment.instance_count
        return self.model.instance_count


def place_of(environment: Environment, model: Model) -> Place:
    """Where a model is declared, by its kind."""
    if isinstance(model, JumpStartModel):
        return CatalogPlace(environment=environment, model=model)
    return Place(environment=environment, model=model)


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
