"""Put small faults into a copy of the code, and report which of them the tests find: `make mutants`.

Each room has a sample of its mutations. For each, the tests of the module's name run first, then those that mirror its
folder, then those of the whole room and of what is built from it; the first that fails finds the fault. Snapshots do
not count: whoever rewrites them may not look. Tests that deploy with the CDK CLI are not run. Results are appended to a
file, so that a run that was stopped goes on where it was; the same seed takes the same sample.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.mutations import Mutation, mutations

ROOT = Path(__file__).resolve().parents[1]

# The least part of the faults that has to be found.
REQUIRED = 0.9

# Templates of the whole app, compared with what is declared.
_APP = (
    *("tests/app", "--ignore=tests/app/test_snapshots.py", "--ignore=tests/app/test_any_id.py"),
    "tests/training/test_contract.py",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Modules that are sampled together.

    Attributes:
        sources: Their folder.
        tests: The folder of their tests.
        wide: What else tests them: pytest's arguments.
        deep: Whether folders within belong to the room.
    """

    sources: str
    tests: str
    wide: Sequence[str] = ()
    deep: bool = True

    def modules(self, root: Path) -> list[Path]:
        """Return the room's modules."""
        folder = root / self.sources
        return sorted(folder.rglob("*.py") if self.deep else folder.glob("*.py"))


ROOMS = (
    Room(sources="constructs", tests="tests/constructs", wide=_APP, deep=False),
    *(
        Room(sources=f"constructs/{name}", tests=f"tests/constructs/{name}", wide=("tests/constructs", *_APP))
        for name in (
            *("api", "endpoint", "fine_tuning", "model_import"),
            *("functions", "permissions", "state_machines", "values"),
        )
    ),
    Room(sources="stacks", tests="tests/stacks", wide=_APP, deep=False),
    Room(sources="stacks/parts", tests="tests/stacks", wide=_APP),
    Room(sources="stacks/preflight", tests="tests/stacks/preflight", wide=_APP),
    Room(sources="catalog", tests="tests/catalog", wide=("tests/parity", "tests/training", "tests/stacks")),
    Room(sources="lambda/invoke_shim", tests="tests/invoke_shim"),
    Room(sources="lambda/key_authorizer", tests="tests/key_authorizer"),
    Room(sources="lambda/model_import", tests="tests/model_import"),
    Room(sources="lambda/training", tests="tests/training", wide=("tests/tools", "tests/parity")),
    Room(sources="tools", tests="tests/tools"),
    Room(sources="localaws", tests="tests/localaws", wide=("tests/model_import", "tests/upgrade")),
)


def sample(room: Room, root: Path, *, each: int, seed: int) -> list[Mutation]:
    """Return the mutations of a room that a seed takes, at most one a line."""
    lines: dict[tuple[Path, int], list[Mutation]] = {}
    for module in room.modules(root):
        for mutation in mutations(module):
            lines.setdefault((module, mutation.line), []).append(mutation)
    chance = random.Random(f"{seed}:{room.sources}")  # noqa: S311 - a sample, no secret
    places = chance.sample(sorted(lines), min(each, len(lines)))
    return [chance.choice(lines[place]) for place in places]


def steps(room: Room, module: Path, root: Path) -> Iterator[list[str]]:
    """Yield the tests that may find a fault of a module, the nearest first: pytest's arguments."""
    inner = module.relative_to(root / room.sources).parent
    mirrored = Path(room.tests) / inner
    for near in (mirrored / f"test_{module.stem}.py", mirrored / module.stem, mirrored):
        if (root / near).exists():
            yield [str(near)]
    if mirrored != Path(room.tests) and (root / room.tests).exists():
        yield [room.tests]
    wide = [place for place in room.wide if place.startswith("-") or (root / place).exists()]
    if wide:
        yield wide


class Copy:
    """A copy of the tree, in which one module at a time has a fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = ["git", "ls-files", "-z"]
        files = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - fixed
        for name in filter(None, files.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        for name in (".venv", "node_modules"):
            (folder / name).symlink_to((ROOT / name).resolve())

    def judge(self, room: Room, mutation: Mutation, seconds: float) -> tuple[str, str]:
        """Return `killed` or `survived`, and the test that failed."""
        source = mutation.file.read_text(encoding="utf-8")
        mutation.file.write_text(mutation.applied(source), encoding="utf-8")
        try:
            for tests in steps(room, mutation.file, self.folder):
                failed = self.run(tests, seconds)
                if failed:
                    return "killed", failed
        finally:
            mutation.file.write_text(source, encoding="utf-8")
        return "survived", ""

    def run(self, tests: Sequence[str], seconds: float) -> str:
        """Run tests; return the first that fails, empty if none does. What takes too long has failed."""
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "not sweep and not nightly and not local",
        ]
        # Compiled modules are told apart by whole seconds, in which a fault comes and goes.
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(  # noqa: S603 - pytest, with places of this file
            [*command, *tests],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return "(time is up)"
        # 5: no test was collected.
        if process.returncode in {0, 5}:
            return ""
        failed = [line for line in output.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0].split(" - ")[0] if failed else output[-300:]


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:97]}..."


def _report(results: Sequence[dict[str, str]]) -> float:
    """Print a table of the rooms, and the survivors; return the part of all faults that was found."""
    console = Console()
    table = Table("room", "faults", "found", "part")
    for room in ROOMS:
        mine = [result for result in results if result["room"] == room.sources]
        killed = sum(result["result"] == "killed" for result in mine)
        table.add_row(room.sources, str(len(mine)), str(killed), f"{killed / len(mine):.0%}" if mine else "")
    killed = sum(result["result"] == "killed" for result in results)
    part = killed / len(results) if results else 0.0
    table.add_row("all", str(len(results)), str(killed), f"{part:.0%}")
    console.print(table)
    for result in results:
        if result["result"] == "survived":
            print(f"{result['place']} ({result['kind']})\n  - {result['before']}\n  + {result['after']}")
    return part


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the mutations; return 1 where fewer than nine in ten are found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", help="folders such as constructs/api; all by default")
    parser.add_argument("--each", type=int, default=10, help="faults a room (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (default: %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=120, help="start no fault after so long (default: %(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=300, help="longest run of tests (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=ROOT / ".local" / "mutants.jsonl", help="file of the results")
    options = parser.parse_args(arguments)
    unknown = set(options.rooms) - {room.sources for room in ROOMS}
    if unknown:
        parser.error(f"rooms are {', '.join(sorted(unknown))}: allowed are {', '.join(room.sources for room in ROOMS)}")

    options.results.parent.mkdir(parents=True, exist_ok=True)
    lines = options.results.read_text(encoding="utf-8").splitlines() if options.results.exists() else []
    known = {result["fault"]: result for result in map(json.loads, lines)}
    until = time.monotonic() + options.minutes * 60
    results = []
    os.nice(10)
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for room in ROOMS:
            if options.rooms and room.sources not in options.rooms:
                continue
            for mutation in sample(room, copy.folder, each=options.each, seed=options.seed):
                module = mutation.file.relative_to(copy.folder)
                place = f"{module}:{mutation.line}"
                fault = f"{module}: {mutation.before} -> {mutation.after}"
                if fault not in known:
                    if time.monotonic() > until:
                        continue
                    began = time.monotonic()
                    result, test = copy.judge(room, mutation, options.seconds)
                    known[fault] = {
                        "fault": fault,
                        "room": room.sources,
                        "place": place,
                        "kind": mutation.kind,
                        "before": _shown(mutation.before),
                        "after": _shown(mutation.after),
                        "result": result,
                        "test": test,
                        "seconds": f"{time.monotonic() - began:.0f}",
                    }
                    with options.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(known[fault]) + "\n")
                    print(f"{result:8} {place} ({mutation.kind}) {known[fault]['seconds']} s {test}", flush=True)
                results.append(known[fault])
    return 0 if _report(results) >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
