"""`deploy` and `destroy`: declared models, each after the settings of its account, by the pinned CDK CLI."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from stacks.environments import DEV
from stacks.models import FALCON_7B
from tools import aws, cdk, deployed
from tools.cli.main import run


@pytest.fixture(autouse=True)
def addressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "address", lambda: None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the CLI's commands, which end with 0."""
    recorded: list[list[str]] = []

    def called(arguments: Sequence[str]) -> int:
        recorded.append(list(arguments))
        return 0

    monkeypatch.setattr(cdk, "call", called)
    return recorded


def test_deploys_the_accounts_settings_of_each_region_and_then_the_models(commands: list[list[str]]) -> None:
    assert run(["deploy", "prod", "falcon-7b", "arctic-instruct", "falcon-7b"]) == 0

    assert commands == [
        [
            *("deploy", "-c", "environments=prod", "-c", "models=arctic-instruct,falcon-7b"),
            *("account/us-east-2", "account/us-west-2"),
        ],
        ["deploy", "prod/falcon-7b", "prod/arctic-instruct", "--app", "cdk.out"],
    ]


def test_builds_all_models_of_an_environment_once_and_deploys_what_was_built(commands: list[list[str]]) -> None:
    assert run(["deploy", "dev"]) == 0

    account, models = commands
    names = "falcon-7b,falcon-7b-instruct,llama-3-2-3b-10k,mistral-7b,mistral-7b-dolly,mistral-7b-instruct"
    assert account == ["deploy", "-c", "environments=dev", "-c", f"models={names}", "account/us-west-2"]
    assert models == [
        "deploy",
        *("dev/falcon-7b", "dev/falcon-7b-instruct", "dev/mistral-7b", "dev/mistral-7b-instruct"),
        *("dev/mistral-7b-dolly", "dev/llama-3-2-3b-10k"),
        *("--app", "cdk.out"),
    ]


@pytest.mark.parametrize("option", ["--output=elsewhere", "-o", "--app", "-a"])
def test_builds_again_where_an_option_names_the_assembly(option: str, commands: list[list[str]]) -> None:
    assert run(["deploy", "dev", "falcon-7b", "--", option]) == 0

    assert commands[-1] == ["deploy", "dev/falcon-7b", option]


def test_hands_what_follows_two_hyphens_to_both_commands(commands: list[list[str]]) -> None:
    assert run(["deploy", "dev", "falcon-7b", "--", "--require-approval", "never", "--concurrency=4"]) == 0

    assert [command[-3:] for command in commands] == [["--require-approval", "never", "--concurrency=4"]] * 2


@pytest.mark.parametrize(
    ("words", "has_terminal", "expected"),
    [
        (["dev", "falcon-7b"], True, "nothing was deployed"),
        (["prod", "falcon-7b", "arctic-instruct"], True, "no model was deployed"),
        (
            ["dev", "falcon-7b", "--", "--verbose"],
            False,
            "nothing was deployed; without a terminal to confirm in, add -- --require-approval never",
        ),
        (["dev", "falcon-7b", "--", "--require-approval", "never"], False, "nothing was deployed"),
        (["dev", "falcon-7b", "--", "--require-approval=broadening"], False, "nothing was deployed"),
    ],
)
def test_deploys_no_model_where_the_accounts_settings_fail(
    words: list[str],
    has_terminal: bool,
    expected: str,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cdk, "call", lambda _: 3)
    monkeypatch.setattr("sys.stdin.isatty", lambda: has_terminal)

    assert run(["deploy", *words]) == 1

    assert commands == []
    assert capsys.readouterr().err == f"error: the CDK CLI ended with 3, see above; {expected}\n"


def test_an_environment_that_is_destroyed_says_what_stays(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["destroy", "dev", "--yes"]) == 0
    assert "stacks that are not declared any more, which cost money (./jumpstack status dev" in capsys.readouterr().err

    assert run(["destroy", "dev", "falcon-7b", "--yes"]) == 0
    assert "not declared" not in capsys.readouterr().err
    assert len(commands) == 2


def test_destroys_models_and_leaves_the_accounts_settings(commands: list[list[str]]) -> None:
    assert run(["destroy", "dev", "falcon-7b", "--", "--force"]) == 0

    assert commands == [["destroy", "dev/falcon-7b", "--force"]]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["deb"], "environment is 'deb': did you mean dev?"),
        (["dev", "falcon-7"], "ENV/MODEL is 'dev/falcon-7': did you mean dev/falcon-7b, "),
        (["dev/falcon-7"], "ENV/MODEL is 'dev/falcon-7': did you mean dev/falcon-7b, "),
        (["dev", "falcon-7b", "mistral"], "ENV/MODEL is 'dev/mistral': did you mean dev/mistral-7b, "),
        (["dev", "staging/falcon-7b"], "'staging/falcon-7b' is in another environment than dev: one at a time"),
        (["dev/"], "ENV or ENV/MODEL is 'dev/': did you mean "),
    ],
)
def test_suggests_the_name_that_was_meant(
    words: list[str], error: str, commands: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", *words]) == 2

    assert capsys.readouterr().err.startswith(f"error: {error}")
    assert commands == []


def test_takes_paths_as_status_prints_them(commands: list[list[str]]) -> None:
    assert run(["destroy", "dev/falcon-7b", "dev/mistral-7b", "falcon-7b"]) == 0

    assert commands == [["destroy", "dev/falcon-7b", "dev/mistral-7b"]]


@pytest.mark.parametrize("command", ["deploy", "destroy"])
@pytest.mark.parametrize(
    ("options", "named"), [([], "credentials of this shell"), (["--", "--profile=ada"], "profile ada")]
)
def test_refuses_the_credentials_of_another_account_than_the_declared_one(
    command: str,
    options: list[str],
    named: str,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mine = replace(DEV, account="444455556666")
    monkeypatch.setattr(deployed, "DEPLOYMENTS", ((mine, (FALCON_7B,)),))
    asked: list[str | None] = []

    def account(profile: str | None) -> str:
        asked.append(profile)
        return "111122223333"

    monkeypatch.setattr(aws, "account", account)

    assert run([command, "dev", *options]) == 1
    assert capsys.readouterr().err.startswith(
        f"error: dev declares account 444455556666, and the credentials of AWS ({named}) are of 111122223333: "
    )
    assert commands == []
    assert asked == ["ada" if options else None]

    monkeypatch.setattr(aws, "account", lambda _: "444455556666")
    assert run([command, "dev", *options]) == 0
    assert commands[-1][:2] == [command, "dev/falcon-7b"]


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_an_interrupt_says_that_cloudformation_goes_on(
    command: str,
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(_: Sequence[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cdk, "call", interrupted)

    assert run([command, "dev", "falcon-7b"]) == 130
    assert capsys.readouterr().err.startswith(
        "interrupted: CloudFormation goes on with what it has begun, and rents what it makes: ./jumpstack status dev "
    )


@pytest.mark.parametrize("command", ["deploy", "destroy"])
def test_says_in_one_line_that_there_are_no_credentials(
    command: str, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for name, value in {
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)

    assert run([command, "dev"]) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: no AWS credentials: set AWS_PROFILE, or ")
    assert len(error.splitlines()) == 1
    assert commands == []


def test_leaves_the_credentials_to_the_cli_where_an_option_names_a_profile(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")

    assert run(["destroy", "dev", "falcon-7b", "--", "--profile", "one"]) == 0

    assert commands == [["destroy", "dev/falcon-7b", "--profile", "one"]]
