"""Walks through the states of a state machine."""

from collections.abc import Mapping
from typing import Any


def walk(states: Mapping[str, Any], start: str, **chosen: str) -> list[str]:
    """Return the states from one to an end, with the branch that each Choice takes.

    Args:
        states: States by name.
        start: The first state.
        chosen: The next state after a state, whose name is in lower case, without spaces and a last question mark.
    """
    path, name = [], start
    while name:
        path.append(name)
        name = chosen.get(name.lower().replace(" ", "_").rstrip("?"), states[name].get("Next") or "")
    return path
