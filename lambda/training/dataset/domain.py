"""Check data of domain adaptation: plain text in one TXT, CSV or JSON file."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Final

from training.dataset.cells import MISSING, Cells
from training.dataset.columns import Columns
from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.jsonarray import array_records
from training.dataset.jsonlines import Record, json_type, records
from training.dataset.lengths import utf8_bytes
from training.dataset.options import Options
from training.dataset.samples import Samples
from training.dataset.streams import Batch, Stream, bad_bytes, pieces, split

COLUMN: Final = "text"
"""The column that the job trains on; without a column of that name, the first one (JumpStart's notebooks)."""

_MARKED_LINE_BYTES: Final = 80
"""Least bytes of a line of plain text whose repetition is reported: shorter ones are headings."""

_OTHER_SEPARATORS: Final = ";\t|"
"""Separators that spreadsheets write in place of commas."""


class DomainReader:
    """Reads a text file of any of the three kinds."""

    def __init__(self, options: Options, faults: Faults, columns: Columns) -> None:
        """Set up the reader.

        Args:
            options: Options of the check.
            faults: Collects the findings.
            columns: Types of the channel's fields.
        """
        self._columns = columns
        self._limit = options.max_line_bytes
        self._faults = faults

    def read(self, stream: Stream, samples: Samples) -> None:
        """Check a file, by the ending of its name.

        Args:
            stream: The file.
            samples: Counts the good samples: lines, rows or records.
        """
        readers: dict[str, Callable[[Stream, Samples], None]] = {"txt": self._txt, "csv": self._csv, "json": self._json}
        readers[stream.place.file.rsplit(".", 1)[-1]](stream, samples)

    def _txt(self, stream: Stream, samples: Samples) -> None:
        number, before, bad = 1, 0, ""
        for line, goes_on in pieces(stream.chunks(), limit=self._limit):
            if not bad and not line.isascii():
                bad = bad_bytes(line, before=before)
            before += len(line)
            if goes_on:
                continue
            if bad:
                self._faults.add(Kind.ENCODING, stream.place, number, bad)
            elif before == len(line) and not line.strip():
                samples.blank_lines += 1
            else:
                marked = before == len(line) >= _MARKED_LINE_BYTES
                samples.add(stream.place, number, before, line if marked else None)
            if before > self._limit:
                self._faults.add(Kind.LONG_LINE, stream.place, number, f"{before} bytes")
            number, before, bad = number + 1, 0, ""

    def _csv(self, stream: Stream, samples: Samples) -> None:
        # The limit is global to the process, which has no other reader of CSV.
        csv.field_size_limit(self._limit)
        rows = csv.reader(self._text(stream), strict=True)
        header = self._row(rows, stream.place)
        if not header:
            return
        column = self._column(header, stream.place)
        cells = Cells(header, column, stream.place, self._faults)
        while True:
            number = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                cells.finish()
                return
            except csv.Error as error:
                self._faults.add(Kind.ROW, stream.place, number, _reworded(error))
                continue
            if not row:
                samples.blank_lines += 1
            elif len(row) > len(header):
                self._faults.add(Kind.ROW, stream.place, number, f"{len(row)} fields under a header of {len(header)}")
            elif len(row) <= column or row[column].strip() in MISSING:
                self._faults.add(Kind.EMPTY_SAMPLE, stream.place, number, f"no text in {shown(header[column])}")
            else:
                cells.add(number, row)
                samples.add(stream.place, number, utf8_bytes(row[column]), row[column])

    def _text(self, stream: Stream) -> Iterator[str]:
        """Yield the lines of a CSV file, which may be parts of a row; report unreadable ones and leave them empty."""
        for number, line in _numbered(stream.lines(limit=self._limit)):
            if line is None:
                self._faults.add(Kind.LINE_TOO_LONG, stream.place, number, f"more than {self._limit} bytes")
                yield "\n"
                continue
            if not line.isascii() and (where := bad_bytes(line)):
                self._faults.add(Kind.ENCODING, stream.place, number, where)
            yield line.decode(errors="replace") + "\n"

    def _row(self, rows: Any, place: Place) -> list[str]:
        """Return the header; report a missing one and return an empty one."""
        try:
            header: list[str] = next(rows, [])
        except csv.Error as error:
            self._faults.add(Kind.ROW, place, 1, f"the header: {_reworded(error)}")
            return []
        if not header:
            self._faults.add(Kind.ROW, place, 1, "no header; the first line names the columns")
        return header

    def _column(self, header: list[str], place: Place) -> int:
        if COLUMN in header:
            return header.index(COLUMN)
        other = len(header) == 1 and any(mark in header[0] for mark in _OTHER_SEPARATORS)
        advice = "; only commas separate columns" if other else ""
        self._faults.add(Kind.FIRST_COLUMN, place, 1, f"{shown(header[0])}, the first, is trained on{advice}")
        return 0

    def _json(self, stream: Stream, samples: Samples) -> None:
        """Check JSON Lines or one array of objects: a `.json` file may hold either."""
        column: str | None = None
        for number, record in self._records(stream):
            if column is None:
                column = self._key(record, stream.place, number)
                self._columns.use((column,))
            if column not in record:
                self._faults.add(Kind.MISSING_FIELD, stream.place, number, f"no {shown(column)}")
            elif not isinstance(record[column], str):
                detail = f"{shown(column)} is {json_type(record[column])}"
                self._faults.add(Kind.NOT_A_STRING, stream.place, number, detail)
            elif not record[column].strip():
                self._faults.add(Kind.EMPTY_SAMPLE, stream.place, number, f"no text in {shown(column)}")
            else:
                self._columns.add(number, record)
                samples.add(stream.place, number, utf8_bytes(record[column]), record[column])

    def _records(self, stream: Stream) -> Iterator[tuple[int, Record]]:
        chunks = stream.chunks()
        head = b""
        for chunk in chunks:
            head += chunk
            if head.strip():
                break
        first = head.lstrip()[:1]
        if first == b"[":
            self._columns.start(stream.place, 1, array=True)
            if stream.marked:
                detail = "a byte order mark before an array, which datasets 2.14.7 refuses; save it without one"
                self._faults.add(Kind.ENCODING, stream.place, 1, detail)
            return array_records(chain([head], chunks), stream.place, self._faults, limit=self._limit)
        lines = split(chain([head], chunks), limit=self._limit)
        return records(lines, stream.place, self._faults, limit=self._limit, columns=self._columns)

    def _key(self, record: Record, place: Place, number: int) -> str:
        if COLUMN in record or not record:
            return COLUMN
        first = next(iter(record))
        self._faults.add(Kind.FIRST_COLUMN, place, number, f"{shown(first)}, the first field, is trained on")
        return first


def _reworded(error: csv.Error) -> str:
    """Return the message of the reader of CSV, which advises Python's programmers on lone carriage returns."""
    text = str(error)
    return "a carriage return outside of quotes; end lines with a line feed" if "new-line" in text else text


def _numbered(batches: Iterator[Batch]) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    for batch in batches:
        for line in batch:
            number += 1
            yield number, line
