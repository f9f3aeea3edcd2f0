"""Measure the speed and the memory of the check of training data: `python -m bench.dataset`.

By default 5 GB of `train.jsonl` in Dolly's format, made while they are read, so that no disk is needed or measured.
`--file` writes the same to a file first and checks that, `--megabytes` makes less of it. Every case runs in a process
of its own, one at a time; memory is the process's largest resident set.

All records differ and have about the length of Dolly's; one in three has an empty context, one in two a character
beyond ASCII and an escape. Making them takes time as well, which is measured separately: a second row reads the same
bytes and checks nothing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Packages of `lambda/` are imported by their own names, as in the functions.
sys.path.insert(0, str(ROOT / "lambda"))

from training.dataset import File, LocalFolder, Options, Source, check  # noqa: E402 - its path comes first

_CHUNK_RECORDS = 1000
_WORDS = ("river", "basalt", "orchard", "lantern", "copper", "meadow", "harbour", "violin", "granite", "sparrow")


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurement of one case.

    Attributes:
        name: The case.
        size: Bytes that were read.
        samples: Number of good samples.
        seconds: Wall time.
        peak_mib: Largest resident set of the process, in MiB.
    """

    name: str
    size: int
    samples: int
    seconds: float
    peak_mib: float

    @property
    def rate(self) -> float:
        """Megabytes (10^6) a second."""
        return self.size / self.seconds / 1e6


class Synthetic:
    """A source that makes one large `train.jsonl` while it is read."""

    uri = "synthetic://"

    def __init__(self, size: int) -> None:
        """Set the size; nothing is made yet.

        Args:
            size: Bytes, rounded up to whole chunks of records.
        """
        self._chunk = _records(0)
        self._count = -(-size // len(self._chunk))

    def files(self) -> Sequence[File]:
        """List the one file."""
        return [File("train.jsonl", self._count * len(self._chunk))]

    def chunks(self, file: File) -> Iterator[bytes]:
        """Yield the file's content: the same records under new numbers, so that none repeats."""
        del file
        old = _number(0)
        for index in range(self._count):
            yield self._chunk.replace(old, _number(index))


def _number(index: int) -> bytes:
    return f"edition {index:08}".encode()


def _records(index: int) -> bytes:
    lines = []
    for record in range(_CHUNK_RECORDS):
        words = " ".join(_WORDS[(record * 7 + step * step) % len(_WORDS)] for step in range(25))
        edition = _number(index).decode()
        context = "" if record % 3 == 0 else f'{edition} {record}: "{words}" \u2014 {words}.\n' * 3
        fields = {
            "instruction": f"What does {edition}, page {record}, say of the {_WORDS[record % len(_WORDS)]}?",
            "context": context if record % 2 else context.replace("\u2014", "-"),
            "response": f"Page {record} of {edition} says: {words}. {words}.",
        }
        lines.append(json.dumps(fields, ensure_ascii=False))
    return ("\n".join(lines) + "\n").encode()


def _checked(name: str, source: Source) -> Measurement:
    started = time.perf_counter()
    report = check(source, Options(method="instruction", max_input_length=2048))
    seconds = time.perf_counter() - started
    if not report.ok:
        raise SystemExit(report.text())
    return Measurement(name, sum(one.size for one in report.files), report.train.count, seconds, _peak_mib())


def _made(name: str, source: Source) -> Measurement:
    started = time.perf_counter()
    size = sum(len(chunk) for file in source.files() for chunk in source.chunks(file))
    return Measurement(name, size, 0, time.perf_counter() - started, _peak_mib())


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def table(measurements: Sequence[Measurement]) -> str:
    """Format the measurements as a table, a line each."""
    lines = [f"{'':<34}{'GB':>7}{'samples':>12}{'seconds':>9}{'MB/s':>8}{'peak MiB':>10}"]
    for one in measurements:
        numbers = f"{one.size / 1e9:>7.2f}{one.samples:>12,}{one.seconds:>9.1f}{one.rate:>8.0f}{one.peak_mib:>10.0f}"
        lines.append(f"{one.name:<34}{numbers}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print.

    Returns:
        0; data with errors ends the command.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--megabytes", type=int, default=5000, help="how much data (default: %(default)s)")
    parser.add_argument("--file", action="store_true", help="write it to a file first and check that too")
    arguments = parser.parse_args()
    # A child that is forked starts with its parent's peak.
    context = multiprocessing.get_context("spawn")
    source = Synthetic(arguments.megabytes * 10**6)
    small = Synthetic(arguments.megabytes * 10**4)
    results: list[Measurement] = []

    def measured(function: Callable[[str, Source], Measurement], name: str, of: Source) -> None:
        with context.Pool(1) as pool:
            results.append(pool.apply(function, (name, of)))

    measured(_made, "made and not checked", source)
    measured(_checked, "checked, a hundredth of it", small)
    measured(_checked, "checked as it is made", source)
    if arguments.file:
        with tempfile.TemporaryDirectory() as folder:
            with (Path(folder) / "train.jsonl").open("wb") as opened:
                opened.writelines(source.chunks(source.files()[0]))
            measured(_checked, "checked from a file", LocalFolder(folder))
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
