"""The local AWS of this machine: one for the length of a block, or one that stays until it is stopped."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tools.processes import ROOT, dies_with_its_parent
from tools.retired import retired

_STATE = ROOT / ".local" / "localaws.json"
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_ANSWER_SECONDS = 5.0
# Where the local AWS says its process's id (localaws/identity.py).
_IDENTITY = "/_localaws"
# Regions and credentials mean nothing to the local AWS, but clients insist on having them.
_REGION = "us-west-2"


class LocalAwsError(RuntimeError):
    """The local AWS does not start."""


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
        raise LocalAwsError(f"the local AWS did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")


@contextmanager
def running() -> Iterator[LocalAws]:
    """Run a local AWS that ends with the block, and with this process however that ends.

    Raises:
        LocalAwsError: If it does not start.
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
        LocalAwsError: If it does not start.
    """
    stop()
    _STATE.parent.mkdir(exist_ok=True)
    process, local_aws = _launch([], log=_STATE.with_suffix(".log"), detached=True)
    # It outlives this process on purpose, and is waited for by its id: nothing is to warn of a process left behind.
    process.returncode = 0
    _STATE.write_text(json.dumps({"url": local_aws.url, "pid": local_aws.pid}), encoding="utf-8")
    return local_aws


def find() -> LocalAws | None:
    """Return the local AWS that was started to stay, where it still runs.

    What is written down of it may be old: the process that has its id by now may be anybody's, and so may the port.
    Only one that answers and says that id itself counts.
    """
    try:
        state = json.loads(_STATE.read_text(encoding="utf-8"))
        local_aws = LocalAws(url=str(state["url"]), pid=int(state["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return local_aws if _process_at(local_aws.url) == local_aws.pid else None


def stop() -> LocalAws | None:
    """Stop the local AWS that was started to stay, and return it; None where none ran."""
    local_aws = find()
    if local_aws is not None:
        os.kill(local_aws.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while _runs(local_aws.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
    _STATE.unlink(missing_ok=True)
    return local_aws


def _process_at(url: str) -> int | None:
    """Return the id of the process of the local AWS at an address; None where there is none."""
    # Not at the top: all commands import this module, and few of them ask.
    import http.client  # noqa: PLC0415 - see above

    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", _IDENTITY)
        answer = json.loads(connection.getresponse().read())
        return int(answer["pid"])
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _runs(pid: int) -> bool:
    try:
        # A child of this process stays as a zombie until somebody waits for it.
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(retired("tools.local"))
