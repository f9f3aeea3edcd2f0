"""Texts that pyarrow's reader of JSON takes for timestamps."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import Final

_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[ T](?:[01]\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?",
    re.ASCII,
)


def is_timestamp(text: str) -> bool:
    """Report whether a text is a date, or a date and a time of whole seconds, in a form of ISO 8601 that pyarrow reads.

    Tried with pyarrow 14 and 26: a time may have hours alone, an offset or Z, and no fraction of a second.
    """
    if not 10 <= len(text) <= 25 or text[4] != "-":
        return False
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return False
    year, month, day = map(int, found.groups())
    # Python has no year 0, which was a leap year.
    return 1 <= month <= 12 and 1 <= day <= monthrange(year or 4, month)[1]
