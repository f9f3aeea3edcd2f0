"""Kinds of findings in training data, and the collection of findings in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Severity(Enum):
    """Severity of a finding: errors stop a run before training.

    Attributes:
        ERROR: The job would fail, or train on the wrong text.
        WARNING: The job runs, possibly on less text than intended.
    """

    ERROR = "error"
    WARNING = "warning"


class Kind(Enum):
    """A kind of finding: its name in reports, its severity, and its description."""

    NO_DATA = ("no-data", Severity.ERROR, "no data file")
    UNEXPECTED_FILE = ("unexpected-file", Severity.ERROR, "file that does not belong there")
    SEVERAL_FILES = ("several-files", Severity.ERROR, "more than one data file")
    TEMPLATE = ("template", Severity.ERROR, "template that cannot be used")
    ENCODING = ("encoding", Severity.ERROR, "text in a wrong encoding")
    LINE_TOO_LONG = ("line-too-long", Severity.ERROR, "line that is too long to be read")
    NOT_JSON = ("not-json", Severity.ERROR, "not JSON")
    REPEATED_FIELD = ("repeated-field", Severity.ERROR, "field that an object has twice")
    NOT_AN_OBJECT = ("not-an-object", Severity.ERROR, "not a JSON object")
    MISSING_FIELD = ("missing-field", Severity.ERROR, "field missing")
    NOT_A_STRING = ("not-a-string", Severity.ERROR, "field that is no string")
    EMPTY_SAMPLE = ("empty-sample", Severity.ERROR, "empty sample")
    CONVERSATION = ("conversation", Severity.ERROR, "conversation that cannot be used")
    ROW = ("row", Severity.ERROR, "row that cannot be read")
    FIELD_TYPE = (
        *("field-type", Severity.ERROR),
        "field whose type changes, which datasets 2.14.7 refuses (give it one type, or leave it out)",
    )
    OTHER_FIELDS = (
        *("other-fields", Severity.ERROR),
        "fields that not all parts of the data have, which datasets 2.14.7 refuses (leave them out)",
    )
    DATES = ("dates", Severity.ERROR, "field of dates alone, which datasets turns into other text")
    TOO_FEW_SAMPLES = ("too-few-samples", Severity.ERROR, "too few samples")
    BYTE_ORDER_MARK = ("byte-order-mark", Severity.WARNING, "byte order mark, which is dropped")
    BLANK_LINE = ("blank-line", Severity.WARNING, "blank line, which is skipped")
    LONG_LINE = ("long-line", Severity.WARNING, "very long line (break it where paragraphs end)")
    OVER_LONG = ("over-long", Severity.WARNING, "sample that is probably cut (an estimate)")
    TOO_LITTLE_TEXT = ("too-little-text", Severity.WARNING, "too little text (an estimate)")
    ANSWER_IN_PROMPT = ("answer-in-prompt", Severity.WARNING, "answer that is in the prompt already")
    UNUSED_FIELD = ("unused-field", Severity.WARNING, "field that the template does not use")
    FIRST_COLUMN = ("first-column", Severity.WARNING, "no column called text")
    MANY_FIELDS = ("many-fields", Severity.WARNING, "more fields than are compared")
    DUPLICATE = ("duplicate", Severity.WARNING, "sample that repeats an earlier one")
    ALSO_IN_TRAINING = ("also-in-training", Severity.WARNING, "validation sample that is also trained on")

    def __init__(self, slug: str, severity: Severity, meaning: str) -> None:
        self.slug = slug
        self.severity = severity
        self.meaning = meaning


class Finding(NamedTuple):
    """One finding at one place. It names fields, never a sample's text: reports go into logs.

    Attributes:
        channel: `train` or `validation`.
        file: The file's name in its channel; empty for the channel as a whole.
        line: The line's number from 1, or None for the file as a whole.
        detail: Details beyond the kind.
    """

    channel: str
    file: str
    line: int | None
    detail: str

    def __str__(self) -> str:
        return self._text(f"{self.channel}/{self.file}" if self.file else self.channel)

    def within(self, uri: str) -> str:
        """Return the finding with the path or URI of its file, as a terminal or S3 finds it.

        Args:
            uri: The channel's folder.
        """
        return self._text(f"{uri.rstrip('/')}/{self.file}" if self.file else uri)

    def _text(self, place: str) -> str:
        if self.line is not None:
            place += f":{self.line}"
        return ascii_text(f"{place}: {self.detail}" if self.detail else place)


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings of one kind.

    Attributes:
        kind: The kind.
        count: Number of findings.
        first: The first of them.
    """

    kind: Kind
    count: int
    first: tuple[Finding, ...]


class Faults:
    """Counts every finding and keeps the first few of each kind."""

    def __init__(self, *, keep: int) -> None:
        """Start without findings.

        Args:
            keep: Number of findings of each kind that are kept.
        """
        self._keep = keep
        self._counts: dict[Kind, int] = {}
        self._first: dict[Kind, list[Finding]] = {}

    def add(self, kind: Kind, place: Place, line: int | None = None, detail: str = "") -> None:
        """Record one finding.

        Args:
            kind: The kind.
            place: The file that it is in.
            line: The line's number from 1.
            detail: Details beyond the kind.
        """
        count = self._counts.get(kind, 0)
        self._counts[kind] = count + 1
        if count < self._keep:
            self._first.setdefault(kind, []).append(Finding(place.channel, place.file, line, detail))

    def sorted(self) -> tuple[Findings, ...]:
        """Return all findings, errors first, in the order of `Kind`."""
        return tuple(
            Findings(kind, self._counts[kind], tuple(self._first.get(kind, ())))
            for severity in Severity
            for kind in Kind
            if kind.severity is severity and kind in self._counts
        )


class Place(NamedTuple):
    """A file of a channel.

    Attributes:
        channel: `train` or `validation`.
        file: The file's name in its channel; empty for the channel as a whole.
    """

    channel: str
    file: str = ""


def ascii_text(text: str) -> str:
    """Escape every character of a text that is not printable ASCII.

    Whoever uploads a file chooses its name: a line break in it would forge a line of a report or a notice, and bytes
    that are not UTF-8 cannot be printed everywhere.
    """
    return "".join(character if " " <= character <= "~" else ascii(character)[1:-1] for character in text)


def shown(name: object) -> str:
    """Quote a name from the data for a report: on one line, 40 characters at most."""
    text = str(name)
    text = text if len(text) <= 40 else text[:37] + "..."
    return ascii(text)
