"""The local AWS that stays: started, found by what it says of itself, and stopped."""

import json
import os
import signal
import stat
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest

from stacks.environments import DEV
from stacks.models import FALCON_7B
from tests.support.local_aws import running, steer
from tools import aws, deployed, local
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


def _record(state: Path, recorded: local.LocalAws) -> None:
    state.parent.mkdir(exist_ok=True)
    state.write_text(json.dumps(asdict(recorded)))


def _gone(*, pid: int = 0) -> local.LocalAws:
    return local.LocalAws(url=REFUSED, apis_url=REFUSED, access_key_id="key", secret_access_key="secret", pid=pid)


@pytest.fixture
def there(local_aws: str) -> local.LocalAws:
    """Return the tests' local AWS as its starter knows it."""
    return local.LocalAws(**asdict(running(local_aws)), pid=int(steer(local_aws, "")["pid"]))


def test_finds_one_that_says_that_it_is_that_process(state: Path, there: local.LocalAws) -> None:
    _record(state, there)

    assert local.find() == there


def test_another_local_aws_on_the_same_port_is_not_it(state: Path, there: local.LocalAws) -> None:
    _record(state, replace(there, pid=os.getpid()))
    assert local.find() is None

    _record(state, replace(there, secret_access_key="another's"))
    assert local.find() is None


TEXTS = '"url": "", "apis_url": "", "access_key_id": "", "secret_access_key": ""'


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", '{"url": "http://127.0.0.1:9"}', '{"url": 1, "pid": "x"}'),
        *(f'{{{TEXTS}, "pid": {pid}}}' for pid in ("Infinity", "NaN", "[]")),
    ],
)
def test_a_broken_record_is_none_and_goes(state: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    state.parent.mkdir()
    state.write_text(text)

    assert local.find() is None
    assert local.stop() is None
    assert capsys.readouterr().err == (
        "removed the record of a local AWS, which does not answer; no process was ended\n"
    )
    assert not state.exists()


def test_stops_no_process_that_only_has_the_recorded_id(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        _record(state, _gone(pid=bystander.pid))

        assert local.find() is None
        assert local.stop() is None
        assert not state.exists()
        assert bystander.poll() is None
        assert capsys.readouterr().err == (
            f"removed the record of the local AWS at {REFUSED} (process {bystander.pid}), which does not answer; "
            "no process was ended\n"
        )
    finally:
        bystander.kill()
        bystander.communicate()


@pytest.mark.parametrize("error", [ProcessLookupError, PermissionError])
def test_a_process_that_has_ended_meanwhile_or_is_anothers_is_left_alone(
    state: Path, there: local.LocalAws, monkeypatch: pytest.MonkeyPatch, error: type[OSError]
) -> None:
    _record(state, there)
    asked: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        asked.append((pid, number))
        raise error

    monkeypatch.setattr(os, "kill", kill)

    assert local.stop() == there
    assert asked == [(there.pid, signal.SIGTERM)]
    assert not state.exists()


def test_ends_by_force_what_does_not_end_when_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    stubborn = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    monkeypatch.setattr(local, "_STOP_SECONDS", 0.3)

    local._end(stubborn.pid)

    stubborn.communicate()
    with pytest.raises(ProcessLookupError):
        os.kill(stubborn.pid, 0)


def test_an_environment_addresses_it_and_no_account_any_more() -> None:
    environment = {
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "work",
        "AWS_ENDPOINT_URL_S3": "https://storage.example.com",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/real",
        "NO_PROXY": "none.example.com",
        "PATH": "/bin",
    }

    _gone().put_into(environment)

    assert environment == {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_REGION": "us-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": REFUSED,
        "AWS_ENDPOINT_URL_EXECUTE_API": REFUSED,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "NO_PROXY": "none.example.com,127.0.0.1,localhost",
        "no_proxy": "none.example.com,127.0.0.1,localhost",
        "PATH": "/bin",
    }
    assert "secret" not in repr(_gone()).replace("secret_access_key", "")


@pytest.mark.parametrize(
    ("environment", "listed"),
    [
        ({}, "127.0.0.1,localhost"),
        ({"no_proxy": ".example.com, localhost"}, ".example.com,localhost,127.0.0.1"),
        (
            {"no_proxy": "a.example.com", "NO_PROXY": "b.example.com,"},
            "a.example.com,b.example.com,127.0.0.1,localhost",
        ),
        ({"NO_PROXY": "*"}, "*"),
    ],
)
def test_this_machine_is_reached_without_a_proxy_as_are_those_that_were(
    environment: dict[str, str], listed: str
) -> None:
    assert local.reached_directly(environment) == {"no_proxy": listed, "NO_PROXY": listed}


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_command_reaches_the_local_aws_where_a_proxy_is_set(
    variable: str, there: local.LocalAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {**there.client_environment(), "NO_PROXY": "", "no_proxy": "", variable: REFUSED}.items():
        monkeypatch.setenv(name, value)

    assert run(["keys", "list", "dev/falcon-7b"]) == 0

    assert capsys.readouterr().out == "dev/falcon-7b has no keys\n"


def test_an_account_behind_a_proxy_that_does_not_answer_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    variables = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "HTTPS_PROXY": REFUSED,
        "AWS_MAX_ATTEMPTS": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert run(["keys", "list", "dev/falcon-7b"]) == 1

    *_, line = capsys.readouterr().err.splitlines()
    assert line == (
        "error: dev/falcon-7b: AWS (credentials of this shell) cannot be asked: "
        f'Failed to connect to proxy URL: "{REFUSED}"; HTTPS_PROXY names it'
    )


def test_the_shell_is_told_to_forget_what_addresses_an_account(
    state: Path, there: local.LocalAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _record(state, there)
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")

    assert run(["local", "env"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert {"unset AWS_PROFILE", "unset AWS_SESSION_TOKEN"} <= set(lines)
    assert f"export AWS_SECRET_ACCESS_KEY={there.secret_access_key}" in lines
    assert "unset AWS_WEB_IDENTITY_TOKEN_FILE" not in lines


def test_says_what_the_local_aws_refuses_in_steering(there: local.LocalAws) -> None:
    with pytest.raises(local.LocalAwsError, match=r"PUT stepfunctions: 400 .*wait_scale is -1"):
        there.steer("PUT", "stepfunctions", {"wait_scale": -1})
    with pytest.raises(local.LocalAwsError, match="GET : 403"):
        replace(there, secret_access_key="").steer("GET", "")


def test_credentials_that_the_local_aws_does_not_take_name_the_command_that_gives_them(
    there: local.LocalAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {**there.client_environment(), "AWS_ACCESS_KEY_ID": "test"}.items():
        monkeypatch.setenv(name, value)

    assert run(["keys", "list", "dev/falcon-7b"]) == 1

    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: dev/falcon-7b: the local AWS at {there.url} does not take this shell's credentials "
        "(InvalidClientTokenId): "
        'eval "$(./jumpstack local env)"'
    )


def test_starts_none_beside_one_that_runs(state: Path, there: local.LocalAws) -> None:
    _record(state, there)

    with pytest.raises(local.LocalAwsError, match=f"runs already, at {there.url}.*: ./jumpstack local stop"):
        local.start()

    assert local.find() == there


@pytest.mark.local
def test_starts_one_says_that_it_runs_and_stops_it(
    state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    state.parent.mkdir(mode=0o755)
    assert run(["local", "env"]) == 1
    assert capsys.readouterr() == ("", "error: no local AWS runs: ./jumpstack local start\n")
    try:
        assert run(["local", "start", "--account", "444455556666"]) == 0
        first, hint, bootstrap = capsys.readouterr().out.splitlines()
        url, _, engine = first.removeprefix("the local AWS answers at ").partition(", its models by ")
        assert engine == "deterministic"
        assert hint == 'address it from this shell: eval "$(./jumpstack local env)"'
        places = "aws://444455556666/us-east-2 aws://444455556666/us-west-2"
        assert bootstrap == f"before the first deployment: ./jumpstack cdk bootstrap {places}"

        assert run(["local", "start", "--account", "111122223333"]) == 1
        assert "it plays account 444455556666, not 111122223333" in capsys.readouterr().err
        assert run(["local", "start"]) == 0
        assert capsys.readouterr().out.startswith(f"the local AWS runs already, at {url}\n")

        assert run(["local", "env"]) == 0
        assert f"export AWS_ENDPOINT_URL={url}\n" in capsys.readouterr().out
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (state.parent, *state.parent.iterdir())}
        assert modes == {"state": 0o700, "localaws.json": 0o600, "localaws.log": 0o600}
        started = local.find()
        assert started is not None
        assert started.secret_access_key not in state.with_suffix(".log").read_text()

        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        assert run(["local", "status"]) == 0
        assert capsys.readouterr().out == (
            f"the local AWS runs at {url} (process {started.pid})\nthis shell addresses the local AWS at {url}\n"
        )
    finally:
        assert run(["local", "stop"]) == 0
    assert capsys.readouterr().out == f"stopped the local AWS at {url}\n"
    assert local.find() is None
    assert run(["local", "stop"]) == 0
    assert capsys.readouterr().out == "no local AWS was running\n"


def test_an_account_that_is_none_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["local", "start", "--account", "dev"]) == 2
    assert "--account is 'dev': an account's number has 12 digits" in capsys.readouterr().err


def test_starts_with_the_account_that_all_environments_declare(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = replace(DEV, account="444455556666")
    monkeypatch.setattr(deployed, "DEPLOYMENTS", ((mine, (FALCON_7B,)),))
    monkeypatch.setattr(local, "start", lambda *, account: replace(_gone(), account=account))
    monkeypatch.setattr(local.LocalAws, "engine", "deterministic")

    assert run(["local", "start"]) == 0
    assert capsys.readouterr().out.endswith(" cdk bootstrap aws://444455556666/us-west-2\n")


def test_an_interrupt_while_it_starts_leaves_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def recorded(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(popen(*arguments, **options))
        return started[0]

    def interrupted(_seconds: float) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.local.subprocess.Popen", recorded)
    monkeypatch.setattr("tools.local.time.sleep", interrupted)

    assert run(["local", "start"]) == 130
    assert capsys.readouterr().err == "interrupted: no local AWS was started\n"
    assert started[0].returncode == -signal.SIGKILL


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
    state: Path, there: local.LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", REFUSED)
    _record(state, there)

    with pytest.raises(aws.NotRunningError, match=rf'but one runs at {there.url}: eval "\$\(\./jumpstack local env\)"'):
        aws.address()
