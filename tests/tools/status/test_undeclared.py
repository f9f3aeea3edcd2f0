"""Stacks that are not declared any more are shown and deleted, and no others, against answers of AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tools.status.conftest import ACCOUNT, FALCON, GONE, HERE, MISTRAL, OLD, Aws, stack
from tools import aws, cdk, deployed, keys
from tools.cli.main import run
from tools.status import undeclared


def test_deletes_a_stack_that_is_not_declared_and_shows_what_stays(
    answers: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys.Key(id="1", name="ada", created=datetime(2026, 12, 1, tzinfo=UTC), enabled=True, opens=True)
    monkeypatch.setattr(undeclared, "keys_of", lambda _: [key])

    assert run(["destroy", f"dev/{GONE}", "--yes"]) == 0

    assert answers.deleted == [OLD["StackId"]]
    assert capsys.readouterr().err.splitlines() == [
        f"dev/{GONE} is not declared any more; CloudFormation would delete its stack:",
        f"  dev-{GONE} in {HERE}, account {ACCOUNT}: 2 resources",
        f"  {FALCON}: endpoint Updating, 1 x ml.g5.2xlarge",
        "  stays, as its template says: AWS::KMS::Key 1234",
        f"  stay, and open nothing then: keys ada; ./jumpstack keys revoke dev/{GONE} --all deletes them",
        f"  stays: SageMaker's log group /aws/sagemaker/Endpoints/dev-{GONE}",
        "  DELETE_IN_PROGRESS, 2 resources are left",
        f"dev/{GONE} is gone from {HERE}",
    ]


@pytest.mark.parametrize(
    ("has_terminal", "answer", "says"),
    [(False, True, "without a terminal to confirm in, add --yes"), (True, False, "nothing was deleted")],
)
def test_deletes_nothing_without_a_yes(
    has_terminal: bool,
    answer: bool,
    says: str,
    answers: Aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: has_terminal)
    monkeypatch.setattr("click.confirm", lambda *_, **__: answer)

    assert run(["destroy", f"dev/{GONE}"]) == 1
    assert says in capsys.readouterr().err
    assert answers.deleted == []


@pytest.mark.parametrize(
    "template",
    [
        "Resources: {}",
        {},
        {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}},
        {"Resources": {"Key": {"Properties": {"Tags": [{"Key": "model", "Value": "another"}]}}}},
    ],
    ids=["YAML", "empty", "no tag", "another model's tag"],
)
def test_deletes_no_stack_of_others_that_is_named_and_described_as_a_models(
    template: Any, answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.stacks[HERE] = [stack("dev", GONE, "Website", StackStatus="ROLLBACK_COMPLETE", Outputs=[])]
    answers.template = template

    assert run(["destroy", f"dev/{GONE}", "--yes"]) == 1
    assert f"dev-{GONE} has the name and the description of a model's stack, and no resource" in capsys.readouterr().err
    assert answers.deleted == []


def test_says_why_a_stack_is_not_gone(answers: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    answers.after = ["DELETE_IN_PROGRESS", "DELETE_FAILED"]

    assert run(["destroy", f"dev/{GONE}", "--yes"]) == 1
    assert capsys.readouterr().err.endswith(f"error: dev/{GONE} is not gone, it is DELETE_FAILED: Key is in use\n")


def test_an_interrupt_says_that_the_deletion_goes_on(
    answers: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.status.undeclared.time.sleep", interrupted)

    assert run(["destroy", f"dev/{GONE}", "--yes"]) == 130
    assert capsys.readouterr().err.endswith(
        f"interrupted: CloudFormation goes on deleting dev-{GONE}: ./jumpstack status dev/{GONE} shows it\n"
    )


def test_destroys_an_environment_that_is_not_declared_any_more_and_no_declared_stack(
    answers: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[Any] = []
    monkeypatch.setattr(cdk, "call", called.append)
    answers.stacks[HERE].append(stack("qa", "mistral-7b", MISTRAL))

    assert run(["destroy", "qa", "--yes"]) == 0

    assert [name.split("/")[1] for name in answers.deleted] == ["qa-mistral-7b"]
    assert called == []


def test_keys_finds_those_of_a_stack_that_is_not_declared_and_of_one_that_is_gone(
    answers: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked_at: list[tuple[str, str]] = []

    def none(stack: deployed.NamedStack) -> list[keys.Key]:
        looked_at.append((stack.stack_name, stack.region))
        return []

    def nothing(stack: deployed.NamedStack, _names: None) -> list[str]:
        looked_at.append((stack.stack_name, stack.region))
        return []

    monkeypatch.setattr(keys, "keys", none)
    monkeypatch.setattr(keys, "revoke", nothing)
    assert run(["keys", "list", f"dev/{GONE}"]) == 0
    monkeypatch.setattr(undeclared, "left_behind", lambda stack: stack.stack_name == "dev-gone")
    assert run(["keys", "revoke", "dev/gone", "--all"]) == 0

    assert looked_at == [(f"dev-{GONE}", HERE), ("dev-gone", HERE)]
    assert capsys.readouterr().out == f"dev/{GONE} has no keys\ndev/gone has no keys\n"


@pytest.mark.parametrize("words", [["destroy", "dev/zzz"], ["keys", "list", "dev/zzz"]])
def test_a_typing_mistake_without_credentials_names_what_was_meant_and_what_was_not_asked(
    words: list[str], answers: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> str:
        raise aws.NotRunningError("the local AWS does not answer")

    monkeypatch.setattr(aws, "account", refused)

    assert run(words) == 2
    assert capsys.readouterr().err.startswith(
        "error: ENV/MODEL is 'dev/zzz': declared are dev/falcon-7b, dev/mistral-7b. Whether it is deployed all the "
        "same is not known: the local AWS does not answer; ./jumpstack "
    )
