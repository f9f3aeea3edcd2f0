"""Replace methods of moto, and notice when another version of moto has changed them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def replace(owner: type, name: str, function: Callable[..., Any]) -> None:
    """Replace the method `name` of moto's class `owner`.

    Raises:
        AttributeError: If the class has no such method: another version of moto than the pinned one.
    """
    getattr(owner, name)
    setattr(owner, name, function)


def add(owner: type, name: str, function: Callable[..., Any]) -> None:
    """Give moto's class `owner` the method `name`, which it lacks.

    Raises:
        AttributeError: If the class has it by now: another version of moto than the pinned one.
    """
    if hasattr(owner, name) and getattr(owner, name).__module__.startswith("moto"):
        raise AttributeError(f"moto's {owner.__name__} has a method {name!r} of its own")
    setattr(owner, name, function)
