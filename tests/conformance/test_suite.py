"""The suite itself: what it asks before a run, and what it records after one."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.conformance.conftest import verdict
from tests.conformance.report import Seen, print_table, record
from tools import conformance
from tools.beliefs import FOLDER, beliefs
from tools.cli.main import run
from tools.conformance import GPU_VARIABLE, VARIABLE
from tools.processes import ROOT

_ACCOUNT = "444455556666"
_BELIEF = beliefs()[0]


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places in which the command would run the tests."""
    started: list[str] = []

    def become(_: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert arguments[1:3] == ["-m", "pytest"]
        started.append(environment[VARIABLE] + " with a GPU" * (GPU_VARIABLE in environment))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    return started


def _credentials(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    monkeypatch.setattr(conformance, "_account", lambda: account)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--account", "12"], 1, "error: --account is '12': an account's number has 12 digits"),
        (["--local", "--account", _ACCOUNT], 2, "error: --local is without --account: nothing is made in an account"),
        (["--local", "--region", "eu-west-1"], 2, "error: --local is without --region"),
        (["--local", "--yes"], 2, "error: --local is without --yes"),
        (["--account", _ACCOUNT, "--region", "us-wst-2"], 2, "error: --region is 'us-wst-2': AWS has no such region"),
    ],
)
def test_names_the_option_that_is_wrong(
    arguments: list[str], code: int, says: str, runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["conformance", *arguments]) == code
    assert capsys.readouterr().err.startswith(says)
    assert runs == []


@pytest.mark.parametrize("arguments", [[], ["--account", ""], ["--account", _ACCOUNT]])
def test_says_in_one_line_what_it_needs(
    arguments: list[str],
    runs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    assert run(["conformance", *arguments]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: an account needs --account with its 12 digits (make conformance ACCOUNT=…)")
    assert runs == []


def test_refuses_another_account_than_the_credentials(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _credentials(monkeypatch, "111122223333")
    assert run(["conformance", "--account", _ACCOUNT, "--yes"]) == 1
    assert capsys.readouterr().err == f"error: the credentials are of account 111122223333, not {_ACCOUNT}\n"
    assert runs == []


def test_refuses_to_send_calls_elsewhere_than_to_aws(
    runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _credentials(monkeypatch, _ACCOUNT)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://localhost:1")
    assert run(["conformance", "--account", _ACCOUNT, "--yes"]) == 1
    error = "error: AWS_ENDPOINT_URL_S3 would send calls elsewhere than to AWS: unset it\n"
    assert capsys.readouterr().err == error
    assert runs == []


def test_credentials_that_do_not_work_are_refused_in_their_own_words(
    runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert run(["conformance", "--account", _ACCOUNT, "--yes"]) == 1
    error = "error: the credentials do not work: The config profile (none) could not be found\n"
    assert capsys.readouterr().err == error
    assert runs == []


def test_the_tests_themselves_stop_where_calls_would_not_reach_the_account(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {VARIABLE: f"{_ACCOUNT}/eu-west-1", "AWS_ENDPOINT_URL": "http://localhost:1"}
    environment |= dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(tmp_path / "none"))
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    test = "tests/conformance/test_words_of_errors.py"
    command = [sys.executable, "-m", "pytest", test, "-q", "-n", "0", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nothing was made: AWS_ENDPOINT_URL would send calls elsewhere" in ended.stdout
    assert " failed" not in ended.stdout
    assert " deselected" in ended.stdout


@pytest.mark.parametrize(
    ("error", "observed", "holds"),
    [
        (None, True, True),
        (AssertionError("500"), True, False),
        (AssertionError("not there yet"), False, None),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "ListKeys"), True, None),
        (KeyError("status"), True, None),
    ],
)
def test_a_belief_fails_only_by_what_was_observed(error: Exception | None, observed: bool, holds: bool | None) -> None:
    assert verdict(error, observed=observed) is holds


@pytest.mark.parametrize("answer", ["", "y", "444455556667"])
def test_makes_nothing_without_the_accounts_number(
    answer: str, runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _credentials(monkeypatch, _ACCOUNT)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert run(["conformance", "--account", _ACCOUNT]) == 1
    shown = capsys.readouterr()
    assert f"It costs at most {conformance.ceiling():.2f} USD by list prices of us-east-1" in shown.out
    assert shown.err == "error: nothing was made: the account's number was not typed\n"
    assert runs == []


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["--account", _ACCOUNT, "--region", "eu-west-1"], f"{_ACCOUNT}/eu-west-1"),
        (["--account", _ACCOUNT], f"{_ACCOUNT}/us-west-2"),
        (["--local"], "local"),
    ],
)
def test_runs_in_the_account_whose_number_was_typed(
    arguments: list[str], place: str, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _credentials(monkeypatch, _ACCOUNT)
    monkeypatch.setattr("builtins.input", lambda _: f" {_ACCOUNT} ")
    with pytest.raises(SystemExit):
        run(["conformance", *arguments])
    assert runs == [place]


def test_costs_cents_and_dollars_with_a_gpu() -> None:
    assert 0 < conformance.ceiling() <= 0.5
    assert 3 < conformance.ceiling(gpu=True) <= 4


@pytest.mark.parametrize("gpu", [False, True])
def test_the_gpu_is_asked_for_and_its_price_shown(
    gpu: bool, runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _credentials(monkeypatch, _ACCOUNT)
    monkeypatch.setattr("builtins.input", lambda _: _ACCOUNT)
    with pytest.raises(SystemExit):
        run(["conformance", "--account", _ACCOUNT, *["--gpu"] * gpu])
    shown = capsys.readouterr().out
    assert ("ml.g5.2xlarge" in shown) is ("runs until its stack is deleted" in shown) is gpu
    assert f"at most {conformance.ceiling(gpu=gpu):.2f} USD" in shown
    assert runs == [f"{_ACCOUNT}/us-west-2{' with a GPU' * gpu}"]


def test_observations_hold_no_account_number_and_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text((FOLDER / "api-gateway.toml").read_text(encoding="utf-8"), encoding="utf-8")
    [belief, *_] = beliefs(tmp_path)
    file = tmp_path / "observations.toml"
    answer = f'»{_ACCOUNT}«, "arn:aws:iam::{_ACCOUNT}:role/own", request 0f2c9f4e-1b1a-4c55-8f3e-0123456789ab\n\x7f'
    record([Seen(belief, None, answer)], account=_ACCOUNT, region="eu-west-1", file=file)
    assert not file.exists()
    for holds in (True, None, False):
        record([Seen(belief, holds, answer)], account=_ACCOUNT, region="eu-west-1", file=file)
    [seen, *_] = beliefs(tmp_path)
    assert [one.holds for one in seen.seen] == [True, False]
    assert seen.seen[0].answer == '»111122223333«, "<arn>", request <id>\n\x7f'
    assert "»" in file.read_text(encoding="utf-8")
    assert _ACCOUNT not in file.read_text(encoding="utf-8")
    assert len(tomllib.loads(file.read_text(encoding="utf-8"))["observation"]) == 2


def test_the_table_shows_claim_source_and_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    write: Callable[[str], None] = lines.append
    monkeypatch.delenv(VARIABLE, raising=False)
    print_table(write, [], region=None)
    assert lines == []
    print_table(write, [Seen(_BELIEF, True, "200")], region=None)
    assert lines == ["1 of 1 beliefs hold on the local AWS: ./jumpstack conformance --local shows them"]
    lines.clear()
    monkeypatch.setenv(VARIABLE, "local")
    print_table(write, [Seen(_BELIEF, True, "200"), Seen(_BELIEF, False, "500")], region="eu-west-1")
    assert lines[1] == f"\n{_BELIEF.id}: DOES NOT HOLD"
    assert lines[4:] == ["  seen    200; 500", "\n0 of 1 beliefs hold on an account in eu-west-1"]


@pytest.mark.parametrize("columns", [80, 200])
def test_the_table_leaves_nothing_out_and_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setenv(VARIABLE, "local")
    monkeypatch.setenv("COLUMNS", str(columns))
    answer = " ".join(f"word{number}" for number in range(100))

    print_table(lines.append, [Seen(_BELIEF, True, answer)], region=None)

    printed = "\n".join(lines)
    assert all(len(line) <= columns for line in printed.splitlines())
    assert f"seen {answer}" in " ".join(printed.split())
