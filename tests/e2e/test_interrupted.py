"""A demo that is killed half way leaves no process behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.local, pytest.mark.sweep, pytest.mark.xdist_group("interrupted")]

ROOT = Path(__file__).resolve().parent.parent.parent


def _parents() -> dict[int, int]:
    """Each running process's parent; zombies have ended and do not count."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    return parents


def _descendants(ancestor: int) -> set[int]:
    parents = _parents()
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _commands(pids: set[int]) -> str:
    lines = []
    for pid in pids:
        try:
            lines.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return "\n".join(lines)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc to see every process that the demo started")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_killing_the_demo_ends_everything_that_it_started(number: signal.Signals) -> None:
    environment = {**os.environ, "CDK_VALIDATION": "false"}
    demo = subprocess.Popen(
        [str(ROOT / "jumpstack"), "demo"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        # A background process of a shell ignores interrupts, and so do its children: a terminal's does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no thread yet
    )
    started = {demo.pid}
    deadline = time.monotonic() + 60
    # Half way: the CLI is at work, and what it deployed is at work too.
    while "deploy" not in _commands(started) and time.monotonic() < deadline:
        started |= _descendants(demo.pid)
        time.sleep(0.05)
    assert "localaws" in _commands(started)
    assert "bin/cdk" in _commands(started)

    demo.send_signal(number)
    demo.wait(timeout=30)

    deadline = time.monotonic() + 20
    while (left := started & set(_parents())) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, _commands(left)
