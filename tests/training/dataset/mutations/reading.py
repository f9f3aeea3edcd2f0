"""Make data with faults at random, and compare what the check says with what both versions of datasets read."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.oracles.process import Oracle, OracleDiedError
from tests.training.dataset.mutations import records, texts
from training.dataset import LocalFolder, Options, check

_FORMATS = ("instruction", "instruction", "instruction", "chat", "chat", "csv", "json", "txt")
_FIELDS = (("question", "answer"), ("instruction", "context", "response"))
_READ_AS = {"jsonl": "json", "json": "json", "csv": "csv", "txt": "text"}


class Compared(NamedTuple):
    """One set of data.

    Attributes:
        what: Its format, seed and faults.
        refused: Errors of the check, by the kind's name.
        warned: Kinds of its warnings.
        wrong: What each version of datasets refused or changed.
    """

    what: str
    refused: dict[str, str]
    warned: list[str]
    wrong: dict[str, str]


def compare(seed: str, folder: Path, readers: Mapping[str, Oracle]) -> Compared:
    """Make data, check it and read it.

    Args:
        seed: Chooses everything.
        folder: Where to write it.
        readers: Both versions of datasets, by name.
    """
    chance = random.Random(seed)
    form = chance.choice(_FORMATS)
    folder.mkdir()
    bodies, fields, done = _make(chance, form, chance.choice((0, 1, 1, 1, 1, 2)))
    for name, body in bodies.items():
        (folder / name).write_bytes(body)
    if form == "instruction" and "question" in fields:
        template = {"prompt": "Q: {question}", "completion": "A: {answer}"}
        (folder / "template.json").write_text(json.dumps(template))
    method = "domain" if form in {"csv", "json", "txt"} else form
    report = check(LocalFolder(folder), Options(method=method))
    refused = {one.kind.slug: str(one.first[0]) for one in report.errors}
    warned = [one.kind.slug for one in report.findings if one not in report.errors]
    wanted = _wanted(form, bodies, fields)
    files = [str(folder / name) for name in sorted(bodies)]
    wrong = {}
    for name, reader in readers.items():
        said = _read(reader, _READ_AS[files[0].rpartition(".")[2]], files, form, fields, wanted)
        if said:
            wrong[name] = said
    return Compared(f"{form} {seed}: {'; '.join(done)}", refused, warned, wrong)


def _make(chance: random.Random, form: str, faults: int) -> tuple[dict[str, bytes], tuple[str, ...], list[str]]:
    """Return files, the fields that are trained on, and what is wrong with them."""
    count = chance.randrange(8, 24)
    done: list[str] = []
    if form in {"csv", "txt"}:
        rows = [records.text(chance) for _ in range(count)]
        lines = ["text,other", *(f"{row},{number}" for number, row in enumerate(rows))] if form == "csv" else rows
        bodies = {f"train.{form}": "".join(f"{line}\n" for line in lines).encode()}
        fields: tuple[str, ...] = ("text",)
    else:
        fields = {"instruction": chance.choice(_FIELDS), "json": ("text",)}.get(form, ("messages",))
        made = [
            records.chat(chance, "messages") if form == "chat" else records.instruction(chance, fields)
            for _ in range(count)
        ]
        while faults and chance.random() < 0.7:
            faults -= 1
            done.append(_pick(chance, records.CHANGES, lambda how: how(chance, made)))
        parts = chance.choice((1, 1, 2, 3)) if form != "json" else 1
        ending = "json" if form == "json" else "jsonl"
        step = -(-count // parts)
        plain = chance.random() < 0.5
        bodies = {
            f"part-{number}.{ending}": b"".join(
                json.dumps(record, ensure_ascii=plain).encode("utf-8", "surrogatepass") + b"\n"
                for record in made[number * step : (number + 1) * step]
            )
            for number in range(parts)
        }
        if form == "json" and chance.random() < 0.4:
            bodies = {"part-0.json": json.dumps(made, indent=chance.choice((None, 1))).encode()}
    for _ in range(faults):
        name = chance.choice(sorted(bodies))

        def change(how: texts.Change, name: str = name) -> str | None:
            body = how(chance, bodies[name])
            if body is None or body == bodies[name]:
                return None
            told, bodies[name] = _difference(bodies[name], body), body
            return f"{name}: {told}"

        done.append(_pick(chance, texts.CHANGES, change))
    return bodies, fields, done


def _difference(before: bytes, after: bytes) -> str:
    at = next((i for i, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))
    return f"at byte {at} of {len(after)} (before {len(before)}): {after[max(0, at - 8) : at + 40]!r}"


def _pick(chance: random.Random, changes: Mapping[str, tuple[int, Any]], apply: Callable[[Any], str | None]) -> str:
    """Apply one change that this data has something for, and return its name and what it did."""
    while True:
        [name] = chance.choices(list(changes), weights=[weight for weight, _ in changes.values()])
        told = apply(changes[name][1])
        if told is not None:
            return f"{name}: {told}"


def _wanted(form: str, bodies: Mapping[str, bytes], fields: tuple[str, ...]) -> list[Any] | None:
    """Return what is to be trained on, as the files say it; None where they cannot be read by the book."""
    wanted: list[Any] = []
    try:
        for _, body in sorted(bodies.items()):
            text = body.decode("utf-8-sig")
            if form == "txt":
                wanted += [line.rstrip("\r") for line in text.split("\n")]
            elif form == "csv":
                rows = csv.reader(io.StringIO(text, newline=""), strict=True)
                header = next(rows)
                column = header.index("text") if "text" in header else 0
                wanted += [row[column] for row in rows if row]
            elif form == "json" and text.lstrip().startswith("["):
                wanted += [_trained(record, fields) for record in json.loads(text)]
            else:
                wanted += [_trained(json.loads(line), fields) for line in text.split("\n") if line.strip()]
    except (ValueError, KeyError, TypeError, IndexError, StopIteration, csv.Error):
        return None
    return wanted


def _trained(record: Any, fields: tuple[str, ...]) -> Any:
    """Return the part of a record that is trained on: the fields' values, or the messages' roles and texts."""
    values = [record[field] for field in fields]
    if fields == ("messages",):
        return [(message["role"], message["content"]) for message in values[0]]
    return values


def _read(
    reader: Oracle, kind: str, files: list[str], form: str, fields: tuple[str, ...], wanted: list[Any] | None
) -> str:
    """Return what a version of datasets refuses or changes; empty for what it reads as it is written."""
    try:
        answer = reader.ask(kind=kind, files=files)
    except OracleDiedError as error:
        return str(error)
    if "error" in answer:
        return f"refused: {answer['cause']}"
    if wanted is None:
        return ""
    rows = answer["rows"]
    try:
        if form == "txt":
            read = [row["text"] for row in rows]
            return "" if _words(read) == _words(wanted) else f"changed: {_words(read)[:5]}"
        if form == "csv":
            first = "text" if not rows or "text" in rows[0] else next(iter(rows[0]))
            read = [row[first] for row in rows]
        else:
            read = [_trained(row, fields) for row in rows]
    except (KeyError, TypeError) as error:
        return f"changed: {type(error).__name__} {error} in {str(rows[:1])[:150]}"
    read = json.loads(json.dumps(read))
    wanted = json.loads(json.dumps(wanted))
    if read == wanted:
        return ""
    pairs = zip(read, wanted, strict=False)
    differ = next((f"{one} for {other}" for one, other in pairs if one != other), f"{len(read)} for {len(wanted)} rows")
    return f"changed: {differ[:200]}"


def _words(lines: list[str]) -> list[str]:
    """Return the words of lines: the job joins them and cuts them into blocks, so that line ends mean little."""
    return " ".join(lines).split()
