"""The choice of what answers on a local AWS: the small model that `make engine` installs, else made-up texts."""

import os

from tools.processes import ROOT

VARIABLE = "JUMPSTACK_ENGINE"
"""The environment variable that keeps the small model from answering, where it is `deterministic`."""

_FOLDER = ROOT / ".venv" / "engine"
_DETERMINISTIC = "deterministic"


class EngineError(ValueError):
    """The environment asks for an unknown engine."""


def arguments() -> tuple[str, ...]:
    """Return the arguments of a local AWS with the engine that this environment chooses.

    Raises:
        EngineError: If it chooses an unknown one.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted not in {"", _DETERMINISTIC}:
        raise EngineError(f"{VARIABLE} is {wanted!r}: {_DETERMINISTIC}, or unset for the small model of make engine")
    # Written once all of it is there.
    is_there = (_FOLDER / ".installed").is_file()
    return ("--engine", str(_FOLDER)) if is_there and not wanted else ()


def said(name: str) -> str:
    """Return who speaks in the answers of a local AWS, whose engine has that name."""
    if name == _DETERMINISTIC:
        return "The answers are made up by stand-ins for the containers and for Bedrock, which compute nothing."
    return (
        f"The answers are {name}'s, a small language model on this machine's processor, below stand-ins for the "
        "containers and for Bedrock: a fiftieth of a 7B model's size, and often wrong."
    )
