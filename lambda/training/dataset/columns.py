"""Follow the types that `datasets` infers for the fields of a channel, and report what it would refuse or change.

JumpStart's scripts are believed to read a channel with `load_dataset("json", ...)`. It reads each file in parts of
10 MiB, infers one type a field and part, nested fields included, and then converts each part to the types of the first.
What is here was tried with `datasets` 2.14.7 (pyarrow 14), of the training images' time, and 5.2.0 (pyarrow 26):

- Within a part a field has one type of JSON's; numbers may mix, null goes with all, objects may have different members.
- A later part must have the same fields, and values that convert (`training.dataset.casts`).
- A field of dates alone becomes a timestamp, whose text is another.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isinf
from typing import Any, Final

from training.dataset import timestamps
from training.dataset.casts import Problem, parses, problems
from training.dataset.column import EXACT, KINDS, Column, Form, shown_path
from training.dataset.faults import Faults, Kind, Place, shown

PART_BYTES: Final = 10 * 2**20
"""Bytes that the builder `json` of `datasets` reads at once; the line that is begun is read to its end."""

DEEPEST: Final = 62
"""Arrays and objects in each other below a field: Arrow's schema has 64 levels, of which the record is one."""

_ROOM: Final = 4 * 2**20
"""Bytes, about, of the types of one part: some 6,000 fields."""
_COLUMN_BYTES: Final = 600
_SHAPES: Final = 64
"""Forms of objects that are known by heart, a field."""
_PLAIN: Final[Form] = ((), ())

Path = tuple[str, ...]


class Columns:
    """The types of one channel's fields, in bounded memory: of its first part, and of the part that is being read."""

    def __init__(self, faults: Faults, *, used: Collection[Path] = ()) -> None:
        """Start without types.

        Args:
            faults: Collects the findings.
            used: Paths of the fields that the job trains on, each a tuple of names, with `[]` for an array's items.
        """
        self._faults = faults
        self._used = set(used)
        self._first: Column | None = None
        self._first_place = ""
        self._root = Column()
        self._place = Place("")
        self._begins = self._ends = 1
        self._room = _ROOM
        self._full = False
        self._array = False

    def start(self, place: Place, line: int, *, array: bool = False) -> None:
        """Begin a part of a file, and compare the part before with the first.

        Args:
            place: The file.
            line: The part's first line.
            array: True if the file is one array, which is read as a whole and by other rules.
        """
        self.finish()
        self._place, self._array = place, array
        self._begins = self._ends = line
        self._root = Column(due=self._first)
        self._room = _ROOM

    def use(self, path: Path) -> None:
        """Name a further field that the job trains on."""
        self._used.add(path)

    def add(self, line: int, record: dict[str, Any]) -> None:
        """Add a record's types.

        Args:
            line: The record's line.
            record: The record.
        """
        self._ends = line
        self._object(self._root, record, line, ())

    def finish(self) -> None:
        """Compare the part that was read with the channel's first."""
        if not self._root.members:
            return
        root, self._root = self._root, Column()
        self._dates(root)
        if self._first is None:
            self._first, self._first_place = root, self._where()
            root.forget()
            return
        for found in problems(root, self._first):
            self._report(found)

    def _where(self) -> str:
        return f"lines {self._begins} to {self._ends} of {shown(self._place.file)}"

    def _report(self, found: Problem) -> None:
        line = found.line or self._begins
        path = shown_path(found.path)
        if found.missing:
            detail = f"no {path} up to line {self._ends}, which {self._first_place} have"
        elif found.new:
            detail = f"{path}, which {self._first_place} have not; 5.2.0 refuses it, too"
        else:
            self._faults.add(
                Kind.FIELD_TYPE,
                self._place,
                line,
                f"{path} is {found.here}; in {self._first_place} it is {found.there}",
            )
            return
        self._faults.add(Kind.OTHER_FIELDS, self._place, line, detail)

    def _dates(self, root: Column) -> None:
        # In an array, too: 5.2.0 makes timestamps of them, and 2.14.7 does not.
        for path in sorted(self._used):
            column = root.at(path)
            if column is not None and column.kind == "a string" and not column.text_line:
                detail = f"{shown_path(path)} has dates alone up to line {self._ends}; let one have another form"
                self._faults.add(Kind.DATES, self._place, column.line, detail)

    def _object(self, column: Column, value: dict[str, Any], line: int, path: Path) -> None:
        shape = (*value, *map(type, value.values()))
        known = column.known.get(shape)
        if known is not None:
            numbers, nested = known
            for name in nested:
                member, one = column.members[name], value[name]
                if type(one) is list and member.items is not None and member.items.settled(one):
                    continue
                self._value(member, one, line, (*path, name))
            for name in numbers:
                if not -EXACT <= value[name] <= EXACT:
                    self._value(column.members[name], value[name], line, (*path, name))
            return
        settled = True
        for name, one in value.items():
            found = column.members.get(name) or self._member(column, name, line)
            settled = found is not None and self._value(found, one, line, (*path, name)) and settled
        if settled and len(column.known) < _SHAPES:
            size = sum(map(len, value)) + 16 * len(value)
            if size < self._room:
                self._room -= size
                column.known[shape] = _form(value)

    def _member(self, column: Column, name: str, line: int) -> Column | None:
        """Add a member to an object's types; report if there is no room, and return None."""
        size = _COLUMN_BYTES + 4 * len(name)
        if size > self._room:
            if not self._full:
                self._full = True
                self._faults.add(Kind.MANY_FIELDS, self._place, line, f"those before take {_ROOM // 2**20} MiB")
            return None
        self._room -= size
        made = column.members[name] = Column(line, due=column.due.members.get(name) if column.due else None)
        return made

    def _value(self, column: Column, value: Any, line: int, path: Path) -> bool:
        """Add a value's type; return True if no other value of its Python type can bring anything new."""
        kind = KINDS[type(value)]
        if kind != column.kind:
            if value is None:
                return True
            if column.kind:
                self._changed(column, kind, line, path)
                return False
            column.kind, column.line = kind, line
        if kind == "a string":
            return _text(column, value, line)
        if kind == "a number":
            return self._number(column, value, line, path)
        if kind == "a boolean":
            return True
        if len(path) > DEEPEST:
            self._faults.add(Kind.NOT_JSON, self._place, line, f"{shown_path(path)} is nested too deeply")
        elif kind == "an object":
            self._object(column, value, line, path)
        else:
            self._items(column, value, line, path)
        return True

    def _changed(self, column: Column, kind: str, line: int, path: Path) -> None:
        detail = f"{shown_path(path)} is {kind}; in line {column.line} it is {column.kind}"
        self._faults.add(Kind.FIELD_TYPE, self._place, line, detail)

    def _items(self, column: Column, values: list[Any], line: int, path: Path) -> None:
        if not values:
            return
        if column.items is None:
            column.items = Column(line, due=column.due.items if column.due else None)
        items, below = column.items, (*path, "[]")
        if items.kind == "an object":
            plain = items.known
            for value in values:
                if type(value) is not dict:
                    self._value(items, value, line, below)
                elif plain.get((*value, *map(type, value.values()))) != _PLAIN:
                    self._object(items, value, line, below)
        elif not items.settled(values):
            for value in values:
                self._value(items, value, line, below)

    def _number(self, column: Column, value: float, line: int, path: Path) -> bool:
        if type(value) is int:
            if not -(2**63) <= value < 2**63:
                if self._array:
                    detail = f"{shown_path(path)} is a number beyond 64 bits; datasets 2.14.7 reads none in an array"
                    self._faults.add(Kind.FIELD_TYPE, self._place, line, detail)
                column.float_line = column.float_line or line
                column.fraction_line = column.fraction_line or line
            elif not -EXACT <= value <= EXACT:
                column.wide_line = column.wide_line or line
            return True
        if isinf(value) and not self._array:
            self._faults.add(Kind.NOT_JSON, self._place, line, f"{shown_path(path)} is a number beyond 1.8e308")
        column.float_line = column.float_line or line
        if not (value.is_integer() and -(2**63) <= value < 2**63):
            column.fraction_line = column.fraction_line or line
        return bool(column.fraction_line)


def _form(value: dict[str, Any]) -> Form:
    """Return the names of an object's numbers, and of its arrays and objects."""
    return (
        tuple(name for name, one in value.items() if type(one) in {int, float}),
        tuple(name for name, one in value.items() if type(one) in {list, dict}),
    )


def _text(column: Column, text: str, line: int) -> bool:
    if not column.text_line:
        if timestamps.is_timestamp(text):
            return False
        column.text_line = line
    if column.due is not None and not column.odd_line and column.due.kind in {"a number", "a boolean"}:
        if not parses(text, column.due):
            column.odd_line = line
            return True
        return False
    return True
