"""Contexts that a CDK command gets for the stacks that it names."""

import shlex
from pathlib import Path

import pytest

from tools import cdk_contexts
from tools.cdk_contexts import with_contexts


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "deploy dev/mistral-7b-instruct",
            "deploy -c environments=dev -c models=mistral-7b-instruct dev/mistral-7b-instruct",
        ),
        ("diff 'dev/*'", "diff -c environments=dev 'dev/*'"),
        (
            "ls prod/falcon-180b*",
            "ls -c environments=prod -c models=falcon-180b,falcon-180b-chat,falcon-180b-chat-quantized "
            "'prod/falcon-180b*'",
        ),
        (
            "synth '*/falcon-7b'",
            "synth -c environments=dev,prod,staging -c models=falcon-7b '*/falcon-7b'",
        ),
        (
            "deploy dev/falcon-7b staging/granite-3b-code-instruct",
            "deploy -c environments=dev,staging -c models=falcon-7b,granite-3b-code-instruct dev/falcon-7b "
            "staging/granite-3b-code-instruct",
        ),
        ("diff dev/falcon-7b 'prod/*'", "diff -c environments=dev,prod dev/falcon-7b 'prod/*'"),
        (
            "--debug deploy --require-approval never dev/falcon-7b --no-rollback -e -o dev/out --method=direct",
            "--debug deploy -c environments=dev -c models=falcon-7b --require-approval never dev/falcon-7b "
            "--no-rollback -e -o dev/out --method=direct",
        ),
        (
            "destroy -f dev/falcon-7b -c some=context",
            "destroy -c environments=dev -c models=falcon-7b -f dev/falcon-7b -c some=context",
        ),
    ],
)
def test_builds_only_what_is_asked_for(command: str, expected: str) -> None:
    assert with_contexts(shlex.split(command)) == shlex.split(expected)


@pytest.mark.parametrize(
    "command",
    [
        "",
        "--version",
        "ls",
        "deploy --all",
        "deploy account/us-west-2",
        "deploy dev/falcon-7b account/us-west-2",
        "deploy '*'",
        "deploy '**'",
        "deploy 'dev/**'",
        "deploy 'dev/{falcon-7b,mistral-7b}'",
        "deploy dev/no-such-model",
        "deploy dev-falcon-7b",
        "deploy dev/falcon-7b --app cdk.out",
        "deploy dev/falcon-7b -a cdk.out",
        "deploy dev/falcon-7b --help",
        "deploy dev/falcon-7b -h",
        "deploy dev/falcon-7b --no-such-option",
        "deploy dev/falcon-7b -c models=mistral-7b",
        "deploy dev/falcon-7b --context=environments=dev",
        "deploy -o dev/falcon-7b",
        "bootstrap aws://111122223333/us-west-2",
        "import dev/falcon-7b",
        "no-such-command dev/falcon-7b",
    ],
)
def test_builds_all_where_a_command_line_says_nothing_else(command: str) -> None:
    assert with_contexts(shlex.split(command)) == shlex.split(command)


def test_builds_all_where_the_cli_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cdk_contexts, "_REGISTRY", tmp_path / "nowhere.json")
    cdk_contexts._registry.cache_clear()
    try:
        assert with_contexts(["deploy", "dev/falcon-7b"]) == ["deploy", "dev/falcon-7b"]
    finally:
        cdk_contexts._registry.cache_clear()
