"""The local AWS that stays: started, found by what it says of itself, and stopped."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tools import aws, local
from tools.cli.main import run

REFUSED = "http://127.0.0.1:9"
"""An address at which nothing listens: port 9 is the discard service's."""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which a local AWS that stays is recorded, in a folder of the test's own."""
    file = tmp_path / "state" / "localaws.json"
    monkeypatch.setattr(local, "_STATE", file)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return file


def _record(state: Path, *, url: str, pid: int) -> None:
    state.parent.mkdir(exist_ok=True)
    state.write_text(json.dumps({"url": url, "pid": pid}))


def _pid_of(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_localaws") as answer:
        return int(json.load(answer)["pid"])


def test_finds_one_that_says_that_it_is_that_process(state: Path, local_aws: str) -> None:
    pid = _pid_of(local_aws)
    _record(state, url=local_aws, pid=pid)

    assert local.find() == local.LocalAws(url=local_aws, pid=pid)


def test_another_local_aws_on_the_same_port_is_not_it(state: Path, local_aws: str) -> None:
    _record(state, url=local_aws, pid=os.getpid())

    assert local.find() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": "http://127.0.0.1:9"}', '{"url": 1, "pid": "x"}'])
def test_a_broken_record_is_none(state: Path, text: str) -> None:
    state.parent.mkdir()
    state.write_text(text)

    assert local.find() is None


def test_stops_no_process_that_only_has_the_recorded_id(state: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _record(state, url=REFUSED, pid=bystander.pid)

        assert local.find() is None
        assert local.stop() is None
        assert not state.exists()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.communicate()


@pytest.mark.local
def test_starts_one_says_that_it_runs_and_stops_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["local", "env"]) == 1
    assert capsys.readouterr() == ("", "error: no local AWS runs: ./jumpstack local start\n")
    try:
        assert run(["local", "start"]) == 0
        first, hint = capsys.readouterr().out.splitlines()
        url = first.removeprefix("the local AWS answers at ")
        assert hint == 'address it from this shell: eval "$(./jumpstack local env)"'

        assert run(["local", "start"]) == 0
        assert capsys.readouterr().out.startswith(f"the local AWS runs already, at {url}\n")

        assert run(["local", "env"]) == 0
        assert f"export AWS_ENDPOINT_URL={url}\n" in capsys.readouterr().out

        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert run(["local", "status"]) == 0
        assert capsys.readouterr().out == (
            f"the local AWS runs at {url} (process {_pid_of(url)})\nthis shell addresses the local AWS at {url}\n"
        )
    finally:
        assert run(["local", "stop"]) == 0
    assert capsys.readouterr().out == f"stopped the local AWS at {url}\n"
    assert local.find() is None
    assert run(["local", "stop"]) == 0
    assert capsys.readouterr().out == "no local AWS was running\n"


def test_status_fails_and_names_the_account_where_none_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "ada")

    assert run(["local", "status"]) == 1
    assert capsys.readouterr().out == (
        "no local AWS runs: ./jumpstack local start\nthis shell addresses AWS (profile ada)\n"
    )


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({}, "AWS (profile default)"),
        ({"AWS_PROFILE": "ada"}, "AWS (profile ada)"),
        ({"AWS_ACCESS_KEY_ID": "x"}, "AWS (credentials of this shell)"),
        ({"AWS_ACCESS_KEY_ID": "x", "AWS_PROFILE": "ada"}, "AWS (profile ada)"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, "the local AWS at http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://localhost:4566"}, "the local AWS at http://localhost:4566"),
        ({"AWS_ENDPOINT_URL": "https://aws.example.com"}, "AWS at https://aws.example.com"),
        ({"AWS_ENDPOINT_URL": "", "AWS_PROFILE": "ada"}, "AWS (profile ada)"),
    ],
)
def test_names_the_aws_that_a_shell_addresses(
    environment: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)

    assert aws.named() == name


def test_refuses_to_address_a_local_aws_that_does_not_answer(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", REFUSED)

    assert run(["keys", "list", "dev/falcon-7b"]) == 1
    assert capsys.readouterr() == (
        "",
        f"error: dev/falcon-7b: the local AWS at {REFUSED} (AWS_ENDPOINT_URL) does not answer: "
        "./jumpstack local start\n",
    )


def test_names_the_one_that_runs_in_place_of_the_one_that_is_addressed(
    state: Path, local_aws: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", REFUSED)
    _record(state, url=local_aws, pid=_pid_of(local_aws))

    with pytest.raises(aws.NotRunningError, match=rf'but one runs at {local_aws}: eval "\$\(\./jumpstack local env\)"'):
        aws.address()
