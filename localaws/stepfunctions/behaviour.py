"""The speed of the stand-in Step Functions, which tests and demos change on `/_localaws/stepfunctions`.

The scale stretches the seconds of Wait states and the pauses of retriers, and nothing else: neither time-outs nor the
time of tasks. The environment variable `LOCALAWS_WAIT_SCALE` sets it from the start.
"""

from __future__ import annotations

import os
from typing import Final

from localaws import steering


def _default() -> steering.WaitScale:
    return steering.WaitScale(wait_scale=float(os.environ.get("LOCALAWS_WAIT_SCALE", "1")))


_STEERED: Final = steering.Steered(_default)

ROUTE: Final = _STEERED.route("/_localaws/stepfunctions")


def scaled(seconds: float) -> float:
    """Return how long a wait of so many seconds takes here."""
    return seconds * _STEERED.of().wait_scale
