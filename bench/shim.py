"""Measure the shim beside bare boto3, FastAPI with Mangum and LiteLLM: `python -m bench.shim`.

All do the same: a chat of OpenAI's comes as API Gateway's event, and goes to a stand-in SageMaker runtime over HTTP as
TGI's payload. Each has a venv of its own with pinned versions, made in `.local/shim-venvs` the first time, and the same
Python. Each runs as a function does in Lambda: a process that asks a Runtime API for its events, ours by its own loop,
the peers by AWS's `awslambdaric`. CPU time is the process's, all threads; figures are medians of fresh processes, a
request's of the least of ten blocks in each.

Linux only: other processes' CPU clocks and /proc.
"""

import argparse
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.peer_shim_loop import BLOCKS
from bench.shim_lambda import Function
from bench.shim_probes import PROBES, event, probe
from bench.shim_variants import BARE, OURS, ROOT, VARIANTS, Variant

_MEGABYTE: Final = 1e6
_WARM_UP: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one variant.

    Attributes:
        import_ms: CPU of a Python that imports the handler, and so makes its client, from the process's start.
        import_mb: What is resident then, in MB.
        process_ms: CPU of the function's process until it asks for its first event.
        process_mb: What is resident then.
        request_ms: CPU of a request, the handler alone.
        invocation_ms: CPU of an invocation, its runtime included.
        after_mb: What is resident after all of them.
        first_byte_ms: Time from the event to the streamed body's first byte.
    """

    import_ms: float
    import_mb: float
    process_ms: float
    process_mb: float
    request_ms: float
    invocation_ms: float
    after_mb: float
    first_byte_ms: float


def main() -> int:
    """Print the tables.

    Returns:
        0, or 1 when the shim misses a target.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.shim", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=11, help="fresh processes a figure")
    parser.add_argument("--requests", type=int, default=400, help="requests a process")
    parser.add_argument("--streams", type=int, default=21, help="streams a variant")
    parser.add_argument("--without-probes", action="store_true", help="measure only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _backend() as backend:
        folders = {variant: variant.install(Path(name)) for variant in VARIANTS}
        own = statistics.median(_own_first_byte(backend) for _ in range(options.streams))
        figures = _measure(folders, backend, options)
        print(_table(figures, own))
        if not options.without_probes:
            variants = [variant for variant in VARIANTS if not (variant.is_ours and variant is not OURS)]
            print()
            print(_probe_table({variant: probe(variant, folders[variant], backend) for variant in variants}))
    missed = _missed(figures, own)
    print("\n" + ("\n".join(missed) if missed else "the shim meets its targets"))
    return 1 if missed else 0


@contextmanager
def _backend() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.shim_backend"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    try:
        if process.stdout is None:
            raise RuntimeError("the stand-in has no output")
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def _own_first_byte(backend: str) -> float:
    """Milliseconds from a request to the first byte of the backend's own stream."""
    connection = http.client.HTTPConnection(backend.removeprefix("http://"))
    started = time.perf_counter()
    connection.request("POST", "/endpoints/plain/invocations-response-stream", b"{}")
    connection.getresponse().read(1)
    elapsed = time.perf_counter() - started
    connection.close()
    return 1000 * elapsed


def _measure(folders: Mapping[Variant, Path], backend: str, options: argparse.Namespace) -> dict[Variant, Figures]:
    """All figures; the variants take turns, so that what else the machine does falls on all of them."""
    modules: dict[Variant, list[dict[str, float]]] = {variant: [] for variant in folders}
    functions: dict[Variant, list[dict[str, float]]] = {variant: [] for variant in folders}
    for run in range(options.runs):
        # Requests need no more processes than to tell one that is unlike the others.
        requests = options.requests if run % 2 == 0 else 0
        streams = options.streams if run == 0 else 0
        for variant, folder in folders.items():
            environment = variant.environment(backend=backend, endpoint="plain")
            modules[variant].append(_module(variant, folder, environment, requests))
            functions[variant].append(_function(variant, folder, environment, requests, streams))
        print(f"run {run + 1} of {options.runs}", file=sys.stderr)
    return {
        variant: Figures(
            import_ms=1000 * _median(modules[variant], "start"),
            import_mb=_median(modules[variant], "resident") / _MEGABYTE,
            process_ms=1000 * _median(functions[variant], "start"),
            process_mb=_median(functions[variant], "resident") / _MEGABYTE,
            request_ms=1000 * _median(modules[variant], "each"),
            invocation_ms=1000 * _median(functions[variant], "each"),
            after_mb=_median(functions[variant], "after") / _MEGABYTE,
            first_byte_ms=1000 * _median(functions[variant], "first_byte"),
        )
        for variant in folders
    }


def _median(runs: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the median of the runs that measured it: not every run has requests or streams."""
    return statistics.median(run[name] for run in runs if run.get(name))


def _module(variant: Variant, folder: Path, environment: Mapping[str, str], requests: int) -> dict[str, float]:
    """Import the handler in a Python of its own, and call it there."""
    script = str(ROOT / "bench" / "peer_shim_loop.py")
    completed = subprocess.run(  # noqa: S603 - our own script
        [variant.python, script, variant.handler, str(requests)],
        cwd=folder,
        # The name makes the shim create its client at once, as in Lambda.
        env={**environment, "PYTHONPATH": str(folder), "AWS_LAMBDA_FUNCTION_NAME": "bench"},
        input=json.dumps(event(stream=False)),
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise RuntimeError(f"{variant.name}: {completed.stderr}")
    result: dict[str, float] = json.loads(completed.stdout.splitlines()[-1])
    return result


def _function(
    variant: Variant, folder: Path, environment: Mapping[str, str], requests: int, streams: int
) -> dict[str, float]:
    """Run it as Lambda does."""
    with Function(variant.command(), folder=folder, environment=environment) as function:
        found = {"start": function.cpu_seconds(), "resident": float(function.resident_bytes())}
        if requests:
            _invoke(function, _WARM_UP, stream=False)
            found["each"] = min(_block(function, requests // BLOCKS) for _ in range(BLOCKS))
        if streams:
            _invoke(function, 1, stream=True)
            found["first_byte"] = statistics.median(_invoke(function, streams, stream=True))
        if requests:
            found["after"] = float(function.resident_bytes())
    return found


def _block(function: Function, count: int) -> float:
    """CPU seconds of an invocation, over so many."""
    before = function.cpu_seconds()
    _invoke(function, count, stream=False)
    return (function.cpu_seconds() - before) / count


def _invoke(function: Function, count: int, *, stream: bool) -> list[float]:
    """Answer so many events; the seconds to each first byte."""
    replies = [function.invoke(event(stream=stream)) for _ in range(count)]
    if failed := [reply for reply in replies if reply.status != 200]:
        raise RuntimeError(f"answered with {failed[0].status}: {failed[0].body[:500]!r}")
    return [reply.first_byte for reply in replies]


def _table(figures: Mapping[Variant, Figures], own: float) -> str:
    bare = figures[BARE]
    rows: list[tuple[str, list[str]]] = [
        ("import + init of the handler, CPU ms", [_ratio(one.import_ms, bare.import_ms) for one in figures.values()]),
        ("resident then, MB", [f"{one.import_mb:.1f}" for one in figures.values()]),
        (
            "process until its first event, CPU ms",
            [_ratio(one.process_ms, bare.process_ms) for one in figures.values()],
        ),
        ("resident then, MB", [f"{one.process_mb:.1f}" for one in figures.values()]),
        ("resident after the requests, MB", [f"{one.after_mb:.1f}" for one in figures.values()]),
        ("a request, handler alone, CPU ms", [_ratio(one.request_ms, bare.request_ms, 2) for one in figures.values()]),
        (
            "an invocation, runtime included, CPU ms",
            [_ratio(one.invocation_ms, bare.invocation_ms, 2) for one in figures.values()],
        ),
        (
            f"first streamed byte, ms over the backend's {own:.1f}",
            [f"{one.first_byte_ms - own:.1f}" for one in figures.values()],
        ),
    ]
    return _markdown(["", *(variant.name for variant in figures)], [[title, *cells] for title, cells in rows])


def _ratio(value: float, bare: float, digits: int = 0) -> str:
    return f"{value:.{digits}f} ({value / bare:.2f} x)"


def _probe_table(found: Mapping[Variant, Mapping[str, str]]) -> str:
    rows = [[title, *(results[name] for results in found.values())] for name, title in PROBES.items()]
    return _markdown(["", *(variant.name for variant in found)], rows)


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _missed(figures: Mapping[Variant, Figures], own: float) -> list[str]:
    """List the targets that the shim misses; its whole process is compared with the import of bare boto3's handler."""
    ours, bare = figures[OURS], figures[BARE]
    targets: list[tuple[str, Any, Any]] = [
        ("import + init, CPU of bare boto3's", ours.process_ms / bare.import_ms, 1.1),
        ("resident, MB", ours.after_mb, 45),
        ("CPU a request, the handler alone, of bare boto3's", ours.request_ms / bare.request_ms, 1.15),
        ("CPU a request, runtime included, of boto3's with its", ours.invocation_ms / bare.invocation_ms, 1.15),
        ("first streamed byte, ms over the backend's", ours.first_byte_ms - own, 5),
    ]
    return [f"missed: {name} is {value:.2f}, target {limit}" for name, value, limit in targets if value > limit]


if __name__ == "__main__":
    sys.exit(main())
