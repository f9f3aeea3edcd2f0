"""Count the published models that are served, and those that become a stack: `python -m bench.coverage`.

The first tables say what serves each model, and are written into docs/measurements.md (`bench.served`).

The next compares ours and the peer's stacks. Both do the same in one process each: for every id one stack in us-west-2,
with the newest version and its default instance type, and one synthesis of all. Ours takes the newest version that the
lock has, which is the newest one that resolves completely. The peer is `JumpStartSageMakerEndpoint` of
`cdklabs.generative-ai-cdk-constructs`, with the newest of its constants for each model; it is installed into
`.local/peer-venv` the first time.

The last says what reading the lock costs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.served import DOCUMENT, served, tables, written
from catalog import CatalogError, Lock, ModelVersion
from catalog.lock import DEFAULT_LOCK
from catalog.sources.wheel import PACKAGE, PACKAGE_VERSION

_ROOT = Path(__file__).resolve().parent.parent
_PEER_VENV = _ROOT / ".local" / "peer-venv"
_REGION = "us-west-2"
_REPETITIONS = 50


def main() -> int:
    """Print the tables.

    Returns:
        0, or 1 when an id of the lock does not become a stack.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.coverage", description=__doc__.splitlines()[0])
    parser.add_argument("--without-peer", action="store_true", help="measure ours only, which needs no download")
    parser.add_argument("--only-served", action="store_true", help="write the tables of what is served, and end")
    options = parser.parse_args()
    _write_served()
    if options.only_served:
        return 0
    ours = _ours()
    columns = {"jumpstack": ours}
    if not options.without_peer:
        columns[f"{PACKAGE} {PACKAGE_VERSION}"] = _peer()
    _print_coverage(columns)
    _print_loading()
    return 0 if ours["synthesized"] == ours["ids"] else 1


def _write_served() -> None:
    every = served(Lock.load())
    print(tables(every))
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8"), every), encoding="utf-8")


def _ours() -> dict[str, Any]:
    import aws_cdk as cdk  # noqa: PLC0415 - starts Node
    from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint  # noqa: PLC0415 - likewise

    context = json.loads((_ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    failures: dict[str, str] = {}
    resolved, stacks = 0, []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        app = cdk.App(context=context, outdir=folder, analytics_reporting=False)
        lock = Lock.load()
        for number, model_id in enumerate(lock.model_ids()):
            stack = cdk.Stack(app, f"stack-{number}", env=cdk.Environment(region=_REGION))
            try:
                model = lock.model(model_id, lock.versions(model_id)[0])
                resolved += _resolves(model)
                JumpStartEndpoint(stack, "Endpoint", model=model, endpoint_name=f"model-{number}", accept_eula=True)
            except ValueError as error:
                failures[model_id] = str(error).splitlines()[0]
            else:
                stacks.append(stack.artifact_id)
        app.synth()
        synthesized = sum((Path(folder) / f"{artifact}.template.json").exists() for artifact in stacks)
        seconds = time.perf_counter() - start
    return {
        "ids": len(lock.model_ids()),
        "resolved": resolved,
        "synthesized": synthesized,
        "seconds": seconds,
        "failures": failures,
    }


def _resolves(model: ModelVersion) -> bool:
    try:
        model.resolve(region=_REGION)
    except CatalogError:
        return False
    return True


def _peer() -> dict[str, Any]:
    python = _PEER_VENV / "bin" / "python"
    installed = _PEER_VENV / f".installed-{PACKAGE_VERSION}"
    if not installed.exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_PEER_VENV)], check=True)  # noqa: S603 - fixed words
        requirement = f"{PACKAGE}=={PACKAGE_VERSION}"
        options = ["--quiet", "--disable-pip-version-check"]
        subprocess.run([str(python), "-m", "pip", "install", *options, requirement], check=True)  # noqa: S603 - likewise
        installed.touch()
    # The peer gets the Node that ours gets, and none of our settings.
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "HOME": str(Path.home()),
    }
    script = Path(__file__).with_name("peer_coverage.py")
    command = [str(python), str(script)]
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - likewise
    if completed.returncode:
        raise SystemExit(f"the peer's loop failed:\n{completed.stderr}")
    result: dict[str, Any] = json.loads(completed.stdout.splitlines()[-1])
    return result


def _print_coverage(columns: Mapping[str, Mapping[str, Any]]) -> None:
    width = max(len(name) for name in columns) + 2
    print(f"{'':<26}" + "".join(f"{name:>{width}}" for name in columns))
    rows: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
        "published ids": lambda result: str(result["ids"]),
        # The peer resolves and builds in one step.
        "resolve": lambda result: str(result.get("resolved", result["synthesized"])),
        "become a stack": lambda result: str(result["synthesized"]),
        "do not": lambda result: str(len(result["failures"])),
        "seconds": lambda result: f"{result['seconds']:.1f}",
        "milliseconds a stack": lambda result: f"{1000 * result['seconds'] / max(result['synthesized'], 1):.0f}",
    }
    for title, cell in rows.items():
        print(f"{title:<26}" + "".join(f"{cell(result):>{width}}" for result in columns.values()))
    for name, result in columns.items():
        failures = result["failures"]
        for message, count in Counter(failures.values()).most_common(3):
            example = next(model for model, text in failures.items() if text == message)
            print(f"\n{name} on {count}, such as {example}:\n  {message[:200]}")


def _print_loading() -> None:
    files = list(DEFAULT_LOCK.rglob("*.json"))
    sizes = [file.stat().st_size for file in files]
    lock = Lock.load()
    model_id = lock.model_ids()[len(lock.model_ids()) // 2]
    version = lock.versions(model_id)[0]
    print(f"\nthe lock: {len(files)} files, {sum(sizes) / 1000:.0f} kB, index {_index_size() / 1000:.0f} kB")
    print(f"  read the index               {_milliseconds(Lock.load):.2f} ms")
    print(f"  read the index and one model {_milliseconds(lambda: Lock.load().model(model_id, version)):.2f} ms")
    print(f"  read everything              {_milliseconds(lambda: list(Lock.load().entries()), 3):.0f} ms")


def _index_size() -> int:
    return (DEFAULT_LOCK / "index.json").stat().st_size


def _milliseconds(action: Callable[[], object], repetitions: int = _REPETITIONS) -> float:
    """Return the shortest time of several, in milliseconds."""
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


if __name__ == "__main__":
    sys.exit(main())
