"""Checks of a parameter's value: each returns what is expected instead of a wrong value, or None."""

from collections.abc import Mapping
from typing import Any

from invoke_shim.errors import is_unicode, show
from invoke_shim.rules.base import Check

MAX_INT32 = 2**31 - 1
MAX_INT64 = 2**63 - 1

MAX_STOPS = 64
"""Stop strings, or stop token ids, where the container has no limit: it looks for each of them at every token."""


def integer(lowest: int, highest: int | None = None) -> Check:
    """Check for an integer in a range, its ends included."""
    expected = f"an integer of at least {lowest}" if highest is None else f"an integer from {lowest} to {highest}"

    def check(value: Any) -> str | None:
        # bool is an int to Python
        right = type(value) is int and lowest <= value and (highest is None or value <= highest)
        return None if right else expected

    return check


def number(lowest: float, highest: float) -> Check:
    """Check for a number in a range, its ends included."""
    expected = f"a number from {lowest} to {highest}"

    def check(value: Any) -> str | None:
        # the comparison is false for NaN
        return None if type(value) in (int, float) and lowest <= value <= highest else expected

    return check


def number_between(lowest: float, highest: float) -> Check:
    """Check for a number in a range without its ends."""
    expected = f"a number between {lowest} and {highest}, neither of them"

    def check(value: Any) -> str | None:
        return None if type(value) in (int, float) and lowest < value < highest else expected

    return check


def fraction(value: Any) -> str | None:
    """Check for a number above 0, up to 1."""
    return None if type(value) in (int, float) and 0 < value <= 1 else "a number above 0, at most 1"


def positive(value: Any) -> str | None:
    """Check for a number above 0 that fits a 32-bit float, into which containers read it."""
    return None if type(value) in (int, float) and 0 < value <= 3.4e38 else "a number above 0"


def anything(_value: Any) -> str | None:
    """Accept a value that is checked elsewhere."""
    return None


def flag(value: Any) -> str | None:
    """Check for true or false."""
    return None if isinstance(value, bool) else "true or false"


def text(value: Any) -> str | None:
    """Check for a non-empty string of whole characters."""
    if not isinstance(value, str) or not value:
        return "a non-empty string"
    return None if is_unicode(value) else "Unicode text, which a lone surrogate is not"


def json_object(value: Any) -> str | None:
    """Check for an object, of whatever fields."""
    return None if isinstance(value, dict) else "an object"


def object_of(checks: Mapping[str, Check], why: str = "") -> Check:
    """Check for an object of known members, each right; the first wrong one is named.

    Args:
        checks: The members' checks, by name.
        why: The reason, if there is one.
    """
    names = ", ".join(checks)
    end = f": {why}" if why else ""

    def check_object(value: Any) -> str | None:
        if not isinstance(value, dict):
            return f"an object of {names}{end}"
        for name, item in value.items():
            if name not in checks:
                return f"one without {show(name)}, allowed are {names}{end}"
            if (expected := checks[name](item)) is not None:
                return f"one whose {name} is {expected}{end}"
        return None

    return check_object


def text_object(value: Any) -> str | None:
    """Check for an object whose values are all text."""
    right = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return None if right else "an object of texts"


def texts(most: int | None = None) -> Check:
    """Check for a list of non-empty strings, at most so many."""
    expected = "a list of non-empty strings" if most is None else f"a list of at most {most} non-empty strings"

    def check(value: Any) -> str | None:
        right = isinstance(value, list) and (most is None or len(value) <= most)
        return None if right and all(text(item) is None for item in value) else expected

    return check


def stop_or_texts(value: Any) -> str | None:
    """Check for a stop string, or a list of them, as payloads of the containers' own form may have."""
    right = text(value) is None or texts(MAX_STOPS)(value) is None
    return None if right else f"a non-empty string, or a list of at most {MAX_STOPS} of them"


def integers(lowest: int, most: int) -> Check:
    """Check for a list of integers."""
    expected = f"a list of at most {most} integers of at least {lowest}"

    def check(value: Any) -> str | None:
        right = isinstance(value, list) and len(value) <= most
        return None if right and all(type(item) is int and item >= lowest for item in value) else expected

    return check


def list_of(check: Check, what: str) -> Check:
    """Check for a list of at least one value, each of them right."""
    expected = f"a list of at least one of {what}"

    def check_list(value: Any) -> str | None:
        right = isinstance(value, list) and value and all(check(item) is None for item in value)
        return None if right else expected

    return check_list


def one_of(*allowed: str) -> Check:
    """Check for one of a few strings."""
    expected = f"one of {', '.join(allowed)}"

    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in allowed else expected

    return check


def nullable(check: Check) -> Check:
    """Check for null, or a value that another check takes."""

    def check_or_null(value: Any) -> str | None:
        return None if value is None else check(value)

    return check_or_null
