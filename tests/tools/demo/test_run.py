"""The demo's words: what it prints of answers and at its end, and what goes on where it does not end well."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from rich.console import Console

from stacks.environments import DEV
from tools import deployed
from tools.cli.main import run as run_command
from tools.demo import answers
from tools.demo import run as demo
from tools.deployed import declared_stack
from tools.local import DEFAULT_ACCOUNT, LocalAws

URL = "http://127.0.0.1:9"
LOCAL_AWS = LocalAws(url=URL, apis_url=URL, access_key_id="key", secret_access_key="secret", pid=0)


def _demo(width: int, *paths: str) -> tuple[demo.Demo, io.StringIO]:
    printed = io.StringIO()
    console = Console(file=printed, width=width)
    made = demo.Demo(console=console, cdk=Mock(), local_aws=LOCAL_AWS, environment_name="dev", assembly=Path("cdk.out"))
    made._stacks = [declared_stack(path) for path in paths] or made._stacks
    return made, printed


def test_names_a_base_model_to_complete_with_where_none_chats() -> None:
    made, printed = _demo(80, "dev/falcon-7b", "dev/mistral-7b")

    made.print_next_commands()

    assert (
        "  ./jumpstack chat dev/falcon-7b 'Building a website can be done in 10 simple steps:'\n" in printed.getvalue()
    )


def test_names_a_model_that_chats_where_there_is_one() -> None:
    made, printed = _demo(80, "dev/falcon-7b", "dev/mistral-7b-instruct")

    made.print_next_commands()

    assert "  ./jumpstack chat dev/mistral-7b-instruct 'What is" in printed.getvalue()


ANSWER = ("dev/x", "dev-x", "ml.g5.2xlarge", f"https://{'a' * 70}.example.com/live/", f"a [b]long[/b] {'word ' * 20}")


def test_prints_answers_in_a_table_where_there_is_room_and_in_blocks_within_80_columns() -> None:
    wide, in_table = _demo(200)
    narrow, in_blocks = _demo(80)

    answers.print_answers(wide._console, [ANSWER])
    answers.print_answers(narrow._console, [ANSWER])

    assert "┃ stack" in in_table.getvalue()
    path, served_by, url, *answer = in_blocks.getvalue().splitlines()
    assert (path, served_by, url.strip()) == ("dev/x", "  dev-x on ml.g5.2xlarge", ANSWER[3])
    assert all(len(line) <= 80 for line in answer)
    assert "[b]long[/b]" in answer[0]


@pytest.mark.parametrize("account", [None, "444455556666"])
def test_names_the_stacks_of_the_declared_account(account: str | None) -> None:
    stacks = [replace(declared_stack(path), account=account) for path in ("prod/falcon-7b", "prod/arctic-instruct")]

    prefix = "account/444455556666-" if account else "account/"
    assert deployed.account_paths(stacks) == [f"{prefix}us-east-2", f"{prefix}us-west-2"]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Record the accounts of the local AWSs that are started; none is."""
    accounts: list[str] = []

    def start(*, account: str) -> LocalAws:
        accounts.append(account)
        return replace(LOCAL_AWS, account=account)

    monkeypatch.setattr(demo, "start", start)
    monkeypatch.setattr(demo, "end_with_parent", lambda: None)
    monkeypatch.setattr(demo, "os", Mock(environ={}))
    return accounts


def _fails(error: BaseException) -> Any:
    return Mock(side_effect=error)


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (demo.DemoError("no answer"), 1, ["{on}", "error: no answer"]),
        (KeyboardInterrupt(), 130, ["interrupted: {on}"]),
    ],
    ids=["failure", "interrupt"],
)
def test_says_that_the_local_aws_runs_on_where_it_is_kept_and_the_demo_does_not_end_well(
    error: BaseException,
    code: int,
    lines: list[str],
    started: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo.Demo, "upload_weights", _fails(error))

    assert run_command(["demo", "--keep"]) == code

    goes_on = (
        f"the local AWS runs on at {URL}, with what was deployed until here: "
        'eval "$(./jumpstack local env)" addresses it, ./jumpstack local stop removes all of it'
    )
    assert capsys.readouterr().err.splitlines() == [line.format(on=goes_on) for line in lines]
    assert started == [DEFAULT_ACCOUNT]


def test_plays_the_declared_account(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    mine = replace(DEV, account="444455556666")
    monkeypatch.setattr(deployed, "DEPLOYMENTS", ((mine, (declared_stack("dev/falcon-7b").model,)),))
    monkeypatch.setattr(demo.Demo, "upload_weights", _fails(demo.DemoError("enough")))

    assert run_command(["demo", "dev", "--keep"]) == 1
    assert started == ["444455556666"]


def test_an_environment_without_models_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(deployed, "DEPLOYMENTS", ((DEV, ()),))

    assert run_command(["demo"]) == 1
    assert capsys.readouterr().err == ("error: dev runs no model: name some in DEPLOYMENTS, stacks/models.py\n")
