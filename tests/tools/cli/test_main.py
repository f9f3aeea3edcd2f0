"""Common behaviour of all commands: help, exit codes, errors and interrupts."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from catalog import CatalogError
from tools.cli import main
from tools.cli.errors import error_lines
from tools.deployed import NotDeployedError
from tools.processes import interruptible
from tools.retired import RETIRED
from training.dataset import SourceError

ROOT = Path(__file__).resolve().parents[3]


def _all_commands(command: click.Command, *words: str) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _all_commands(inner, *words, name)


COMMANDS = [words for words in _all_commands(main.cli) if words != ("cdk",)]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_within_80_columns(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main.run([*words, "--help"]) == 0

    out, err = capsys.readouterr()
    assert out.startswith(" ".join(["Usage: ./jumpstack", *words]))
    assert [line for line in out.splitlines() if len(line) > 80] == []
    # A summary that is cut ends with dots.
    assert not any(line.rstrip().endswith("...") for line in out.splitlines()[1:])
    assert err == ""


def test_help_in_a_pipe_has_no_colours_and_no_error_when_it_is_closed_early() -> None:
    command = "./jumpstack catalog --help | head -n 1"
    ended = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ended.stdout == "Usage: ./jumpstack catalog [OPTIONS] COMMAND [ARGS]...\n"
    assert ended.stderr == ""


def test_a_short_output_into_a_closed_pipe_is_no_error_and_keeps_the_commands_code() -> None:
    # Unbuffered output would be written by the command itself, and not at the end.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = "{ sleep 0.2; ./jumpstack preflight dev; echo $? >&2; } | :"
    ended = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True, env=surroundings
    )

    assert ended.stderr == "0\n"


def test_the_end_of_input_at_a_question_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def closed(*_: object, **__: object) -> None:
        raise EOFError

    monkeypatch.setattr(main.cli, "invoke", closed)

    assert main.run(["local", "status"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_command_finds_the_node_of_the_environment_where_the_path_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert main.start(["--version"]) == 0

    assert shutil.which("node") == str(Path(sys.executable).parent / "node")


@pytest.mark.parametrize("words", [(), ("keys",), ("cdk",)])
def test_a_group_alone_prints_its_help_on_stderr(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(words) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: ./jumpstack")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["key"], "no such command 'key': did you mean keys? ./jumpstack --help says what is allowed"),
        (
            ["catalog", "serch"],
            "no such command 'serch': did you mean search? ./jumpstack catalog --help says what is allowed",
        ),
        (["frobnicate"], "no such command 'frobnicate'; ./jumpstack --help says what is allowed"),
        (
            ["chat", "dev/falcon-7b", "hi", "--max-token=3"],
            "no such option '--max-token': did you mean --max-tokens? ./jumpstack chat --help says what is allowed",
        ),
        (
            ["chat", "dev/falcon-7"],
            "ENV/MODEL is 'dev/falcon-7': did you mean dev/falcon-7b, dev/falcon-7b-instruct, dev/mistral-7b? "
            "./jumpstack chat --help says what is allowed",
        ),
        (
            ["keys", "create", "dev/zzz"],
            "ENV/MODEL is 'dev/zzz': declared are dev/falcon-7b, dev/falcon-7b-instruct, dev/mistral-7b, "
            "dev/mistral-7b-instruct, dev/mistral-7b-dolly, dev/llama-3-2-3b-10k; "
            "./jumpstack keys create --help says what is allowed",
        ),
        (["preflight", "prd"], "ENV is 'prd': did you mean prod? ./jumpstack preflight --help says what is allowed"),
        (
            ["demo", "x"],
            "ENV is 'x': declared are dev, staging, prod; ./jumpstack demo --help says what is allowed",
        ),
        (
            ["keys", "revoke", "dev/falcon-7b"],
            "which keys? --name NAME is one, --all is every key of the stack; "
            "./jumpstack keys revoke --help says what is allowed",
        ),
        (
            ["keys", "revoke", "dev/falcon-7b", "--name", "a", "--all"],
            "--all and --name exclude each other: --all is every key of the stack; "
            "./jumpstack keys revoke --help says what is allowed",
        ),
        (
            ["leftovers", "--region", "us-wst-2"],
            "--region is 'us-wst-2': AWS has no such region; try us-west-2 or us-west-1; "
            "./jumpstack leftovers --help says what is allowed",
        ),
        (
            ["invoke", "dev/falcon-7b", "{"],
            "the body is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "
            "./jumpstack invoke --help says what is allowed",
        ),
    ],
)
def test_what_is_not_understood_is_one_line_with_what_is_allowed(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(words) == 2

    assert capsys.readouterr() == ("", f"error: {error}\n")


def _client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Rate exceeded"}}, "GetApiKeys")


def _caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("raised", "lines"),
    [
        (CatalogError(["one", "two"]), ["error: one", "error: two"]),
        (NotDeployedError("dev/x is not deployed"), ["error: dev/x is not deployed"]),
        (
            _client_error("Throttling"),
            ["error: dev/x: AWS (profile ada) answers GetApiKeys with Throttling: Rate exceeded"],
        ),
        (
            _client_error("ExpiredToken"),
            [
                "error: dev/x: AWS refuses these credentials (ExpiredToken): sign in again, or set AWS_PROFILE, or "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for the local AWS: ./jumpstack local start"
            ],
        ),
        (
            NoCredentialsError(),
            [
                "error: dev/x: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
                "for the local AWS: ./jumpstack local start"
            ],
        ),
        (
            _caused(SourceError("s3://data/ cannot be listed"), NoCredentialsError()),
            [
                "error: dev/x: no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
                "for the local AWS: ./jumpstack local start"
            ],
        ),
        (NoRegionError(), ["error: dev/x: no AWS region: set AWS_REGION, such as us-west-2"]),
        (
            ProfileNotFound(profile="ada"),
            [
                "error: dev/x: the config profile (ada) could not be found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY; for the local AWS: ./jumpstack local start"
            ],
        ),
        (
            EndpointConnectionError(endpoint_url="https://sts.amazonaws.com"),
            [
                "error: dev/x: AWS (profile ada) cannot be asked: Could not connect to the endpoint URL: "
                '"https://sts.amazonaws.com"'
            ],
        ),
        (
            UnauthorizedSSOTokenError(),
            [
                "error: dev/x: AWS gives no credentials (The SSO session associated with this profile has expired or "
                "is otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile): "
                "sign in again, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for the local AWS: "
                "./jumpstack local start"
            ],
        ),
        (FileNotFoundError(2, "No such file", "body.json"), ["error: dev/x: body.json: no such file"]),
        (KeyError("a bug"), []),
        (ValueError("a bug"), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_a_line_and_a_bug_is_none(
    raised: Exception, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "ada")

    assert error_lines(raised, place="dev/x") == lines


@pytest.mark.parametrize(
    "code",
    [
        *("ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId"),
        *("InvalidSignatureException", "SignatureDoesNotMatch", "UnrecognizedClientException"),
    ],
)
def test_refused_credentials_are_named_as_such(code: str) -> None:
    [line] = error_lines(_client_error(code))

    assert line.startswith(f"error: AWS refuses these credentials ({code}): sign in again")


def _command_that_raises(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NoReturn:
        raise error

    monkeypatch.setitem(main.cli.commands, "fail", click.Command("fail", callback=fail))


def test_an_interrupt_is_one_line_and_exit_code_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _command_that_raises(KeyboardInterrupt(), monkeypatch)

    assert main.run(["fail"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_an_interrupt_says_what_goes_on_in_the_words_of_the_innermost_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> NoReturn:
        with interruptible(lambda: "outer"), interruptible(lambda: "the stack goes on: ./jumpstack status"):
            raise KeyboardInterrupt

    monkeypatch.setitem(main.cli.commands, "fail", click.Command("fail", callback=fail))

    assert main.run(["fail"]) == 130
    assert capsys.readouterr() == ("", "interrupted: the stack goes on: ./jumpstack status\n")


def test_a_failure_is_exit_code_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _command_that_raises(NotDeployedError("dev/x is not deployed"), monkeypatch)

    assert main.run(["fail"]) == 1
    assert capsys.readouterr() == ("", "error: dev/x is not deployed\n")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _command_that_raises(ZeroDivisionError("a bug"), monkeypatch)

    with pytest.raises(ZeroDivisionError, match="a bug"):
        main.run(["fail"])


def test_prints_the_version_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"jumpstack {(ROOT / 'VERSION').read_text().strip()}\n"


@pytest.mark.parametrize("module", RETIRED)
def test_an_old_form_prints_the_new_one(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module, "anything"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: python -m {module} is now ./jumpstack {RETIRED[module]}\n"


@pytest.mark.parametrize("new", RETIRED.values())
def test_the_new_forms_are_there(new: str) -> None:
    name, *rest = new.split()
    command = main.cli.commands[name]
    if isinstance(command, click.Group):
        assert set(rest[0].split("|")) <= set(command.commands)
