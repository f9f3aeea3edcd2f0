"""The process: where it serves, and when it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.support.local_aws import Running, StackDriver

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "localaws"]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def wait_for(condition: Path | subprocess.Popen[bytes], *, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition.exists() if isinstance(condition, Path) else condition.poll() is not None:
            return True
        time.sleep(0.05)
    return False


def test_says_that_the_port_is_taken(taken_port: int) -> None:
    ended = subprocess.run(
        [*COMMAND, "--port", str(taken_port)], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{taken_port} (Address already in use)" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_refuses_an_account_that_is_none() -> None:
    ended = subprocess.run(
        [*COMMAND, "--account", "12345"], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )

    assert ended.returncode == 2
    assert "argument --account: '12345': an account's number has 12 digits" in ended.stderr


def test_serves_on_the_loopback_interface_only(local_aws: str) -> None:
    port = int(local_aws.rpartition(":")[2])
    with socket.socket() as other, pytest.raises(OSError, match="refused"):
        other.connect(("127.0.0.2", port))


def test_answers_as_soon_as_it_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    ready = tmp_path / "deep" / "ready"
    # What its user's shell says of an account is nothing to it.
    account = {"AWS_PROFILE": "of-nobody", "AWS_SESSION_TOKEN": "real", "AWS_ENDPOINT_URL_IAM": "http://127.0.0.1:9"}
    account |= dict.fromkeys(["HTTP_PROXY", "http_proxy", "ALL_PROXY"], "http://127.0.0.1:9")
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--account", "444455556666", "--ready-file", ready],
        cwd=REPOSITORY,
        env={**os.environ, **account},
        stdout=subprocess.DEVNULL,
    )
    try:
        assert wait_for(ready)
        started = Running.read(ready)
        client = boto3.client("sts", region_name="us-east-1", endpoint_url=started.url, **started.credentials)
        assert client.get_caller_identity()["Account"] == "444455556666"
        cloudformation = boto3.client(
            "cloudformation", region_name="eu-west-1", endpoint_url=started.url, **started.credentials
        )
        driver = StackDriver(cloudformation)
        assert driver.deploy("any", {"Topic": {"Type": "AWS::SNS::Topic"}}) == "CREATE_COMPLETE"
        assert driver.physical_ids("any")["Topic"].startswith("arn:aws:sns:eu-west-1:444455556666:")
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0


def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    ready, pid_file = tmp_path / "ready", tmp_path / "pid"
    # A parent that starts the server, tells its process id and waits to be killed.
    parent_code = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'localaws', '--port', '0', '--ready-file', sys.argv[1]]\n"
        "server = subprocess.Popen([*command, '--parent-pid', str(os.getpid())])\n"
        "open(sys.argv[2], 'w').write(str(server.pid))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", parent_code, ready, pid_file], cwd=REPOSITORY)
    assert wait_for(ready)
    server = int(pid_file.read_text())

    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and _runs(server):
        time.sleep(0.05)
    assert not _runs(server)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody may collect an orphan in a container; a zombie has ended.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
