"""Checks of what a declaration says of answers: their length, and how their tokens are counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from catalog.limits import answers as limits
from stacks.declarations import SystemMessages, Usage
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, breaches

_ROOT = Path(__file__).resolve().parents[2]


def check_answers(placement: AnyPlacement) -> Iterator[Finding]:
    """Check the fields about answers."""
    model, at = placement.model, str(placement)
    yield from breaches("max-tokens", at, limits.max_tokens(model.max_tokens))
    words = (("system_messages", model.system_messages, SystemMessages), ("usage", model.usage, Usage))
    for subject, value, hint in words:
        yield from breaches("answer-word", at, limits.word(subject, value, get_args(hint)))
    yield from breaches("tokenizer", at, limits.tokenizer(model.tokenizer, root=_ROOT))
