"""Steps of the state machine that take more than one API call: one function, which gets the name of the step.

`{"step": "check_room" | "plan" | "make_room" | "smoke_test" | "prune" | "tidy", …}`; each step is documented where it
is defined.
"""

from collections.abc import Callable
from typing import Any

from model_import.failures import tidy
from model_import.planning import check_room, make_room, plan, prune
from model_import.settings import Settings
from model_import.smoke import smoke_test

_STEPS: dict[str, Callable[[Settings, dict[str, Any]], dict[str, Any]]] = {
    "check_room": check_room,
    "plan": plan,
    "make_room": make_room,
    "smoke_test": smoke_test,
    "prune": prune,
    "tidy": tidy,
}


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run one step.

    Args:
        event: `step`, and the step's inputs.

    Raises:
        ValueError: There is no such step.
        SettingsError: The environment is not usable.
    """
    step = _STEPS.get(event.get("step", ""))
    if step is None:
        raise ValueError(f"step is {event.get('step')!r}, must be one of {', '.join(_STEPS)}")
    return step(Settings.from_environment(), event)
