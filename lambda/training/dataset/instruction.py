"""Check data of instruction tuning: records whose fields fill the template's prompt and completion."""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter, mul
from typing import Any

from training.dataset.chat import KEYS as CHAT_KEYS
from training.dataset.columns import Columns
from training.dataset.faults import Faults, Kind, Place, shown
from training.dataset.jsonlines import Record, json_type, records
from training.dataset.lengths import utf8_bytes
from training.dataset.options import Options
from training.dataset.samples import Samples
from training.dataset.streams import Stream
from training.dataset.template import NAME, Template

_STRINGS = {str}


class InstructionReader:
    """Reads files of instruction data against one template."""

    def __init__(
        self, template: Template | None, origin: str, options: Options, faults: Faults, columns: Columns
    ) -> None:
        """Set up the reader for a template.

        Args:
            template: The template; without a usable one, lines are only checked to be objects.
            origin: `data` if the template lies there, `default` for JumpStart's own.
            options: Options of the check.
            faults: Collects the findings.
            columns: Types of the channel's fields.
        """
        self._fields = dict(template.fields) if template else {}
        self._is_default = origin == "default"
        self._columns = columns
        for field in self._fields:
            columns.use((field,))
        self._literals = template.literal_bytes if template else 0
        self._parts = (
            (("prompt", tuple(template.prompt_fields)), ("completion", tuple(template.completion_fields)))
            if template
            else ()
        )
        self._limit = options.max_line_bytes
        self._faults = faults

    def read(self, stream: Stream, samples: Samples) -> None:
        """Check all records of a file.

        Args:
            stream: The file.
            samples: Counts the good ones.
        """
        lines, types = stream.lines(limit=self._limit), self._columns.add
        found = records(lines, stream.place, self._faults, limit=self._limit, columns=self._columns)
        if not self._fields:
            for number, record in found:
                types(number, record)
                samples.add(stream.place, number, 0, None)
            return
        fields = tuple(self._fields)
        weights = tuple(self._fields.values())
        once = set(weights) == {1}
        literals = self._literals
        pick = _picker(fields)
        place, add, width, known = stream.place, samples.add, len(fields), set(fields)
        for number, record in found:
            try:
                values = pick(record)
            except KeyError:
                self._missing(record, fields, place, number)
                continue
            if set(map(type, values)) != _STRINGS:
                self._no_strings(record, fields, place, number)
                continue
            types(number, record)
            if len(record) != width:
                samples.unused(place, number, record.keys() - known)
            if not all(map(str.strip, values)) and self._empty(record, place, number, samples):
                continue
            sizes = map(len, values) if all(map(str.isascii, values)) else map(utf8_bytes, values)
            size = sum(sizes) if once else sum(map(mul, sizes, weights))
            add(place, number, literals + size, values)

    def _missing(self, record: Record, fields: tuple[str, ...], place: Place, number: int) -> None:
        missing = [shown(field) for field in fields if field not in record]
        detail = f"no {', '.join(missing)}; it has {_names(record)}{self._advice(record)}"
        self._faults.add(Kind.MISSING_FIELD, place, number, detail)

    def _advice(self, record: Record) -> str:
        """Return what to do about a record that another method or template is meant for."""
        if any(isinstance(record.get(key), list) for key in CHAT_KEYS):
            return "; a conversation: try --method chat"
        if self._is_default and sum(isinstance(value, str) for value in record.values()) > 1:
            return f"; add a {NAME} that names these fields"
        return ""

    def _no_strings(self, record: Record, fields: tuple[str, ...], place: Place, number: int) -> None:
        wrong = [
            f"{shown(field)} is {json_type(record[field])}" for field in fields if not isinstance(record[field], str)
        ]
        self._faults.add(Kind.NOT_A_STRING, place, number, ", ".join(wrong))

    def _empty(self, record: Record, place: Place, number: int, samples: Samples) -> bool:
        """Report if a sample's prompt or completion has no text; single fields may be empty, as Dolly's context."""
        empty = False
        for part, fields in self._parts:
            if not any(record[field].strip() for field in fields):
                self._faults.add(Kind.EMPTY_SAMPLE, place, number, f"no text for the {part}")
                empty = True
        if not empty:
            for field in self._fields:
                if not record[field].strip():
                    samples.empty_fields[field] += 1
        return empty


def _picker(fields: tuple[str, ...]) -> Callable[[Record], tuple[Any, ...]]:
    """Make a function that returns a record's fields as a tuple, of one field as well, unlike `itemgetter`."""
    if len(fields) > 1:
        return itemgetter(*fields)
    only = fields[0]
    return lambda record: (record[only],)


def _names(record: Record) -> str:
    names = [shown(name) for name in list(record)[:8]]
    return (", ".join(names) + (", ..." if len(record) > len(names) else "")) or "no field"
