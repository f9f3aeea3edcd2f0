"""Findings of the check of tensors, by rule, and names that tests share."""

from __future__ import annotations

from collections.abc import Callable

from tests.model_import.artifacts.artifact_models import Model, checked

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def said(model: Model, rule: str, *, warnings: bool = False) -> list[str]:
    """Return the findings of a rule, as they are shown."""
    report = checked(model, region=None)
    return [str(finding) for finding in (report.warnings if warnings else report.errors) if finding.rule == rule]


def rules(model: Model) -> set[str]:
    """Return the rules of a model's errors."""
    return {finding.rule for finding in checked(model, region=None).errors}


def renamed(model: Model, change: Callable[[str], str]) -> None:
    """Save a model's tensors by other names."""
    model.save({change(name): tensor for name, tensor in model.tensors.items()})
