"""`./jumpstack status`, against answers of AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from stacks.declarations import JumpStartModel
from stacks.environments import DEV, PROD
from stacks.models import FALCON_7B, GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B
from tests.tools.status.conftest import ACCOUNT, FALCON, GONE, HERE, MISTRAL, OTHER, THERE, Aws, declare, stack
from tools.cli.main import run


def rows(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> list[list[str]]:
    assert run(["status", *words]) == code
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_lists_what_is_declared_deployed_and_both_with_the_next_command(
    answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rows(capsys) == [
        ["dev/falcon-7b", "declared, not deployed", "", "", FALCON, HERE, "./jumpstack deploy dev falcon-7b"],
        [
            *(f"dev/{GONE}", "not declared any more", "CREATE_COMPLETE", "endpoint Updating, 1 x ml.g5.2xlarge"),
            *(FALCON, HERE, f"./jumpstack keys revoke dev/{GONE} --all; ./jumpstack destroy dev/{GONE}"),
        ],
        ["dev/mistral-7b", "deployed", "CREATE_COMPLETE", "endpoint InService, 2 x ml.g5.2xlarge", MISTRAL, HERE, ""],
    ]


def test_is_readable_at_80_columns_and_leaves_commands_whole(
    answers: Aws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")

    assert run(["status", f"dev/{GONE}"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"dev/{GONE}  not declared any more  CREATE_COMPLETE",
        f"  {FALCON}, {HERE}",
        "  endpoint Updating, 1 x ml.g5.2xlarge",
        f"  ./jumpstack keys revoke dev/{GONE} --all",
        f"  ./jumpstack destroy dev/{GONE}",
    ]


def test_prints_json_with_everything(answers: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "dev/mistral-7b", "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert (document["account"], document["regions"]) == (ACCOUNT, [HERE])
    [row] = document["rows"]
    assert (row["state"], row["account"], row["stack_name"]) == ("deployed", ACCOUNT, "dev-mistral-7b")
    assert row["serving"] == {
        "by": "endpoint",
        "name": "dev-mistral-7b",
        "status": "InService",
        "instance_type": "ml.g5.2xlarge",
        "instances": 2,
    }


def test_looks_into_all_declared_regions_of_the_account_and_names_the_other_accounts(
    answers: Aws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = replace(PROD, account=OTHER, region="eu-west-1")
    here = replace(DEV, account=ACCOUNT)
    far: JumpStartModel = replace(MISTRAL_7B, region=THERE)
    declare(monkeypatch, (here, (FALCON_7B, far)), (elsewhere, (FALCON_7B,)))
    answers.stacks[THERE] = [stack("prod", "falcon-7b", FALCON)]

    assert run(["status"]) == 0

    printed = capsys.readouterr()
    assert answers.asked == [THERE, HERE]
    assert printed.err == f"not looked at: prod is declared in account {OTHER}; these credentials are of {ACCOUNT}\n"
    by_path = {(line.split("\t")[0], line.split("\t")[5]): line for line in printed.out.splitlines()}
    # Declared in another region, or in another account: what is deployed here is not declared here.
    assert by_path["dev/mistral-7b", HERE].endswith(f"./jumpstack destroy dev/mistral-7b --region {HERE}")
    assert "declared, not deployed" in by_path["dev/mistral-7b", THERE]
    assert "not declared any more" in by_path["prod/falcon-7b", THERE]


@pytest.mark.parametrize(
    ("status", "commands"),
    [
        ("UPDATE_COMPLETE", ""),
        ("UPDATE_ROLLBACK_COMPLETE", ""),
        ("UPDATE_IN_PROGRESS", ""),
        ("ROLLBACK_COMPLETE", "./jumpstack destroy dev/mistral-7b; ./jumpstack deploy dev mistral-7b"),
        ("DELETE_FAILED", "./jumpstack destroy dev/mistral-7b; ./jumpstack deploy dev mistral-7b"),
        ("UPDATE_ROLLBACK_FAILED", "./jumpstack cdk rollback dev/mistral-7b"),
    ],
)
def test_names_the_command_that_mends_a_stack(
    status: str, commands: str, answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.stacks[HERE] = [stack("dev", "mistral-7b", MISTRAL, StackStatus=status)]

    [row] = rows(capsys, "dev/mistral-7b")
    assert (row[2], row[6]) == (status, commands)


def test_finds_a_stack_whose_creation_failed_by_its_name_and_description(
    answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.stacks[HERE] = [stack("dev", GONE, FALCON, StackStatus="ROLLBACK_COMPLETE", Outputs=[])]

    [row] = rows(capsys, f"dev/{GONE}")
    assert row[1:4] == ["not declared any more", "ROLLBACK_COMPLETE", "endpoint Updating, 1 x ml.g5.2xlarge"]


@pytest.mark.parametrize(
    ("pointer", "serving"),
    [("none", ""), ("arn:aws:bedrock:us-west-2:1:imported-model/abc", "Bedrock serves abc"), ("removed", "")],
)
@pytest.mark.parametrize(
    ("model", "what"),
    [
        (GRANITE_3B_CODE, "granite-3b-code-instruct, imported into Bedrock"),
        (LLAMA_3_2_3B_10K, "meta-textgeneration-llama-3-2-3b-instruct 1.0.6, tuned, imported into Bedrock"),
    ],
    ids=["imported", "tuned"],
)
def test_says_what_bedrock_serves(
    model: Any,
    what: str,
    pointer: str,
    serving: str,
    answers: Aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    declare(monkeypatch, (DEV, (model,)))
    outputs = [{"OutputKey": name, "OutputValue": "/x"} for name in ("InvokeUrl", "PointerName")]
    answers.stacks[HERE] = [stack("dev", model.name, f"{what},", Outputs=outputs)]
    answers.pointer = pointer

    assert [row[1:5] for row in rows(capsys)] == [["deployed", "CREATE_COMPLETE", serving, what]]


def test_a_region_that_does_not_answer_is_named_and_fails(answers: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    answers.refused = {HERE}

    assert run(["status", "dev"]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(f"error: {HERE} was not looked at: cloudformation:DescribeStacks: Could not connect")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["status", "deb"], "'deb' is neither declared, nor deployed in us-west-2: did you mean dev?"),
        (
            ["status", "dev/zzz"],
            "'dev/zzz' is neither declared, nor deployed in us-west-2: there are dev/falcon-7b, "
            f"dev/mistral-7b, dev/{GONE}; ",
        ),
        (["destroy", f"dev/{GONE}x"], f"did you mean dev/{GONE}, "),
        (["destroy", "dev", "nope"], "there are dev/falcon-7b, "),
        (["destroy", "deb"], "did you mean dev?"),
        (["keys", "list", f"dev/{GONE}r"], f"did you mean dev/{GONE}, "),
    ],
    ids=" ".join,
)
def test_refuses_a_name_that_is_neither_declared_nor_deployed(
    words: list[str], hint: str, answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert hint in capsys.readouterr().err
    assert answers.deleted == []
