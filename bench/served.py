"""Tables of what serves the models of the lock: a route of OpenAI's, the container's own payload, or nothing.

`python -m bench.coverage` prints them and writes them into docs/measurements.md, between its marks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from catalog import Lock
from catalog.abilities import Abilities, abilities

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "measurements.md"
_BEGIN, _END = "<!-- python -m bench.coverage writes this -->\n", "<!-- end -->\n"
_NATIVELY = "/invocations"


class Served(NamedTuple):
    """One model of the lock, at its newest version and on its default instance type.

    Attributes:
        model_id: JumpStart's id.
        found: The abilities of its API.
    """

    model_id: str
    found: Abilities

    @property
    def way(self) -> str:
        """The best route that serves it, `refused` for none."""
        return next(iter(self.found.routes), "refused")


def served(lock: Lock) -> list[Served]:
    """Return what serves each model of a lock, by id."""
    models = (lock.model(model_id, lock.versions(model_id)[0]) for model_id in lock.model_ids())
    return [Served(model.model_id, abilities(model.resolve(region=model.regions()[0]))) for model in models]


def tables(every: Sequence[Served]) -> str:
    """Return the tables of all models, in Markdown."""
    ways = Counter(one.way for one in every)
    natively, refused = ways.pop(_NATIVELY, 0), ways.pop("refused", 0)
    parts = [
        _table(
            ("served by", "ids", "kinds"),
            [
                *((f"`{way}`", str(count), _kinds(every, way)) for way, count in ways.most_common()),
                ("a route of OpenAI's, in all", str(ways.total()), ""),
                (f"`{_NATIVELY}` alone, unchanged", str(natively), _kinds(every, _NATIVELY)),
                ("nothing: refused by the preflight", str(refused), _kinds(every, "refused")),
                ("in all", str(len(every)), ""),
            ],
        ),
        _table(("prompts of chat models", "ids"), list(_prompts(every))),
        _table(("refused because", "ids", "which"), list(_refusals(every))),
    ]
    return "\n".join(parts)


def written(document: str, every: Sequence[Served]) -> str:
    """Return a document with the tables between its marks.

    Raises:
        ValueError: It has no marks.
    """
    before, begin, rest = document.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the document has no lines {_BEGIN.strip()!r} and {_END.strip()!r}")
    return f"{before}{_BEGIN}\n{tables(every)}\n{_END}{after}"


def _kinds(every: Iterable[Served], way: str) -> str:
    counted = Counter(one.found.kind.name for one in every if one.way == way)
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items()))


def _prompts(every: Iterable[Served]) -> Iterable[tuple[str, str]]:
    chats = [one.found for one in every if one.found.task == "text" and one.found.kind.name.startswith("chat")]
    own = sum(one.prompt_format == "container" for one in chats)
    ours = sum(one.prompt_format is None and bool(one.formats) for one in chats)
    yield "the container's own template, where the declaration names no format", str(own)
    yield "a format of ours, to be declared", str(ours)
    yield "a template of yours, or completions alone, to be declared", str(len(chats) - own - ours)


def _refusals(every: Iterable[Served]) -> Iterable[tuple[str, str, str]]:
    refused = [one for one in every if one.found.refusal]
    for name in sorted({one.found.refusal.name for one in refused if one.found.refusal}):
        ids = [one.model_id for one in refused if one.found.refusal and one.found.refusal.name == name]
        yield name, str(len(ids)), ", ".join(f"`{model_id}`" for model_id in ids)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
