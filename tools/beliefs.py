"""Read the register of beliefs about AWS and write the page made of it.

A belief is one claim about AWS, or about a client, on which the code relies. `docs/beliefs/` holds them, one TOML file
a service; `docs/beliefs/observations.toml`, where it exists, holds what was seen on real accounts. `docs/beliefs.md` is
generated from both.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T", "Belief", "Observation")

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "beliefs"
OBSERVATIONS = FOLDER / "observations.toml"
PAGE = ROOT / "docs" / "beliefs.md"

KINDS = {
    "documented": "AWS's or the container's own documentation says it",
    "botocore": "the model of the API in botocore says it",
    "public report": "somebody reported it from a real account, or public code depends on it",
    "inference": "we conclude it from something else; nobody was found who says it",
}
"""Kinds of sources of a belief, the strongest first."""

_HEAD = """\
# Beliefs about AWS

Everything here was built from documentation, published packages and botocore's models. Nothing was tried with AWS. This
page lists, one claim at a time, what the code takes to be true: where that comes from, how to see it on an account, and
whether anybody has.

It is generated from `docs/beliefs/` by `./jumpstack beliefs`: change the entries there, not this page.
`tests/test_beliefs.py` holds that every place named below exists.
"""


class BeliefError(Exception):
    """An entry of the register is not in its form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look at a real account.

    Attributes:
        belief: The id of the belief.
        where: Account kind and region, such as `us-west-2`.
        when: The date, such as 2026-11-30.
        command: The command that looked.
        holds: Whether the account behaves as the belief says.
        answer: The account's answer.
    """

    belief: str
    where: str
    when: str
    command: str
    holds: bool
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """One claim about AWS or a client.

    Attributes:
        id: Its name, unique in the register.
        service: The heading under which the page lists it.
        claim: One sentence.
        relied_on: Places in this repository: `path` or `path::name`.
        kind: One of `KINDS`.
        source: The document and its section, the shape of botocore (`botocore:service.Shape.member`), or the report.
        observe: How to see it, and the answer if it holds.
        differs: What the code does today, where that is not what the claim says.
        local: What the local AWS does today, where that is not what the claim says.
        seen: Looks at real accounts, the oldest first.
    """

    id: str
    service: str
    claim: str
    relied_on: tuple[str, ...]
    kind: str
    source: str
    observe: str
    differs: str = ""
    local: str = ""
    seen: tuple[Observation, ...] = field(default=())


def beliefs(folder: Path = FOLDER) -> list[Belief]:
    """Read the register.

    Args:
        folder: The folder with one TOML file a service.

    Raises:
        BeliefError: An entry has a field too many or too few, or an observation names no belief.
    """
    seen: dict[str, list[Observation]] = {}
    observations = folder / OBSERVATIONS.name
    if observations.exists():
        for document in tomllib.loads(observations.read_text(encoding="utf-8")).get("observation", []):
            one = _made(Observation, document, observations)
            seen.setdefault(one.belief, []).append(one)
    found = [
        _made(Belief, {**document, "service": title, "seen": tuple(seen.get(document.get("id", ""), ()))}, file)
        for file, title, documents in _files(folder)
        for document in documents
    ]
    unknown = set(seen) - {belief.id for belief in found}
    if unknown:
        raise BeliefError(f"{observations.name}: observations of no belief: {', '.join(sorted(unknown))}")
    return found


def _files(folder: Path) -> Iterator[tuple[Path, str, list[dict[str, Any]]]]:
    for file in sorted(folder.glob("*.toml")):
        if file.name != OBSERVATIONS.name:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            if set(document) != {"title", "belief"}:
                raise BeliefError(f"{file.name}: it has {', '.join(sorted(document))}: allowed are title and belief")
            yield file, document["title"], document["belief"]


def _made(kind: type[T], document: Mapping[str, Any], file: Path) -> T:
    known = {one.name: one for one in fields(kind)}
    name = document.get("id") or document.get("belief") or "an entry without id"
    strange = set(document) - set(known)
    missing = {one for one in known if one not in document} - {"differs", "local", "seen"}
    if strange or missing:
        raise BeliefError(f"{file.name}: {name}: unknown {sorted(strange)}, missing {sorted(missing)}")
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
    }
    return kind(**values)


def page(register: Iterable[Belief]) -> str:
    """Return the page as Markdown."""
    register = list(register)
    services = list(dict.fromkeys(belief.service for belief in register))
    lines = [_HEAD, *_summary(register, services), ""]
    for service in services:
        lines += [f"## {service}", ""]
        for belief in register:
            if belief.service == service:
                lines += [*_entry(belief), ""]
    return "\n".join(lines)


def _summary(register: list[Belief], services: list[str]) -> Iterator[str]:
    yield from (f"- *{kind}*: {meaning}." for kind, meaning in KINDS.items())
    yield ""
    yield f"| service | beliefs | {' | '.join(KINDS)} | code differs | seen |"
    yield f"|---|{'---|' * (len(KINDS) + 3)}"
    for service in [*services, ""]:
        chosen = [belief for belief in register if service in ("", belief.service)]
        kinds = Counter(belief.kind for belief in chosen)
        counts = [len(chosen), *(kinds[kind] for kind in KINDS)]
        counts += [sum(bool(belief.differs) for belief in chosen), sum(bool(belief.seen) for belief in chosen)]
        yield f"| {service or '**all**'} | {' | '.join(map(str, counts))} |"


def _entry(belief: Belief) -> Iterator[str]:
    yield f"### {belief.id}"
    yield ""
    yield belief.claim
    yield ""
    yield f"- Source, *{belief.kind}*: {belief.source}"
    yield f"- To see it: {belief.observe}"
    yield f"- Relied on in {', '.join(f'`{place}`' for place in belief.relied_on)}."
    if belief.differs:
        yield f"- **The code differs**: {belief.differs}"
    if belief.local:
        yield f"- **The local AWS differs**: {belief.local}"
    if not belief.seen:
        yield "- Not seen yet."
    for one in belief.seen:
        verdict = "Holds" if one.holds else "**Does not hold**"
        yield f"- {verdict} in {one.where}, {one.when}, by `{one.command}`: {one.answer}"


def write(*, check: bool = False) -> bool:
    """Write the page from the register.

    Args:
        check: Compare only, and write nothing.

    Returns:
        Whether the page was current already.

    Raises:
        BeliefError: The register is not in its form.
    """
    text = page(beliefs())
    current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    if not current and not check:
        PAGE.write_text(text, encoding="utf-8")
    return current
