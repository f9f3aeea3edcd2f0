"""The engine below Bedrock's bodies: that of the containers' stand-ins (`localaws.containers.engine`).

So the same chat gets the same text, the same calls and the same reasoning from each of them, and is steered in the same
way (`localaws.containers.decisions`).
"""

from __future__ import annotations

from typing import Final

from localaws.containers.engine import DeterministicEngine, Engine

ENGINE: Final[Engine] = DeterministicEngine()
"""Makes everything up; a real model takes its place here."""
