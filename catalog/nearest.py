"""The nearest right values to a wrong one."""

import difflib
from collections.abc import Iterable

_SUGGESTIONS = 4


def similar(text: str, known: Iterable[str], *, most: int = _SUGGESTIONS) -> tuple[str, ...]:
    """Find the texts that somebody may have meant.

    Args:
        text: The wrong text.
        known: The right ones.
        most: Number of texts to return, at most.

    Returns:
        The best first: those that hold the text, because people leave out the front of a model id ("falcon-7b"),
        which is further from it than any typing error; then those that are one or two typing errors away.
    """
    known = sorted(known)
    found = [one for one in known if text and text in one]
    found += [one for one in difflib.get_close_matches(text, known, n=most) if one not in found]
    return tuple(found[:most])


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return the question that an error ends with, such as `did you mean epoch?`; empty where nothing is similar."""
    near = similar(text, known)
    return f"did you mean {', '.join(near)}?" if near else ""


def nearest_number(number: int, known: Iterable[int]) -> int:
    """Find the number that is closest to another, the larger of two that are equally close."""
    return min(known, key=lambda one: (abs(one - number), -one))
