"""`./jumpstack status`, and what becomes of a stack that is not declared any more, against answers of AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from stacks.declarations import JumpStartModel
from stacks.environments import DEV, PROD, Environment
from stacks.models import FALCON_7B, GRANITE_3B_CODE, LLAMA_3_2_3B_10K, MISTRAL_7B
from tools import aws, cdk, deployed, keys
from tools.account import questions
from tools.cli.main import run
from tools.status import undeclared

ACCOUNT, OTHER = "111122223333", "444455556666"
HERE, THERE = "us-west-2", "us-east-2"
GONE = "falcon-7b-old"


def _stack(environment: str, model: str, what: str, **more: Any) -> dict[str, Any]:
    name = f"{environment}-{model}"
    return {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:{HERE}:{ACCOUNT}:stack/{name}/1",
        "Description": f"{what} in {environment}",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [
            {"OutputKey": "InvokeUrl", "OutputValue": "https://x/"},
            {"OutputKey": "EndpointName", "OutputValue": name},
            {"OutputKey": "UsagePlanId", "OutputValue": "plan"},
        ],
        **more,
    }


FALCON, MISTRAL = ("huggingface-llm-falcon-7b-bf16 4.1.23", "huggingface-llm-mistral-7b 2.1.0")
OLD = _stack("dev", GONE, FALCON)
NOT_OURS = [
    _stack("dev", "x", "The web shop's queue"),
    _stack("dev", "x", "redis 7.2.0", Outputs=[]),
    {**_stack("dev", "x", FALCON), "StackName": "x-dev"},
    {**_stack("dev", "x", FALCON), "StackName": "dev-"},
    _stack("dev", "x", FALCON, StackStatus="DELETE_COMPLETE"),
    _stack("dev", "x", "Website", StackStatus="UPDATE_ROLLBACK_COMPLETE", Outputs=[]),
    {
        "StackName": "jumpstack-account",
        "Description": "settings of this account and region that every model's stack relies on",
        "StackStatus": "CREATE_COMPLETE",
        "StackId": "x",
    },
    {"StackName": "CDKToolkit", "StackStatus": "CREATE_COMPLETE", "StackId": "x"},
]


@dataclass
class Aws:
    """Answers of AWS by region; a region that is missing has no stacks."""

    stacks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    endpoints: dict[str, str] = field(default_factory=dict)
    pointer: str = "none"
    refused: set[str] = field(default_factory=set)
    deleted: list[str] = field(default_factory=list)
    template: Any = None
    after: list[str] = field(default_factory=lambda: ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"])
    asked: list[str] = field(default_factory=list)

    def client(self, service: str, *, region: str, signed: bool = True) -> _Client:
        return _Client(self, region)


class _Client:
    def __init__(self, answers: Aws, region: str) -> None:
        self._aws = answers
        self._region = region

    def get_paginator(self, operation: str) -> _Client:
        self._operation = operation
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        if self._operation == "list_stack_resources":
            yield {"StackResourceSummaries": RESOURCES}
            return
        self._aws.asked.append(self._region)
        if self._region in self._aws.refused:
            raise EndpointConnectionError(endpoint_url=f"https://{self._region}")
        yield {"Stacks": self._aws.stacks.get(self._region, [])}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        status = self._aws.endpoints.get(EndpointName)
        if status is None:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "Could not find"}}, "DescribeEndpoint"
            )
        variants = [{"CurrentInstanceCount": 2}] if status == "InService" else []
        return {"EndpointStatus": status, "EndpointConfigName": "config", "ProductionVariants": variants}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"ProductionVariants": [{"InstanceType": "ml.g5.2xlarge", "InitialInstanceCount": 1}]}

    def get_parameter(self, Name: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Parameter": {"Value": self._aws.pointer}}

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        if self._aws.template is not None:
            return {"TemplateBody": self._aws.template}
        tags = [{"Key": "cost", "Value": "7"}, {"Key": "model", "Value": StackName.partition("-")[2]}]
        key = {"DeletionPolicy": "RetainExceptOnCreate", "Properties": {"Tags": tags}}
        # Parameters of Systems Manager have tags of another form.
        pointer = {"Properties": {"Tags": {"model": "x"}}}
        return {"TemplateBody": {"Resources": {"Pointer": pointer, "Key": key, "Api": {}}}}

    def delete_stack(self, StackName: str) -> None:  # noqa: N803 - boto3's
        self._aws.deleted.append(StackName)

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Stacks": [{"StackStatus": self._aws.after.pop(0), "StackStatusReason": "Key is in use"}]}


RESOURCES = [
    {"LogicalResourceId": "Key", "PhysicalResourceId": "1234", "ResourceType": "AWS::KMS::Key", "ResourceStatus": "x"},
    {"LogicalResourceId": "Api", "ResourceType": "AWS::ApiGateway::RestApi", "ResourceStatus": "x"},
]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """One deployed model that is declared, one that is not, one that is declared only; and other people's stacks."""
    made = Aws(
        stacks={HERE: [*NOT_OURS, OLD, _stack("dev", "mistral-7b", MISTRAL)]},
        endpoints={"dev-mistral-7b": "InService", f"dev-{GONE}": "Updating"},
    )
    declare(monkeypatch, (DEV, (FALCON_7B, MISTRAL_7B)))
    monkeypatch.setattr(aws, "address", lambda: None)
    monkeypatch.setattr(aws, "account", lambda: ACCOUNT)
    monkeypatch.setattr(questions, "make_client", made.client)
    monkeypatch.setattr("tools.status.undeclared.time.sleep", lambda _: None)
    monkeypatch.setattr(undeclared, "keys_of", lambda _: [])
    monkeypatch.setattr(undeclared, "left_behind", lambda _: False)
    return made


def declare(monkeypatch: pytest.MonkeyPatch, *deployments: tuple[Environment, tuple[Any, ...]]) -> None:
    monkeypatch.setattr(deployed, "DEPLOYMENTS", deployments)


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
    answers.stacks[THERE] = [_stack("prod", "falcon-7b", FALCON)]

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
    answers.stacks[HERE] = [_stack("dev", "mistral-7b", MISTRAL, StackStatus=status)]

    [row] = rows(capsys, "dev/mistral-7b")
    assert (row[2], row[6]) == (status, commands)


def test_finds_a_stack_whose_creation_failed_by_its_name_and_description(
    answers: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    answers.stacks[HERE] = [_stack("dev", GONE, FALCON, StackStatus="ROLLBACK_COMPLETE", Outputs=[])]

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
    answers.stacks[HERE] = [_stack("dev", model.name, f"{what},", Outputs=outputs)]
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
    answers.stacks[HERE] = [_stack("dev", GONE, "Website", StackStatus="ROLLBACK_COMPLETE", Outputs=[])]
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
    answers.stacks[HERE].append(_stack("qa", "mistral-7b", MISTRAL))

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
