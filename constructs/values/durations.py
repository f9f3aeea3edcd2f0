"""Durations, made and read once a process: each is an object in Node.js."""

from functools import cache

from aws_cdk import Duration
from constructs.values.tokens import is_token


@cache
def seconds(number: float) -> Duration:
    """Return a duration of so many seconds."""
    return Duration.seconds(number)


@cache
def in_seconds(duration: Duration) -> float:
    """Return the whole seconds of a duration, or a token where only a deployment knows them.

    Raises:
        RuntimeError: If the duration is no whole number of seconds.
    """
    found = duration.to_seconds()
    return found if is_token(found) else int(found)
