"""Rules of the tags of all resources: the strictest are IAM's, whose roles every stack has.

Sources: API IAM TagRole (`tagKeyType`, `tagValueType`: lengths and characters); IAM user guide, "Rules for tagging in
IAM and AWS STS": 50 tags, no keys that differ only in case, no `aws:` at the beginning.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from catalog.limits.endpoint import Breach

MODEL_TAG = "model"
"""Key of the tag that the app gives to all resources of a model."""
OWN_PREFIX = "jumpstack:"
"""Beginning of the keys of the app's other tags."""
MOST_TAGS = 50

_LONGEST_KEY = 128
_LONGEST_VALUE = 256
_SIGNS = frozenset("_.:/=+-@")
_FORM = (
    f"letters without marks, digits, spaces and _.:/=+-@, of which keys have 1 to {_LONGEST_KEY} and do not begin with "
    f"aws:, and values at most {_LONGEST_VALUE}"
)


def tags(declared: Mapping[str, str]) -> Iterator[Breach]:
    """Check the tags of an environment.

    Args:
        declared: Values by key.
    """
    first: dict[str, str] = {MODEL_TAG: MODEL_TAG}
    for key, value in declared.items():
        subject, lower = f"tags[{key!r}]", key.lower()
        if not (1 <= len(key) <= _LONGEST_KEY and len(value) <= _LONGEST_VALUE and _takes(key) and _takes(value)) or (
            lower.startswith("aws:")
        ):
            yield _breach(subject, repr(value), _FORM)
        elif lower == MODEL_TAG or lower.startswith(OWN_PREFIX):
            yield _breach(
                subject, repr(value), f"another key: {MODEL_TAG} and {OWN_PREFIX}... are the app's own, in any case"
            )
        elif first.setdefault(lower, key) != key:
            yield _breach(subject, repr(value), f"one of {first[lower]!r} and {key!r}: to IAM they are the same key")
    # Each stack adds a tag of its own: the model.
    if len(declared) >= MOST_TAGS:
        yield _breach("tags", f"{len(declared)} tags", f"at most {MOST_TAGS - 1}, and the model's own")


def _takes(text: str) -> bool:
    """Return whether IAM takes all characters of a text: Unicode's letters, separators and numbers, and some signs."""
    return all(sign in _SIGNS or unicodedata.category(sign)[0] in "LZN" for sign in text)


def _breach(subject: str, value: str, allowed: str) -> Breach:
    return Breach(subject, value, allowed, f"{subject} is {value}: allowed is {allowed}")
