"""The suite itself: what it asks before a run, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.made import Made, remove_leftovers
from tests.conformance.report import Seen, print_table, record
from tests.conformance.target import Target, error_of
from tools import conformance
from tools.beliefs import FOLDER, beliefs
from tools.cli.main import run
from tools.conformance import VARIABLE

_ACCOUNT = "444455556666"
_BELIEF = beliefs()[0]


class Account:
    """An account that knows roles by their names only, instead of boto3's clients."""

    def __init__(self, *, broken: bool = False) -> None:
        self.calls: list[str] = []
        self.broken = broken

    def client(self, service: str) -> Any:
        """Return a client, which is the account itself."""
        return self

    def delete_role(self, RoleName: str) -> None:  # noqa: N803 - AWS's name
        """Delete a role, which is gone already where its name says so."""
        self.calls.append(RoleName)
        if RoleName == "gone" or self.broken:
            code = "NoSuchEntity" if RoleName == "gone" else "Throttling"
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteRole")

    def target(self, run: str = "run") -> Target:
        """Return the account as a target."""
        return Target(account=_ACCOUNT, region="eu-west-1", client=self.client, url=None, run=run)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The places in which the command would run the tests."""
    started: list[str] = []

    def become(_: str, arguments: list[str], environment: dict[str, str]) -> None:
        assert arguments[1:3] == ["-m", "pytest"]
        started.append(environment[VARIABLE])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", become)
    monkeypatch.setattr(os, "chdir", lambda _: None)
    return started


def _credentials(monkeypatch: pytest.MonkeyPatch, account: str) -> None:
    monkeypatch.setattr(conformance, "_account", lambda: account)


@pytest.mark.parametrize("arguments", [[], ["--account", ""], ["--account", "12"], ["--account", _ACCOUNT]])
def test_says_in_one_line_what_it_needs(
    arguments: list[str],
    runs: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
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


@pytest.mark.parametrize("answer", ["", "y", "444455556667"])
def test_makes_nothing_without_the_accounts_number(
    answer: str, runs: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _credentials(monkeypatch, _ACCOUNT)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    assert run(["conformance", "--account", _ACCOUNT]) == 1
    shown = capsys.readouterr()
    assert f"It costs at most {conformance.ceiling():.2f} USD." in shown.out
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


def test_costs_cents() -> None:
    assert 0 < conformance.ceiling() <= 0.5


def test_removes_the_newest_first_and_takes_what_is_gone_for_removed(tmp_path: Path) -> None:
    account = Account()
    made = Made(account.target(), folder=tmp_path)
    for name in ("first", "gone", "last"):
        made.undo("iam", "delete_role", RoleName=name)
    assert made.remove() == []
    assert account.calls == ["last", "gone", "first"]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_removed_is_said_and_stays_in_the_ledger(tmp_path: Path) -> None:
    account = Account(broken=True)
    made = Made(account.target(), folder=tmp_path)
    made.undo("iam", "delete_role", RoleName="role")
    assert made.remove() == ["iam delete_role {'RoleName': 'role'}: Throttling: no"]
    account.broken = False
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["role", "role"]
    assert list(tmp_path.iterdir()) == []


def test_the_next_run_removes_what_a_killed_one_left_in_this_account_only(tmp_path: Path) -> None:
    account = Account()
    Made(account.target(), folder=tmp_path).undo("iam", "delete_role", RoleName="left")
    other = tmp_path / "conformance-111122223333-eu-west-1-run.json"
    other.write_text(json.dumps([["iam", "delete_role", {"RoleName": "another's"}]]), encoding="utf-8")
    assert remove_leftovers(account.target("next"), folder=tmp_path) == []
    assert account.calls == ["left"]
    assert list(tmp_path.iterdir()) == [other]


def test_a_refusal_is_its_code_and_message() -> None:
    assert error_of(Account().delete_role, RoleName="gone") == ("NoSuchEntity", "no")
    assert error_of(Account().delete_role, RoleName="there") == ("", "")


def test_observations_hold_no_account_number_and_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text((FOLDER / "api-gateway.toml").read_text(encoding="utf-8"), encoding="utf-8")
    [belief, *_] = beliefs(tmp_path)
    file = tmp_path / "observations.toml"
    answer = f'role "{_ACCOUNT}", request 0f2c9f4e-1b1a-4c55-8f3e-0123456789ab\n'
    for holds in (True, False):
        record([Seen(belief, holds, answer)], account=_ACCOUNT, region="eu-west-1", file=file)
    [seen, *_] = beliefs(tmp_path)
    assert [one.holds for one in seen.seen] == [True, False]
    assert seen.seen[0].answer == 'role "111122223333", request <id>\n'
    assert _ACCOUNT not in file.read_text(encoding="utf-8")
    assert len(tomllib.loads(file.read_text(encoding="utf-8"))["observation"]) == 2


def test_the_table_shows_claim_source_and_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    write: Callable[[str], None] = lines.append
    monkeypatch.delenv(VARIABLE, raising=False)
    print_table(write, [Seen(_BELIEF, True, "200")], region=None)
    assert lines == []
    monkeypatch.setenv(VARIABLE, "local")
    print_table(write, [Seen(_BELIEF, True, "200"), Seen(_BELIEF, False, "500")], region="eu-west-1")
    assert lines[1] == f"\n{_BELIEF.id}: DOES NOT HOLD"
    assert lines[4:] == ["  seen    200; 500", "\n0 of 1 beliefs hold on an account in eu-west-1"]
