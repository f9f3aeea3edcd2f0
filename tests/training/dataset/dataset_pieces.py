"""Data sets for tests: made in memory, read in chunks of any length."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.dataset import File, Finding, Kind, Options, Report, check

TEMPLATE = {"prompt": "Q: {question}\n", "completion": "A: {answer}"}


@dataclass
class Memory:
    """A source whose files are bytes, read in chunks of the given lengths in turns."""

    contents: Mapping[str, bytes]
    pieces: Sequence[int] = (1 << 16,)
    uri: str = "memory://"
    served: int = field(default=0)

    def files(self) -> Sequence[File]:
        return [File(name, len(content)) for name, content in sorted(self.contents.items())]

    def chunks(self, file: File) -> Iterator[bytes]:
        content, at, turn = self.contents[file.name], 0, 0
        while at < len(content):
            length = self.pieces[turn % len(self.pieces)]
            piece = content[at : at + length]
            self.served += len(piece)
            yield piece
            at, turn = at + length, turn + 1


def sample(number: int, **more: Any) -> dict[str, Any]:
    return {"question": f"What is {number}?", "answer": f"The number {number}.", **more}


def jsonl(*records: Any) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def instructions(
    content: bytes, *, template: Any = TEMPLATE, pieces: Sequence[int] = (1 << 16,), **more: Any
) -> Report:
    """Check one train.jsonl against a template."""
    files = {"train.jsonl": content, "template.json": json.dumps(template).encode()}
    return check(Memory(files, pieces), Options(method="instruction", **more))


def good(count: int = 4) -> bytes:
    return jsonl(*(sample(number) for number in range(count)))


def found(report: Report, kind: Kind) -> tuple[Finding, ...]:
    """Return the first findings of a kind; none where there are none."""
    return next((one.first for one in report.findings if one.kind is kind), ())


def count(report: Report, kind: Kind) -> int:
    return next((one.count for one in report.findings if one.kind is kind), 0)


def lines(report: Report, kind: Kind) -> list[int | None]:
    return [one.line for one in found(report, kind)]
