"""Records of instruction and chat data, with faults that other people's data has."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

Record = dict[str, Any]
_WORDS = [
    "the",
    "model",
    "answers",
    "a",
    "question",
    "about",
    "what",
    "users",
    "ask",
    "in",
    "town",
    "with",
    "Ünïcode",
    "and",
    "42",
    "numbers",
]
DATES = (
    "2024-01-31",
    "2024-01-31 10:00:00",
    "2024-01-31T10:00:00Z",
    "2024-01-31T10:00:00.123",
    "2024-01-31T10:00:00+02:00",
    "2024-01-31 10:00",
    "2024-02-30",
    "20240131",
    "31.01.2024",
    "1900-01-01",
    "2024-01-31T10",
)
_BIG = (2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**63) - 1, 10**30, 1e308)


def text(chance: random.Random) -> str:
    """Return a few words."""
    return " ".join(chance.choice(_WORDS) for _ in range(chance.randrange(3, 12)))


def instruction(chance: random.Random, fields: tuple[str, ...]) -> Record:
    """Return a record with texts in its fields."""
    return {field: text(chance) for field in fields}


def chat(chance: random.Random, key: str) -> Record:
    """Return a record with a conversation."""
    messages = [{"role": "system", "content": text(chance)}] if chance.random() < 0.3 else []
    for _ in range(chance.choice((1, 1, 2))):
        messages += [{"role": role, "content": text(chance)} for role in ("user", "assistant")]
    return {key: messages}


def _kinds(chance: random.Random) -> tuple[Callable[[int], Any], ...]:
    """Return ways to fill a field that nothing uses, by the record's number."""
    cut = chance.randrange(1, 12)
    date, big = chance.choice(DATES), chance.choice(_BIG)
    values: tuple[Any, ...] = (1, 1.5, "x", True, None, [], {}, [1], ["x"], {"a": 1}, {"b": "x"}, date, big, "7")
    first, second = chance.choice(values), chance.choice(values)
    return (
        lambda number: number,
        lambda number: number / 2,
        lambda number: f"id-{number}",
        lambda number: first if number < cut else second,
        lambda number: first if number < cut else second,
        lambda number: second if number == cut else first,
        lambda number: second if number == cut else first,
        lambda number: {"a": first, "b": [second]} if number % 2 else {"a": first},
        lambda number: {"a": first if number < cut else second},
        lambda number: [first] if number < cut else [second],
        lambda number: [first, second],
        lambda number: [{"a": first}] if number % 2 else [{"b": second}],
        lambda number: [] if number < cut else [first],
        lambda number: date,
        lambda number: date if number != cut else "x",
        lambda number: chance.choice(DATES),
        lambda number: big,
        lambda number: big if number == cut else number,
        lambda number: None if number < cut else first,
        lambda number: {f"key{number}": first},
    )


def extra(chance: random.Random, records: list[Record]) -> str | None:
    """Add a field that nothing uses: of one type or several, to all records, some, or the later ones."""
    name = chance.choice(("id", "source", "meta", "date", "tags", "", "Ünïcode", "a.b"))
    fill = chance.choice(_kinds(chance))
    start = chance.choice((0, 0, 0, len(records) // 2, len(records) - 1))
    share = chance.choice((1.0, 1.0, 1.0, 0.5))
    for number, record in enumerate(records):
        if number >= start and chance.random() < share:
            record[name] = fill(number)
    shown = [record.get(name, "-") for record in records]
    return f"{name!r} is {shown}"


def used(chance: random.Random, records: list[Record]) -> str | None:
    """Write other values into a field that the template uses: in one record, or in all."""
    field = chance.choice(sorted(records[0]))
    if isinstance(records[0][field], list) or any(field not in record for record in records):
        return None
    fills: tuple[Callable[[int], Any], ...] = (
        lambda number: chance.choice(DATES),
        lambda number: DATES[0],
        lambda number: DATES[1],
        str,
        lambda number: number,
        lambda number: None,
        lambda number: "",
        lambda number: [text(chance)],
        lambda number: "null",
        lambda number: " padded ",
        lambda number: "line\nbreak\r\n\u2028\x85\x0c",
        lambda number: "\x00",
        lambda number: "\U0001f600 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    )
    fill = chance.choice(fills)
    chosen = range(len(records)) if chance.random() < 0.6 else [chance.randrange(len(records))]
    for number in chosen:
        records[number][field] = fill(number)
    return f"{field} is {[record[field] for record in records][:4]} in {len(chosen)} records"


def missing(chance: random.Random, records: list[Record]) -> str | None:
    """Leave a field out, or write its name differently."""
    record = chance.choice(records)
    field = chance.choice(sorted(record))
    value = record.pop(field)
    if chance.random() < 0.5:
        record[field.capitalize()] = value
    return f"one record has no {field}"


def order(chance: random.Random, records: list[Record]) -> str | None:
    """Write the fields in another order."""
    for record in records:
        items = list(record.items())
        chance.shuffle(items)
        record.clear()
        record.update(items)
    return "fields in any order"


def message(chance: random.Random, records: list[Record]) -> str | None:
    """Change messages of a conversation."""
    record = chance.choice(records)
    messages = next((value for value in record.values() if isinstance(value, list) and value), None)
    if messages is None or not isinstance(messages[0], dict):
        return None
    changes: tuple[dict[str, Any], ...] = (
        {"content": None},
        {"content": [{"type": "text", "text": "x"}]},
        {"content": 7},
        {"content": DATES[0]},
        {"name": "x"},
        {"weight": 1},
        {"tool_calls": []},
        {"tool_calls": [{"id": "x"}]},
        {"name": None},
        {"role": "tool"},
        {"role": "User"},
    )
    changed = chance.choice(changes)
    chosen = records if chance.random() < 0.4 else [record]
    for each in chosen:
        for value in each.values():
            if isinstance(value, list) and value and isinstance(value[-1], dict):
                for one in value if chance.random() < 0.5 else value[-1:]:
                    one.update(changed)
    return f"messages with {changed} in {len(chosen)} records"


CHANGES: dict[str, tuple[int, Callable[[random.Random, list[Record]], str | None]]] = {
    "unused field": (10, extra),
    "used field": (4, used),
    "missing field": (1, missing),
    "order": (1, order),
    "message": (4, message),
}
"""By name: how often, and what."""
