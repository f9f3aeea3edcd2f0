"""The time that a request may wait for the beginning of its answer."""

import time
from collections.abc import Mapping

API_MARGIN_SECONDS = 2
"""The part of API Gateway's time for a cold start and the shim's own work."""

FUNCTION_MARGIN_SECONDS = 1
"""Time to answer with OpenAI's timeout error before Lambda ends the function."""

CALLER_MARGIN = 0.1
"""The part of the caller's timeout that is left for the way back, at most a second."""

CALLER_HEADERS = ("x-stainless-read-timeout", "x-stainless-timeout")
"""Seconds of silence after which OpenAI's clients give up: the Python client's header, and the others'."""


class ColdWait:
    """The time that a request waits for a model that is not ready, added up while it is answered, for the metrics.

    Attributes:
        seconds: Seconds between tries (`retry.when_ready`).
    """

    __slots__ = ("seconds",)

    def __init__(self) -> None:
        self.seconds = 0.0


class Deadline:
    """The time by which an answer must have begun, on the monotonic clock.

    Attributes:
        at: Seconds of `time.monotonic`: the earliest of the caller's timeout, the API's and the function's.
        cold_wait: Time that the request has waited for a model that was not ready.
    """

    __slots__ = ("at", "cold_wait")

    def __init__(self, at: float) -> None:
        self.at = at
        self.cold_wait = ColdWait()

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return a deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds that are left; 0 when none are."""
        return max(0.0, self.at - time.monotonic())


def seconds_to_wait(headers: Mapping[str, str], *, timeout_seconds: float, remaining_seconds: float) -> float:
    """Return the seconds that a request may wait: the least of the caller's, the API's and the function's.

    Args:
        headers: The request's headers, their names in lower case.
        timeout_seconds: The time that API Gateway waits for the function.
        remaining_seconds: The time until Lambda ends the function.
    """
    limits = [timeout_seconds - API_MARGIN_SECONDS, remaining_seconds - FUNCTION_MARGIN_SECONDS]
    for name in CALLER_HEADERS:
        seconds = _seconds(headers.get(name, ""))
        if seconds is not None:
            limits.append(seconds - min(1, seconds * CALLER_MARGIN))
    return max(0.0, min(limits))


def _seconds(text: str) -> float | None:
    """Read a header's number; None if it is not one, or sets no limit (some clients send 0 then)."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    # false for NaN
    return seconds if seconds > 0 else None
