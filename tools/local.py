"""The local AWS of this machine: `python -m tools.local start`, `env` and `stop`.

`start` leaves it running; `env` prints what a shell needs to talk to it (`eval "$(python -m tools.local env)"`);
after that the CDK CLI, boto3 and the project's commands deploy there instead of to AWS.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.processes import ROOT, dies_with_its_parent

_STATE = ROOT / ".local" / "localaws.json"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
# Regions and credentials mean nothing to the local AWS, but clients insist on having them.
_REGION = "us-west-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAws:
    """A running local AWS.

    Attributes:
        url: Where it answers, such as `http://127.0.0.1:4566`.
        pid: Its process.
    """

    url: str
    pid: int

    def client_environment(self) -> dict[str, str]:
        """Return the environment variables that send AWS's clients there."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _launch(arguments: list[str], *, log: Path, detached: bool) -> tuple[subprocess.Popen[bytes], LocalAws]:
    with tempfile.TemporaryDirectory() as folder:
        ready_file = Path(folder) / "ready"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [sys.executable, "-m", "localaws", "--port", "0", "--ready-file", str(ready_file), *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=detached,
                preexec_fn=None if detached else dies_with_its_parent,  # noqa: PLW1509 - no thread runs yet
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if ready_file.exists() and (url := ready_file.read_text(encoding="utf-8").strip()):
                return process, LocalAws(url=url, pid=process.pid)
            time.sleep(0.05)
        process.kill()
        raise RuntimeError(f"the local aws did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@contextmanager
def running() -> Iterator[LocalAws]:
    """Run a local AWS that ends with the block, and with this process however that ends.

    Raises:
        RuntimeError: If it does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        process, local_aws = _launch(
            ["--parent-pid", str(os.getpid())], log=Path(folder) / "localaws.log", detached=False
        )
        try:
            yield local_aws
        finally:
            process.terminate()
            try:
                process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def start() -> LocalAws:
    """Start a local AWS that stays, in place of one that was started before.

    Raises:
        RuntimeError: If it does not start.
    """
    stop()
    _STATE.parent.mkdir(exist_ok=True)
    _, local_aws = _launch([], log=_STATE.with_suffix(".log"), detached=True)
    _STATE.write_text(json.dumps({"url": local_aws.url, "pid": local_aws.pid}), encoding="utf-8")
    return local_aws


def find() -> LocalAws | None:
    """Return the local AWS that was started to stay, where it still runs."""
    try:
        state = json.loads(_STATE.read_text(encoding="utf-8"))
        os.kill(state["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return LocalAws(url=state["url"], pid=state["pid"])


def stop() -> bool:
    """Stop the local AWS that was started to stay; tell whether one ran."""
    local_aws = find()
    if local_aws is not None:
        os.kill(local_aws.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while find() is not None and time.monotonic() < deadline:
            time.sleep(0.05)
    _STATE.unlink(missing_ok=True)
    return local_aws is not None


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line's, by default.

    Returns:
        0, or 1 when there is no local AWS to talk about.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.local", description="the local AWS of this machine")
    parser.add_argument("command", choices=["start", "env", "stop"])
    command = parser.parse_args(arguments).command
    if command == "start":
        print(f"the local aws answers at {start().url}")
        print('talk to it from this shell: eval "$(python -m tools.local env)"')
        return 0
    if command == "stop":
        print("stopped" if stop() else "no local aws was running")
        return 0
    local_aws = find()
    if local_aws is None:
        print("no local aws is running: python -m tools.local start", file=sys.stderr)
        return 1
    for name, value in local_aws.client_environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
