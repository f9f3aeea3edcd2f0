"""The nearest right value to a wrong one."""

import difflib
from collections.abc import Iterable

_SUGGESTIONS = 4


def similar(text: str, known: Iterable[str], *, most: int = _SUGGESTIONS) -> tuple[str, ...]:
    """Find the texts that somebody may have meant.

    Args:
        text: What was written.
        known: What there is.
        most: How many to give.

    Returns:
        The best first: those that hold the text (people leave out the front of a model id), then those that are
        one or two typing errors away.
    """
    known = sorted(known)
    found = [one for one in known if text and text in one]
    found += [one for one in difflib.get_close_matches(text, known, n=most) if one not in found]
    return tuple(found[:most])


def nearest_number(number: int, known: Iterable[int]) -> int:
    """Find the number that is closest to another, the larger of two that are equally close."""
    return min(known, key=lambda one: (abs(one - number), -one))
