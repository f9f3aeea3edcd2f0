"""JSON Lines: one object a line, and what is wrong with the lines that hold none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from training.dataset.faults import Faults, Kind, Place
from training.dataset.streams import Batch, bad_bytes

Record = dict[str, Any]


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


decoder = json.JSONDecoder(parse_constant=_no_constant)
"""Python's decoder takes NaN and Infinity unless told otherwise; other JSON readers do not."""


def records(batches: Iterable[Batch], place: Place, faults: Faults, *, limit: int) -> Iterator[tuple[int, Record]]:
    """The objects of a file with their lines' numbers; every other line is reported.

    Args:
        batches: the file's lines.
        place: the file.
        faults: takes what is wrong.
        limit: bytes of the longest line that is read, to be named in reports.

    Yields:
        Number from 1, and object.
    """
    decode = decoder.decode
    number = 0
    for batch in batches:
        for line in batch:
            number += 1
            try:
                record = decode(str(line, "utf-8"))  # type: ignore[arg-type] # None raises, and is looked at below
            except (ValueError, TypeError, RecursionError) as error:
                faults.add(*_explain(line, error, place, number, limit))
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


def _explain(
    line: bytes | None, error: Exception, place: Place, number: int, limit: int
) -> tuple[Kind, Place, int, str]:
    """What is wrong with a line that could not be decoded."""
    if line is None:
        return Kind.LINE_TOO_LONG, place, number, f"more than {limit} bytes"
    if not line.strip():
        return Kind.BLANK_LINE, place, number, ""
    if where := bad_bytes(line):
        return Kind.ENCODING, place, number, where
    return Kind.NOT_JSON, place, number, json_problem(error)


def json_problem(error: Exception) -> str:
    """What a JSON decoder says, in the words of reports."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg[:1].lower()}{error.msg[1:]} at column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]


def encodable(value: object) -> bool:
    """Whether all strings in a value are made of characters."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def json_type(value: object) -> str:
    """What JSON calls the type of a value."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "a boolean"
    if isinstance(value, int | float):
        return "a number"
    for python, name in ((str, "a string"), (list, "an array")):
        if isinstance(value, python):
            return name
    return "an object"
