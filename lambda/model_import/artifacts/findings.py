"""Findings in a model's files: what is wrong, where, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple

_KEEP = 5
"""Findings of one rule that are listed; the others are counted."""
_LONGEST_MESSAGE = 8000
"""Characters of an error's message. Step Functions takes 32,768 as a cause, which holds the message as JSON."""


class Severity(Enum):
    """Severity of a finding: errors stop an import.

    Attributes:
        ERROR: Bedrock refuses the files, or the model would answer nonsense.
        WARNING: The import succeeds, possibly without something that was intended.
    """

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        severity: The severity.
        rule: A short name of the rule, the same in every report.
        place: The file, and the tensor or field in it; empty for the folder as a whole.
        problem: What is wrong, with the value.
        allowed: What is allowed, or what to do.
    """

    severity: Severity
    rule: str
    place: str
    problem: str
    allowed: str

    def __str__(self) -> str:
        text = f"{self.place}: {self.problem}" if self.place else self.problem
        return f"{text} ({self.allowed})" if self.allowed else text

    def as_json(self) -> dict[str, str]:
        """Return the finding as it appears in a report."""
        return {**self._asdict(), "severity": self.severity.value}


class Findings:
    """Collects findings; keeps the first few of each rule and counts the others."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: dict[tuple[Severity, str], int] = {}

    def error(self, rule: str, place: str, problem: str, allowed: str) -> None:
        """Record an error, which stops the import; the arguments are `Finding`'s."""
        self._add(Finding(Severity.ERROR, rule, place, problem, allowed))

    def warning(self, rule: str, place: str, problem: str, allowed: str) -> None:
        """Record a warning about something allowed that is probably not intended; the arguments are `Finding`'s."""
        self._add(Finding(Severity.WARNING, rule, place, problem, allowed))

    def _add(self, finding: Finding) -> None:
        kind = (finding.severity, finding.rule)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        if self._counts[kind] <= _KEEP:
            self._kept.append(finding)

    def of(self, severity: Severity) -> Iterator[Finding]:
        """Yield the findings of one severity, in order; those beyond a rule's first few as one with their number."""
        for kind, count in self._counts.items():
            if kind[0] is severity:
                yield from (finding for finding in self._kept if (finding.severity, finding.rule) == kind)
                if count > _KEEP:
                    yield Finding(severity, kind[1], "", f"and {count - _KEEP} more findings like these", "")


class Report(NamedTuple):
    """The findings of the check, and the model's facts.

    Attributes:
        place: The folder or S3 URI.
        errors: Findings that stop an import.
        warnings: Findings that stop nothing.
        facts: Facts of the model, as JSON: `architecture`, `contextTokens`, `weightBytes`, `parameters`, `shards`,
            `chatTemplate` and `converse` (whether Converse can be expected to work), and `version`, the
            12 hexadecimal digits that change with the content. A fact that the files lack is None.
    """

    place: str
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    facts: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return the report as a function's result: `weights`, `errors`, `warnings` and the facts."""
        return {
            "weights": self.place,
            "errors": [finding.as_json() for finding in self.errors],
            "warnings": [finding.as_json() for finding in self.warnings],
            **self.facts,
        }


class ArtifactError(Exception):
    """The files cannot be imported; the message lists all errors and fits into a cause of Step Functions."""

    def __init__(self, report: Report) -> None:
        count = len(report.errors)
        lines = [f"{report.place} cannot be imported, {count} error{'s' if count != 1 else ''}:"]
        # ASCII, because JSON writes every other character as six.
        lines += [ascii_text(f"- [{finding.rule}] {finding}") for finding in report.errors]
        text = "\n".join(lines)
        if len(text) > _LONGEST_MESSAGE:
            text = text[: _LONGEST_MESSAGE - 30] + "\n- ... (cut; check it locally)"
        super().__init__(text)
        self.report = report


def ascii_text(text: str) -> str:
    """Escape every character of a text that is not printable ASCII."""
    return "".join(character if " " <= character <= "~" else ascii(character)[1:-1] for character in text)


def shown(value: object) -> str:
    """Quote a value from the files for a report: on one line, 80 characters at most."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."
