"""Findings of the preflight, from the declarations or from an account, and the report of them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum

from catalog.limits.endpoint import Breach


class Level(StrEnum):
    """Weight of a finding, the heaviest first."""

    ERROR = "error"
    """It cannot work."""
    WARNING = "warning"
    """It works, but hardly as it was meant."""
    HINT = "hint"
    """It works; there is something to know about the account."""
    NOT_CHECKED = "not checked"
    """The account did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem of the declarations, or of the account that they are for.

    Attributes:
        place: The field, the model or models, or the environment, such as `prod/falcon-180b.instance_type`.
        level: Weight of the finding.
        rule: The class of mistake, such as `unknown-model`, which docs/preflight.md explains; empty where the account
            was asked.
        value: The declared value as it is shown; empty where the message has it.
        message: The problem; empty where `allowed` says it all.
        allowed: The allowed values; empty where nothing but a change of plan helps.
        suggestion: The nearest right value; empty where there is none.
        second_hand: Whether the fact behind it has a date or is an estimate. The preflight turns such an error into a
            warning, unless the environment is strict.
        concerns: Names of all environments that it is about, where that is more than the place's.
        stacks: Paths of all models that it is about, where the place is an environment; empty for all of them.
    """

    place: str
    level: Level = Level.ERROR
    rule: str = ""
    value: str = ""
    message: str = ""
    allowed: str = ""
    suggestion: str = ""
    second_hand: bool = False
    concerns: tuple[str, ...] = ()
    stacks: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            f"{self.place} is {self.value}" if self.value else self.place,
            *([self.message] if self.message else []),
        ]
        line = ": ".join(parts)
        if self.allowed:
            line += f"; allowed: {self.allowed}"
        if self.suggestion:
            line += f"; try {self.suggestion}"
        # A declared text may hold ends of lines, or what no terminal can print.
        return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)

    @property
    def environment(self) -> str:
        """Name of the environment that the place is in."""
        return self.place.split("/")[0].split(".")[0]

    def is_about(self, environment: str) -> bool:
        """Return whether an environment's owner should read it."""
        return environment in {self.environment, *self.concerns}

    def matters_to(self, paths: Collection[str]) -> bool:
        """Return whether who deploys some models should read it.

        Args:
            paths: The models' paths, such as `prod/falcon-180b`.
        """
        if self.stacks:
            return not set(self.stacks).isdisjoint(paths)
        if "/" in self.place:
            return self.place.partition(".")[0] in paths
        return any(self.is_about(path.partition("/")[0]) for path in paths)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings of the preflight.

    Attributes:
        findings: In the order of the declarations.
    """

    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse the declarations."""
        return self._of(Level.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that do not."""
        return self._of(Level.WARNING)

    def _of(self, level: Level) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is level)


def breaches(rule: str, place: str, found: Iterator[Breach], *, subject: str | None = None) -> Iterator[Finding]:
    """Turn breaches of API limits into findings at a place.

    Args:
        rule: The class of mistake.
        place: The environment or the model.
        found: The breaches.
        subject: The declaration's name for the breached value, where the construct's is another one.
    """
    for breach in found:
        yield Finding(
            rule=rule, place=f"{place}.{subject or breach.subject}", value=breach.value, allowed=breach.allowed
        )
