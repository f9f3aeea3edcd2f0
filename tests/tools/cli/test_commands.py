"""Commands as they call the modules that do the work: words in, printed lines and exit codes out."""

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from tools import artifacts, aws, cdk, chat, invoke, leftovers, preflight
from tools.cli.main import run
from tools.deployed import DeclaredStack
from tools.leftovers import Leftover

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def addressed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record that a command says which AWS it addresses, without saying it."""
    said: list[str] = []
    monkeypatch.setattr(aws, "address", lambda: said.append("said"))
    return said


def _recorded(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, answer: Any) -> list[tuple[Any, ...]]:
    """Replace a function by one that records its calls."""
    calls: list[tuple[Any, ...]] = []

    def record(*arguments: Any, **options: Any) -> Any:
        calls.append((*(one.path if isinstance(one, DeclaredStack) else one for one in arguments), options))
        return answer

    monkeypatch.setattr(module, name, record)
    return calls


def test_chat_prints_the_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], addressed: list[str]
) -> None:
    calls = _recorded(monkeypatch, chat, "ask_deployed", "It is blue.")

    assert run(["chat", "dev/falcon-7b", "Why?", "--max-tokens", "7"]) == 0
    assert capsys.readouterr().out == "It is blue.\n"
    assert calls == [("dev/falcon-7b", "Why?", {"max_tokens": 7})]
    assert addressed == ["said"]


@pytest.mark.parametrize(
    ("words", "route", "body"),
    [
        (['{"a": 1}'], "v1/chat/completions", b'{"a": 1}'),
        (['{"a": 1}', "--route", "invocations"], "invocations", b'{"a": 1}'),
        (["@body.json"], "v1/chat/completions", b'{"from": "a file"}'),
        (["-"], "v1/chat/completions", b'{"from": "stdin"}'),
        (["--route", "v1/models"], "v1/models", None),
    ],
)
def test_invoke_sends_the_text_a_file_or_standard_input(
    words: list[str],
    route: str,
    body: bytes | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "body.json").write_text('{"from": "a file"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"from": "stdin"}')))
    calls = _recorded(monkeypatch, invoke, "send", httpx2.Response(200, text='{"answer": 1}'))

    assert run(["invoke", "dev/falcon-7b", *words]) == 0
    assert capsys.readouterr().out == '{"answer": 1}\n'
    assert calls == [("dev/falcon-7b", route, body, {})]


def test_invoke_prints_a_refusal_whole_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _recorded(monkeypatch, invoke, "send", httpx2.Response(404, text='{"error": {}}\n'))

    assert run(["invoke", "dev/falcon-7b", "{}"]) == 1
    assert capsys.readouterr() == (
        '{"error": {}}\n',
        "error: dev/falcon-7b: the API answers 404 to v1/chat/completions\n",
    )


def test_invoke_names_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["invoke", "dev/falcon-7b", "@nowhere.json"]) == 1
    assert capsys.readouterr().err == "error: dev/falcon-7b: nowhere.json: no such file or directory\n"


@pytest.mark.parametrize(
    ("words", "regions"),
    [
        ([], ["us-east-2", "us-west-2"]),
        (["--region", "us-east-1", "--region", "eu-west-1"], ["us-east-1", "eu-west-1"]),
    ],
)
def test_leftovers_looks_into_all_declared_regions_or_those_named(
    words: list[str], regions: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = _recorded(monkeypatch, leftovers, "leftovers", [])
    _recorded(monkeypatch, leftovers, "services_logs", [Leftover("AWS::Logs::LogGroup", "welcome", "us-west-2")])

    assert run(["leftovers", *words]) == 0
    printed = capsys.readouterr()
    assert printed.out == "nothing is left\n"
    assert "yours to delete: welcome in us-west-2" in printed.err
    assert [sorted(call[0]) for call in calls] == [sorted(regions)]


def test_leftovers_fails_where_something_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _recorded(monkeypatch, leftovers, "leftovers", [Leftover("AWS::KMS::Key", "one", "us-west-2")])
    _recorded(monkeypatch, leftovers, "services_logs", [])

    assert run(["leftovers"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "AWS::KMS::Key\tone\tus-west-2\n"
    assert "deployed stacks and what others made included: look, then delete" in printed.err


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("live", [True, False])
def test_preflight_prints_the_report_and_asks_only_when_told(
    live: bool,
    passed: bool,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    addressed: list[str],
) -> None:
    calls = _recorded(monkeypatch, preflight, "run", ("the report", passed))

    assert run(["preflight", "prod", *(["--live"] if live else [])]) == code
    assert capsys.readouterr().out == "the report\n"
    assert calls == [("prod", {"live": live})]
    assert addressed == (["said"] if live else [])


def test_demo_deploys_dev_unless_another_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.demo import run as demo  # noqa: PLC0415 - its name is the command's, too

    calls = _recorded(monkeypatch, demo, "run", None)

    assert run(["demo"]) == 0
    assert run(["demo", "staging", "--keep"]) == 0
    assert calls == [("dev", {"keep": False}), ("staging", {"keep": True})]


def test_artifacts_check_asks_for_the_region_of_the_import(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = _recorded(monkeypatch, artifacts, "check", SimpleNamespace(errors=[], as_json=lambda: {"errors": []}))

    assert run(["artifacts", "check", "s3://bucket/prefix/", "--region", "us-east-1", "--json"]) == 0
    assert capsys.readouterr().out == '{\n  "errors": []\n}\n'
    assert calls == [("s3://bucket/prefix/", {"region": "us-east-1"})]


@pytest.fixture
def replaced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Record the process that the CDK command becomes."""
    monkeypatch.chdir(ROOT)
    return _recorded(monkeypatch, os, "execve", None)


@pytest.mark.parametrize(
    ("words", "command", "says"),
    [
        (["deploy", "dev/falcon-7b"], ["deploy", "-c", "environments=dev", "-c", "models=falcon-7b"], ["said"]),
        (["ls"], ["ls"], []),
        (["deploy", "--help"], ["deploy", "--help"], []),
        (["--version"], ["--version"], []),
        (["synth", "--quiet"], ["synth", "--quiet"], []),
        (["bootstrap", "aws://111122223333/us-west-2"], ["bootstrap", "aws://111122223333/us-west-2"], ["said"]),
    ],
)
def test_cdk_becomes_the_pinned_cli_with_the_environments_programs(
    words: list[str], command: list[str], says: list[str], replaced: list[tuple[Any, ...]], addressed: list[str]
) -> None:
    assert run(["cdk", *words]) == 0

    [(program, arguments, environment, _)] = replaced
    assert str(program) == str(ROOT / "node_modules" / ".bin" / "cdk")
    assert arguments[: len(command) + 1] == [str(program), *command]
    assert environment["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert Path.cwd() == ROOT
    assert addressed == says


def test_cdk_says_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cdk, "_CLI", tmp_path / "cdk")

    assert run(["cdk", "ls"]) == 1
    assert capsys.readouterr().err == f"error: the CDK CLI is not in {tmp_path}: make install\n"
