"""Refusals of data that both versions of datasets read as it is written, each with its source."""

from __future__ import annotations

from collections.abc import Collection

REFUSED = {
    "encoding": "AWS's notebooks: data is UTF-8; a text with NUL bytes is UTF-16 or binary, and is read as noise",
    "not-json": "JSON Lines (jsonlines.org): each line is one value, and lines end with a line feed",
    "not-an-object": "AWS's notebooks: each line is a dictionary of the template's keys",
    "repeated-field": "pyarrow's reader of JSON refuses it, which is one of the two that datasets uses",
    "missing-field": "AWS's notebooks: the template's keys, or one of the three names of a conversation",
    "not-a-string": "AWS's notebooks: the fields fill a template; null or a list is written as Python prints it",
    "conversation": "AWS's notebooks: messages of system, user and assistant, in turns",
    "empty-sample": "a prompt or an answer without text trains nothing",
    "row": "RFC 4180: rows have as many fields as the header, and quotes are doubled",
    "too-few-samples": "train_test_split of datasets leaves no sample for one part",
    "template": "AWS's notebooks: prompt and completion, with keys of the data",
}
"""Kinds of errors by name, with what says that the data is wrong all the same."""


def refused_rightly(kinds: Collection[str]) -> bool:
    """Return whether a source refuses what the readers take."""
    return any(kind in REFUSED for kind in kinds)
