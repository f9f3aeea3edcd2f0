"""The inferred type of one field in one part of a file."""

from __future__ import annotations

from typing import Any, Final

from training.dataset.faults import shown

KINDS: Final = {
    type(None): "",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}
"""JSON's names of Python's types; null is no type of its own."""

EXACT: Final = 2**53
"""The largest whole numbers that a double holds one by one."""


Form = tuple[tuple[str, ...], tuple[str, ...]]
"""Names of an object's numbers, and of its arrays and objects: what is looked at again in each object of the form."""


class Column:
    """The type of one field; lines are 0 where there is none.

    Attributes:
        kind: JSON's name of the type; empty while there was only null.
        line: First line with the field, later the first one with the type.
        members: Types of an object's members.
        items: Type of an array's items.
        known: An object's settled forms, by names and Python types.
        due: The type of the field in the first part of the channel.
        float_line: A number that makes the type a double: with a point, or beyond 64 bits.
        fraction_line: A number that is no whole number of 64 bits.
        wide_line: A whole number beyond `EXACT`.
        text_line: A string that is no timestamp.
        odd_line: A string that is none of the numbers or booleans that are due.
    """

    __slots__ = (
        *("due", "float_line", "fraction_line", "items", "kind", "known", "line", "members"),
        *("odd_line", "text_line", "wide_line"),
    )

    def __init__(self, line: int = 0, *, due: Column | None = None) -> None:
        self.kind = ""
        self.line = line
        self.members: dict[str, Column] = {}
        self.items: Column | None = None
        self.known: dict[tuple[Any, ...], Form] = {}
        self.due = due
        self.float_line = self.fraction_line = self.wide_line = self.text_line = self.odd_line = 0

    @property
    def arrow(self) -> str:
        """The type that pyarrow infers: `null`, `bool`, `int64`, `double`, `timestamp`, `string`, `list`, `struct`."""
        match self.kind:
            case "a number":
                return "double" if self.float_line else "int64"
            case "a string":
                return "string" if self.text_line else "timestamp"
            case _:
                return {"": "null", "a boolean": "bool", "an array": "list", "an object": "struct"}[self.kind]

    def at(self, path: tuple[str, ...]) -> Column | None:
        """Return the type of a field below this one, `[]` being an array's items; None where there is none."""
        found: Column | None = self
        for name in path:
            if found is None:
                return None
            found = found.items if name == "[]" else found.members.get(name)
        return found

    def settled(self, values: list[Any]) -> bool:
        """Report whether an array's items are of the type, and none of them can bring anything new."""
        if not values or self.kind == "an object":
            return not values
        kinds = set(map(type, values))
        if kinds == {str}:
            return bool(self.text_line) and (self.due is None or self.due.kind == "a string")
        if kinds <= {int, float} and self.kind == "a number" and (self.fraction_line or kinds == {int}):
            return min(values) >= -EXACT and max(values) <= EXACT  # type: ignore[no-any-return] # of numbers
        return False

    def forget(self) -> None:
        """Drop what is needed while a part is read only."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            one.known = {}
            waiting += one.members.values()
            waiting += [one.items] if one.items else []


def shown_path(path: tuple[str, ...]) -> str:
    """Write a path for reports, such as `'meta.scores[].value'`."""
    return shown(".".join(path).replace(".[]", "[]"))
