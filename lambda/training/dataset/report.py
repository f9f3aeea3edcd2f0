"""Report of a check: as JSON, as text, and as an error that fits into a state machine's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from training.dataset.faults import Findings, Severity, ascii_text
from training.dataset.lengths import BYTES_A_TOKEN, tokens
from training.dataset.samples import Samples

FORMAT: Final = 1
"""Version of the report's JSON."""

_LONGEST_MESSAGE: Final = 3900
"""Characters of an error's message. A state machine keeps 32,768 of a cause (SFN.DescribeExecution), which for a
function is JSON with the message and the stack trace, and people read the first lines."""


class FileRecord(NamedTuple):
    """One file that was read.

    Attributes:
        channel: `train` or `validation`.
        name: The file's name in the channel.
        size: Bytes.
        sha256: SHA-256 of the content, in hex.
    """

    channel: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings and figures of a check.

    Attributes:
        method: The method of fine-tuning.
        max_input_length: Tokens of a sample that the job keeps.
        sources: URIs of the channels' data.
        files: All files that were read, in the order of the hash.
        train: Figures of the training channel.
        validation: Figures of the validation channel, where there is one.
        split: Numbers of samples for training and validation, where the job splits the channel itself.
        template: The template's texts, where the method has one and it is usable.
        template_origin: `data`, `default` or empty.
        findings: All kinds of findings, errors first.
    """

    method: str
    max_input_length: int
    sources: Mapping[str, str]
    files: tuple[FileRecord, ...]
    train: Samples
    validation: Samples | None = None
    split: tuple[int, int] | None = None
    template: Mapping[str, str] | None = None
    template_origin: str = ""
    findings: tuple[Findings, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """True if training may start."""
        return not self.errors

    @property
    def errors(self) -> tuple[Findings, ...]:
        """Kinds of findings that stop a run before training."""
        return tuple(found for found in self.findings if found.kind.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Findings, ...]:
        """Kinds of findings that stop nothing."""
        return tuple(found for found in self.findings if found.kind.severity is Severity.WARNING)

    @property
    def sha256(self) -> str:
        """SHA-256 of the data: of a line `<channel>/<name> <bytes> <SHA-256>` for each file, ordered by name."""
        lines = "".join(f"{one.channel}/{one.name} {one.size} {one.sha256}\n" for one in self.files)
        return hashlib.sha256(lines.encode("utf-8", "surrogateescape")).hexdigest()

    def raise_for_errors(self) -> None:
        """Raise an error if there are errors.

        Raises:
            DataError: There are errors.
        """
        if not self.ok:
            raise DataError(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON; for the same data, only `sources` differs."""
        channels = {"train": self.train, "validation": self.validation}
        return {
            "format": FORMAT,
            "ok": self.ok,
            "method": self.method,
            "sources": dict(self.sources),
            "sha256": self.sha256,
            "files": [one._asdict() for one in self.files],
            "samples": {name: counted.count for name, counted in channels.items() if counted},
            "split": dict(zip(("train", "validation"), self.split, strict=True)) if self.split else None,
            "template": dict(self.template) if self.template else None,
            "templateOrigin": self.template_origin or None,
            "maxInputLength": self.max_input_length,
            "tokenEstimate": {"bytesPerToken": BYTES_A_TOKEN, "isEstimate": True},
            "channels": {name: _channel(counted) for name, counted in channels.items() if counted},
            "findings": [
                {
                    "kind": found.kind.slug,
                    "severity": found.kind.severity.value,
                    "count": found.count,
                    "first": [one._asdict() for one in found.first],
                }
                for found in self.findings
            ],
        }

    def text(self) -> str:
        """Return the report as text."""
        lines = [_findings_text(found, self.sources) for found in self.findings]
        lines += [
            line
            for name, counted in (("train", self.train), ("validation", self.validation))
            if counted
            for line in _channel_text(name, counted, self.max_input_length)
        ]
        if self.split and all(self.split):
            lines.append(f"the job sets {self.split[1]} of them aside for validation and trains on {self.split[0]}")
        if self.template_origin == "default":
            lines.append("there is no template.json: JumpStart's default is used (instruction, context, response)")
        plural = "s" * (len(self.files) != 1)
        lines.append(
            f"{sum(one.size for one in self.files)} bytes in {len(self.files)} file{plural}, sha256 {self.sha256}"
        )
        return "\n".join(lines)


class DataError(Exception):
    """The data has errors, so that training must not start.

    Attributes:
        report: All findings.
    """

    def __init__(self, report: Report) -> None:
        """Summarize the errors in less than 4 KB.

        Args:
            report: A report with errors.
        """
        super().__init__(_message(report))
        self.report = report


def _message(report: Report) -> str:
    total = sum(found.count for found in report.errors)
    sources = " and ".join(ascii_text(uri) for uri in report.sources.values())
    head = f"the training data cannot be used: {total} error{'s' * (total != 1)} in {sources}"
    # Every kind is named with its count, even where the findings of another fill the message.
    counts = ", ".join(f"{found.kind.meaning}: {found.count}" for found in report.errors)
    text = f"{head[:800]} ({counts})"
    for depth in range(max((len(found.first) for found in report.errors), default=0)):
        for found in report.errors:
            if depth >= len(found.first):
                continue
            line = f"\n{found.kind.meaning}: {found.first[depth]}"[:400]
            if len(text) + len(line) > _LONGEST_MESSAGE:
                return f"{text}\n..."
            text += line
    return text


def _findings_text(found: Findings, sources: Mapping[str, str]) -> str:
    lines = [f"{found.kind.severity.value}: {found.kind.meaning}: {found.count}"]
    lines += [f"  {one.within(sources[one.channel])}" for one in found.first]
    if found.count > len(found.first):
        lines.append(f"  and {found.count - len(found.first)} more")
    return "\n".join(lines)


def _channel(counted: Samples) -> dict[str, Any]:
    lengths = counted.lengths
    sizes = {"min": lengths.least, "mean": round(lengths.mean, 1), "max": lengths.most, "total": lengths.total}
    return {
        "samples": counted.count,
        "bytes": sizes,
        "estimatedTokens": {name: tokens(size) for name, size in sizes.items()},
        "estimatedOverLong": counted.over_long,
        "blankLines": counted.blank_lines,
        "emptyFields": dict(sorted(counted.empty_fields.items())),
        "unusedFields": dict(sorted(counted.unused_fields.items())),
        "allComparedForDuplicates": counted.all_compared,
    }


def _channel_text(name: str, counted: Samples, max_input_length: int) -> list[str]:
    lengths = counted.lengths
    about = "/".join(str(tokens(size)) for size in (lengths.least, lengths.mean, lengths.most))
    lines = [
        f"{name}: {counted.count} good samples; least/mean/most about {about} tokens, estimated at {BYTES_A_TOKEN} "
        f"bytes of text each; {counted.over_long} over max_input_length {max_input_length}"
    ]
    if counted.empty_fields:
        empty = ", ".join(f"{ascii_text(one)}: {count}" for one, count in sorted(counted.empty_fields.items()))
        lines.append(f"{name}: fields without text in samples that have some: {empty}")
    if not counted.all_compared:
        lines.append(f"{name}: more samples than are remembered: repetitions among the later ones are not found")
    return lines
