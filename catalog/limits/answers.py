"""Limits of answers and of callers in browsers, which the invoke shim holds, as pure rules.

Like `catalog.limits.endpoint`: the constructs raise on a breach, the preflight gives it its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from catalog.limits.endpoint import Breach, is_whole

MOST_TOKENS = 999_999_999
"""The shim reads numbers of at most 9 digits."""
ANY_ORIGIN = "*"
"""Stands for the pages of any site."""

# RFC 6454, section 6.2, as browsers write it: lower case, a port only where it is not the scheme's own.
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?"
)
_OWN_PORT = re.compile(r"(?:http:.*:80|https:.*:443)")
# Lambda quotas: the origins stand in an environment variable, of which all together have 4 KB.
_LONGEST_ORIGINS = 1000


def max_tokens(number: int | None) -> Iterator[Breach]:
    """Check the most tokens of an answer whose request names no limit."""
    if number is not None and not (is_whole(number) and 1 <= number <= MOST_TOKENS):
        yield _breach("max_tokens", repr(number), f"1 to {MOST_TOKENS}, or None for as many as fit")


def word(subject: str, value: str, allowed: Sequence[str]) -> Iterator[Breach]:
    """Check a value that is one of a few words."""
    if value not in allowed:
        yield _breach(subject, repr(value), ", ".join(allowed))


def origins(declared: Sequence[str]) -> Iterator[Breach]:
    """Check the origins of pages that may call an API."""
    if not declared:
        yield _breach("origins", "empty", "one origin or more, or no CORS")
    for origin in declared:
        if origin == ANY_ORIGIN:
            if len(declared) > 1:
                yield _breach("origins", "'*' among others", "'*' alone, or origins")
        elif not _ORIGIN.fullmatch(origin) or _OWN_PORT.fullmatch(origin):
            form = "scheme, host and port as a browser sends them, such as 'https://chat.example.com'"
            yield _breach("origins", repr(origin), form)
    for origin in dict.fromkeys(one for one in declared if declared.count(one) > 1):
        yield _breach("origins", f"{origin!r}, {declared.count(origin)} times", "each origin once")
    if sum(len(origin) + 1 for origin in declared) > _LONGEST_ORIGINS:
        yield _breach("origins", f"{len(declared)} origins", f"{_LONGEST_ORIGINS} characters in all")


def tokenizer(path: str | None, *, root: Path) -> Iterator[Breach]:
    """Check that a path names a `tokenizer.json`.

    Args:
        path: The path below the root; None for no tokenizer.
        root: The repository's root.
    """
    if path is None:
        return
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or not path:
        yield _breach("tokenizer", repr(path), "a path below the repository's root, such as 'tokenizers/mistral.json'")
        return
    try:
        document = json.loads((root / pure).read_bytes())
    except OSError:
        yield _breach("tokenizer", repr(path), "a file that is there")
    except (ValueError, RecursionError):
        yield _breach("tokenizer", repr(path), "a tokenizer.json, which is JSON")
    else:
        model = document.get("model") if isinstance(document, dict) else None
        if not (isinstance(model, dict) and isinstance(model.get("vocab"), dict | list)):
            yield _breach("tokenizer", repr(path), "a tokenizer.json, which has a model with its vocab")


def _breach(subject: str, value: str, allowed: str) -> Breach:
    return Breach(subject, value, allowed, f"{subject} is {value}: allowed is {allowed}")
