"""The form that a field of a JSON document has to have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Form(NamedTuple):
    """The form of a field.

    Attributes:
        fits: Return True for a value that has it.
        allowed: The form, for people.
    """

    fits: Callable[[Any], bool]
    allowed: str
