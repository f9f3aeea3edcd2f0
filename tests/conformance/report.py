"""The table of beliefs that a run saw, and the observations that a run on a real account leaves in the register."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tools.beliefs import OBSERVATIONS, ROOT, Belief
from tools.conformance import VARIABLE

# Columns in a pipe, and those below which lines would have a word each.
_WIDTH = 120
_NARROWEST = 40
_LONGEST_ANSWER = 300
_EXAMPLE_ACCOUNT = "111122223333"
_ARN = re.compile(r"\barn:aws[a-z-]*:[^\s\"'`,;)\]}<>]+")
_ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")


class Seen(NamedTuple):
    """One belief as a run saw it.

    Attributes:
        belief: The belief.
        holds: True where the AWS behaves as it says; None where the test failed for another reason.
        answer: What the AWS answered.
    """

    belief: Belief
    holds: bool | None
    answer: str


def print_table(write: Callable[[str], None], seen: Iterable[Seen], *, region: str | None) -> None:
    """Print claim, source and what was seen, one belief after the other; in a run of all tests one line for all.

    Args:
        write: Writes a line.
        seen: What the run saw.
        region: The real account's region; None for the local AWS.
    """
    where = f"an account in {region}" if region else "the local AWS"
    holding: dict[str, list[Seen]] = {}
    for one in seen:
        holding.setdefault(one.belief.id, []).append(one)
    count = sum(all(one.holds for one in group) for group in holding.values())
    if not os.environ.get(VARIABLE):
        if holding:
            write(f"{count} of {len(holding)} beliefs hold on {where}: ./jumpstack conformance --local shows them")
        return
    write(f"\nbeliefs, as {where} shows them")
    for group in holding.values():
        belief, holds = group[0].belief, all(one.holds for one in group)
        known = belief.local and not region
        differs = any(one.holds is False for one in group)
        unknown = "known to differ here" if known else "DOES NOT HOLD" if differs else "not seen"
        verdict = "holds" if holds else unknown
        write(f"\n{belief.id}: {verdict}")
        answers = "; ".join(dict.fromkeys(one.answer for one in group if one.answer)) or "-"
        source = f"{belief.kind}: {belief.source}"
        for heading, text in (("claim", belief.claim), ("source", source), ("seen", answers)):
            write(_wrapped(heading, text))
    write(f"\n{count} of {len(holding)} beliefs hold on {where}")


def _wrapped(heading: str, text: str) -> str:
    """Return a text beside its heading, whole, in lines as wide as the terminal."""
    width = shutil.get_terminal_size((_WIDTH, 24)).columns
    return textwrap.fill(
        " ".join(text.split()),
        width=max(width, _NARROWEST),
        initial_indent=f"  {heading:<8}",
        subsequent_indent=" " * 10,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _toml(value: object) -> str:
    """Return a value as TOML, which is JSON but for surrogates and DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def record(seen: Iterable[Seen], *, account: str, region: str, file: Path = OBSERVATIONS) -> str:
    """Append observations to the register, without the account's number, ARNs or request ids.

    Beliefs that were not seen leave none.

    Returns:
        What to do with them.
    """
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    entries = []
    for one in seen:
        if one.holds is None:
            continue
        answer = _ARN.sub("<arn>", one.answer).replace(account, _EXAMPLE_ACCOUNT)
        answer = _ID.sub("<id>", answer)[:_LONGEST_ANSWER]
        values = {
            "belief": one.belief.id,
            "where": region,
            "when": today,
            "command": "make conformance",
            "holds": one.holds,
            "answer": answer,
        }
        entries.append("\n[[observation]]\n" + "".join(f"{key} = {_toml(value)}\n" for key, value in values.items()))
    if entries:
        with file.open("a", encoding="utf-8") as register:
            register.writelines(entries)
    name = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
    return f"{len(entries)} observations are in {name}: read them, then ./jumpstack beliefs, and commit both"
