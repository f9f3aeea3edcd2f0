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


def part(states: Mapping[str, Any], start: str, **ends: str) -> dict[str, Any]:
    """Return the states from one on, as a state machine of their own.

    Args:
        states: States by name.
        start: The first state.
        ends: The states at which the part ends, named as in `walk`, and their types: `Succeed`, or `Fail` by `$.error`.
    """
    kinds: dict[str, dict[str, Any]] = {
        "Succeed": {"Type": "Succeed"},
        "Fail": {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"},
    }
    found: dict[str, Any] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        end = ends.get(name.lower().replace(" ", "_").rstrip("?"))
        state = found[name] = kinds[end] if end else states[name]
        nexts = [state, *state.get("Catch", []), *state.get("Choices", []), {"Next": state.get("Default")}]
        waiting += [one["Next"] for one in nexts if one.get("Next")]
    return {start: found.pop(start), **found}
