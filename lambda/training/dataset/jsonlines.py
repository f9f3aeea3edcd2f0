"""Read JSON Lines: one object a line; other lines are reported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from training.dataset.columns import PART_BYTES, Columns
from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.streams import Batch, bad_bytes

Record = dict[str, Any]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


decoder = json.JSONDecoder(parse_constant=_no_constant)
"""Refuses NaN and Infinity, as other JSON parsers do; Python's accepts them by default."""


class _RepeatedFieldError(ValueError):
    """An object has a field twice."""


def _once(pairs: list[tuple[str, Any]]) -> Record:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _RepeatedFieldError(f"{shown(twice)}; leave one out")
    return record


_line_decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_once)
"""Refuses fields that occur twice in an object, as pyarrow's reader of JSON Lines does."""

_JSON_SPACE = b" \t\r\n"


def records(
    batches: Iterable[Batch], place: Place, faults: Faults, *, limit: int, columns: Columns
) -> Iterator[tuple[int, Record]]:
    """Yield the objects of a file with their lines' numbers; every other line is reported.

    Args:
        batches: The file's lines.
        place: The file.
        faults: Collects the findings.
        limit: Bytes of the longest line that is read, for reports.
        columns: Types of the channel's fields, which begins a new part where `datasets` does.

    Yields:
        Line number from 1, and object.
    """
    decode = _line_decoder.decode
    number = at = blank = 0
    end = -1
    for batch in batches:
        for line in batch:
            number += 1
            if at > end:
                # The line in which a part of so many bytes ends belongs to it.
                columns.start(place, number)
                end = at + PART_BYTES
            try:
                at += len(line) + 1  # type: ignore[arg-type] # None raises, and is looked at below
                record = decode(str(line, "utf-8"))  # type: ignore[arg-type] # None raises, and is looked at below
            except (ValueError, TypeError, RecursionError) as error:
                found = _explain(line, error, place, number, limit)
                blank += found[0] is Kind.BLANK_LINE
                faults.add(*found)
                continue
            if type(record) is not dict:
                faults.add(Kind.NOT_AN_OBJECT, place, number, f"it is {json_type(record)}")
                continue
            if (b"\\ud" in line or b"\\uD" in line) and not encodable(record):  # type: ignore[operator] # not None here
                faults.add(
                    Kind.ENCODING, place, number, r"an unpaired surrogate (\ud800 to \udfff), which is no character"
                )
                continue
            yield number, record
    if number and blank == number:
        faults.add(Kind.NO_DATA, place, None, "the file has blank lines alone, which datasets 2.14.7 refuses")


def _explain(
    line: bytes | None, error: Exception, place: Place, number: int, limit: int
) -> tuple[Kind, Place, int, str]:
    """Return the finding for a line that could not be decoded."""
    if line is None:
        return Kind.LINE_TOO_LONG, place, number, f"more than {limit} bytes"
    if not line.strip(_JSON_SPACE):
        return Kind.BLANK_LINE, place, number, ""
    if isinstance(error, _RepeatedFieldError):
        return Kind.REPEATED_FIELD, place, number, str(error)
    if where := bad_bytes(line):
        return Kind.ENCODING, place, number, where
    return Kind.NOT_JSON, place, number, json_problem(error)


def json_problem(error: Exception) -> str:
    """Reword an error of a JSON decoder for reports."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]


def encodable(value: object) -> bool:
    """Report whether all strings in a value can be encoded as UTF-8, however deep it is."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            try:
                one.encode()
            except UnicodeEncodeError:
                return False
        elif isinstance(one, dict):
            waiting += (*one, *one.values())
        elif isinstance(one, list):
            waiting += one
    return True


def json_type(value: object) -> str:
    """Return JSON's name of a value's type."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    if isinstance(value, int | float):
        return "a number"
    for python, name in ((str, "a string"), (list, "an array")):
        if isinstance(value, python):
            return name
    return "an object"
