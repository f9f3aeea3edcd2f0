"""Follow the types that pandas infers for the columns of a CSV file, in parts of 10,000 rows, as `datasets` reads it.

A part's types are converted to those of the first. Tried with `datasets` 2.14.7 (pandas 2.1) and 5.2.0 (pandas 3).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from training.dataset.casts import parses, problems
from training.dataset.column import Column
from training.dataset.faults import Faults, Kind, Place, shown

PART_ROWS: Final = 10_000
"""Rows that the builder `csv` of `datasets` reads at once."""

_FOLLOWED: Final = 1_000
"""Columns whose types are followed, the first ones, so that a header of any width needs no more memory."""

MISSING: Final = {
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
}
"""Texts that pandas reads as a missing value."""

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?", re.ASCII | re.IGNORECASE)
_BOOLEANS: Final = {"True", "TRUE", "true", "False", "FALSE", "false"}


class Cells:
    """The types of a file's columns."""

    def __init__(self, header: Sequence[str], used: int, place: Place, faults: Faults) -> None:
        """Start without rows.

        Args:
            header: The columns' names.
            used: Place of the column that is trained on, from 0.
            place: The file.
            faults: Collects the findings.
        """
        # pandas numbers columns of one name; here their place keeps them apart.
        followed = header[:_FOLLOWED]
        several = {name for name, count in Counter(followed).items() if count > 1}
        self._names = [f"{name} ({at + 1})" if name in several else name for at, name in enumerate(followed)]
        self._used = self._names[used] if used < _FOLLOWED else None
        self._place = place
        self._faults = faults
        self._first: Column | None = None
        self._rows = 0
        self._begin()

    def _begin(self) -> None:
        first = self._first
        self._part = Column(due=first)
        for name in self._names:
            self._part.members[name] = Column(due=first.members[name] if first else None)
        # Columns in which there was no text yet; most are done after one row.
        self._open = list(enumerate(self._part.members.values()))

    def add(self, line: int, row: Sequence[str]) -> None:
        """Add a row.

        Args:
            line: The row's first line.
            row: Its cells; the last ones may be missing.
        """
        if self._rows == PART_ROWS:
            self.finish()
        self._rows += 1
        if self._open:
            closed = [at for at, column in self._open if _add(column, row[at] if at < len(row) else "", line)]
            if closed:
                self._open = [one for one in self._open if one[0] not in closed]

    def finish(self) -> None:
        """Compare the part that was read with the first."""
        if not self._rows:
            return
        part, self._rows = self._part, 0
        for column in part.members.values():
            column.kind = column.kind or "a number"
        if self._first is None:
            self._first = part
            used = part.members.get(self._used) if self._used is not None else None
            if used is not None and used.kind != "a string":
                detail = f"{shown(self._used)} has {'booleans' if used.kind == 'a boolean' else 'numbers'} alone"
                self._faults.add(Kind.NOT_A_STRING, self._place, used.line, detail)
        else:
            for found in problems(part, self._first):
                detail = f"{shown(found.path[0])} is {found.here}; in the first {PART_ROWS} rows it is {found.there}"
                self._faults.add(Kind.FIELD_TYPE, self._place, found.line, detail)
        self._begin()


def _add(column: Column, cell: str, line: int) -> bool:
    """Add a cell's type; return True if no other cell of the part can change the type."""
    column.line = column.line or line
    if cell in MISSING:
        # A column with missing values is one of doubles, unless there are booleans or text.
        column.float_line = column.float_line or line
        return False
    if cell in _BOOLEANS and column.kind != "a number":
        column.kind = "a boolean"
        return False
    if column.kind == "a boolean" or not _NUMBER.fullmatch(cell.strip()):
        return _add_text(column, cell, line)
    column.kind = "a number"
    number = float(cell)
    if not cell.strip().lstrip("+-").isdigit():
        column.float_line = column.float_line or line
    if not (number.is_integer() and -(2**63) <= number < 2**63):
        column.float_line = column.float_line or line
        column.fraction_line = column.fraction_line or line
    return False


def _add_text(column: Column, cell: str, line: int) -> bool:
    column.kind, column.text_line = "a string", column.text_line or line
    if column.due is None or column.due.kind == "a string":
        return True
    if not parses(cell.strip(), column.due):
        column.odd_line = line
        return True
    return False
