"""Read the fields of `config.json` as the configuration classes of transformers 4.51.3 do, with their defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_import.artifacts.architectures.sizes import Size
from model_import.artifacts.config import CONFIG
from model_import.artifacts.findings import Findings, shown

MOST_LAYERS = 10_000
"""Most layers or experts that are compared, to bound the check's time; the largest models have some hundreds."""
_MOST = 10**9
"""Largest size: more numbers than any dimension has."""
_MISSING = object()


class Fields:
    """The fields of a configuration, or of one within it; an invalid one becomes a finding."""

    def __init__(
        self,
        document: Mapping[str, Any],
        found: Findings,
        *,
        aliases: Mapping[str, str] | None = None,
        prefix: str = "",
    ) -> None:
        """Set the fields.

        Args:
            document: The fields.
            found: Collects the findings.
            aliases: Other names by field, which win where both are set (transformers' `attribute_map`).
            prefix: Place of the fields in `config.json`, with a dot at its end.
        """
        self._document = document
        self._found = found
        self._aliases = aliases or {}
        self._prefix = prefix

    def value(self, name: str, default: Any = None) -> Any:
        """Return a field as it is."""
        alias = self._aliases.get(name, name)
        return self._document.get(alias, self._document.get(name, default))

    def has(self, name: str) -> bool:
        """Return whether a field is set, be it to null."""
        return self.value(name, _MISSING) is not _MISSING

    def unaliased(self) -> Fields:
        """Return the fields by their own names alone."""
        return Fields(self._document, self._found, prefix=self._prefix)

    def inner(self, name: str) -> Fields:
        """Return the fields of an object within; without one, all have their defaults."""
        inner = self.value(name)
        if inner is not None and not isinstance(inner, dict):
            self.problem(name, "an object")
        return Fields(inner if isinstance(inner, dict) else {}, self._found, prefix=f"{self._prefix}{name}.")

    def size(
        self,
        name: str,
        default: int | Size,
        *,
        null: Size | None = None,
        least: int = 1,
        most: int = _MOST,
    ) -> Size:
        """Return a size.

        Args:
            name: The field.
            default: The size where the field is not set.
            null: The size where the field is null; by default that is invalid.
            least: Smallest valid value.
            most: Largest valid value.

        Returns:
            The size; one without a value where the field is invalid.
        """
        value = self.value(name, _MISSING)
        place = f"{self._prefix}{name}"
        if value is _MISSING:
            return default if isinstance(default, Size) else Size(default, f"{place} {default} (the default)")
        if value is None and null is not None:
            return null
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.problem(name, f"{least} or more" if most == _MOST else f"{least} to {most}")
            return Size(None, place)
        return Size(value, f"{place} {value}")

    def layers(self, name: str, default: int | Size, *, null: Size | None = None, least: int = 1) -> Size:
        """Return a number of layers or experts."""
        return self.size(name, default, null=null, least=least, most=MOST_LAYERS)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return a truth value; like transformers, takes any value that is not empty as true."""
        return bool(self.value(name, default))

    def numbers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return a list of whole numbers; the default where it is null."""
        value = self.value(name)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(each, int) for each in value):
            self.problem(name, "a list of whole numbers")
            return default
        return tuple(value)

    def problem(self, name: str, allowed: str) -> None:
        """Record that a field's value is invalid."""
        problem = f"it is {shown(self.value(name))}"
        self._found.error("config-field", f"{CONFIG}, {self._prefix}{name}", problem, allowed)

    def disagree(self, name: str, problem: str, allowed: str) -> None:
        """Record that fields do not fit each other."""
        self._found.error("config-field", f"{CONFIG}, {self._prefix}{name}", problem, allowed)

    def padding(self, rows: Size | None = None, default: int | None = None) -> None:
        """Check the padding token.

        Args:
            rows: Rows of the table in which it must have an embedding, or transformers makes no table; None for a class
                that needs only a number.
            default: The token where the field is not set.
        """
        token = self.value("pad_token_id", default)
        if token is None or (rows is not None and rows.value is None):
            return
        if rows is None or rows.value is None:
            if not isinstance(token, int):
                self.problem("pad_token_id", "null, or the number of a token")
            return
        whole = isinstance(token, int) and not isinstance(token, bool)
        if not whole or not -rows.value <= token < rows.value:
            problem = f"it is {shown(token)}, and the model has {rows.value} embeddings"
            self.disagree("pad_token_id", problem, f"null, or 0 to {rows.value - 1}")
