"""The state machine's steps that take more than one call of an API: one function, told which step it is.

`{"step": "plan" | "make_room" | "smoke_test" | "prune" | "tidy", …}`; each step is documented where it is defined.
"""

from collections.abc import Callable
from typing import Any

from model_import.configuration import Configuration
from model_import.failures import tidy
from model_import.planning import make_room, plan, prune
from model_import.smoke import smoke_test

_STEPS: dict[str, Callable[[Configuration, dict[str, Any]], dict[str, Any]]] = {
    "plan": plan,
    "make_room": make_room,
    "smoke_test": smoke_test,
    "prune": prune,
    "tidy": tidy,
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Do one step.

    Args:
        event: `step`, and what the step needs.

    Raises:
        ValueError: there is no such step.
    """
    step = _STEPS.get(event.get("step", ""))
    if step is None:
        raise ValueError(f"step is {event.get('step')!r}, must be one of {', '.join(_STEPS)}")
    return step(Configuration.from_environment(), event)
