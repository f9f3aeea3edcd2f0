"""Check a model's files before Bedrock imports them, as an import does: headers are read, and nothing is changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.retired import retired

if TYPE_CHECKING:
    from model_import.artifacts.findings import Report

_LAMBDA = Path(__file__).resolve().parent.parent / "lambda"


def check(model: str, *, region: str | None) -> Report:
    """Check a model.

    Args:
        model: A folder's path, or an S3 URI.
        region: Of the import; None leaves out what depends on it.
    """
    # `lambda` is a keyword, so that what is in it is imported by its own name, with the folder on the path.
    if str(_LAMBDA) not in sys.path:
        sys.path.append(str(_LAMBDA))
    folders, report = (import_module(f"model_import.artifacts.{name}") for name in ("folder", "report"))
    if model.lower().startswith("s3:"):
        found: Report = import_module("model_import.check").check_uri(model, region=region)
    elif not model or "://" in model or model.startswith("arn:"):
        allowed = "a folder's path, or s3://bucket/prefix/"
        found = report.refused(
            model, folders.FolderError("no-folder", f"{model or 'an empty path'} is no folder", allowed)
        )
    else:
        found = report.check(folders.LocalFolder(Path(model)), region=region)
    return found


def text(report: Report) -> str:
    """Return a report for people: findings, then a line about the model.

    Args:
        report: The report.
    """
    ascii_text = import_module("model_import.artifacts.findings").ascii_text
    lines = [
        ascii_text(f"{finding.severity.value}: [{finding.rule}] {finding}")
        for finding in (*report.errors, *report.warnings)
    ]
    facts = report.facts
    if facts["architecture"]:
        context = _context(facts)
        parameters = f"{facts['parameters'] / 1e9:.2f} billion parameters, " if facts["parameters"] else ""
        size = f"{facts['weightBytes'] / 1e9:.2f} GB in {facts['shards']} shard{'s' if facts['shards'] != 1 else ''}"
        lines.append(f"{facts['architecture']}: {parameters}{size}, {context}; {_converse(facts)}")
    outcome = "cannot be imported" if report.errors else "can be imported"
    numbers = f"{_count(len(report.errors), 'error')}, {_count(len(report.warnings), 'warning')}"
    return "\n".join([*lines, f"{report.place} {outcome}: {numbers}"])


def _context(facts: Mapping[str, Any]) -> str:
    if facts["contextTokens"]:
        return f"{facts['contextTokens']} tokens of context"
    # T5's positions are relative; in every other model a missing length is an error that is reported.
    return "no limit of context" if facts["architecture"] == "T5ForConditionalGeneration" else "context unknown"


def _converse(facts: Mapping[str, Any]) -> str:
    if not facts["chatTemplate"]:
        return "no chat template, so neither Converse nor chat completions"
    return "Converse is supported" if facts["converse"] else "Converse is not supported"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    raise SystemExit(retired("tools.artifacts"))
