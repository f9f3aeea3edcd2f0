import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tools import cdk

ROOT = Path(__file__).resolve().parent.parent.parent


def _gone(pid: int, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_ends_when_what_started_it_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    pid_file = tmp_path / "pid"
    child = (
        "import os, pathlib, time; from tools.processes import end_with_parent; end_with_parent(poll_seconds=0.05);"
        f"pathlib.Path({str(pid_file)!r}).write_text(str(os.getpid())); time.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    starter = subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stderr=subprocess.DEVNULL)
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.05)

    starter.send_signal(number)
    starter.wait()

    assert _gone(int(pid_file.read_text()), within=10)


def test_an_interrupt_of_a_called_cli_alone_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cli = tmp_path / "cdk"
    cli.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    cli.chmod(0o755)
    monkeypatch.setattr(cdk, "_CLI", cli)
    monkeypatch.setattr(cdk, "_INTERRUPTED_SECONDS", 0.1)
    pid_file = tmp_path / "pid"

    def interrupt() -> None:
        while not (pid_file.exists() and pid_file.read_text()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    # A shell starts a job in the background with interrupts ignored, and this suite may be one.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            cdk.call(["ls"])
    finally:
        signal.signal(signal.SIGINT, before)

    assert _gone(int(pid_file.read_text()), within=5)
