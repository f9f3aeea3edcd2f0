from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs.model_import.imported_model import ImportedModel
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer

from catalog.limits.model_import import BODIES
from invoke_shim.contract import BODIES as SHIM_BODIES
from invoke_shim.settings import Settings
from model_import.contract import BODIES as IMPORT_BODIES
from model_import.contract import TAG
from model_import.names import LONGEST_MODEL, check_model

Properties = Callable[[cdk.Stack, str], list[dict[str, Any]]]


def _model(stack: cdk.Stack, **props: Any) -> ImportedModel:
    pointer = ServedPointer(stack, "Served", path="dev/llama-3b")
    return ImportedModel(stack, "Model", **{"model_name": "dev-llama-3b", "pointer": pointer, **props})


def _statements(stack: cdk.Stack) -> list[dict[str, Any]]:
    [policy] = assertions.Template.from_stack(stack).find_resources("AWS::IAM::Policy").values()
    statements: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return statements


def _role(stack: cdk.Stack) -> iam.Role:
    return iam.Role(stack, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def test_grants_the_invocation_of_models_with_its_own_tag_only(stack: cdk.Stack) -> None:
    _model(stack).grant_invoke(_role(stack))

    invoke, read = _statements(stack)
    assert invoke["Action"] == ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
    assert "imported-model/*" in str(invoke["Resource"])
    assert invoke["Condition"] == {"StringEquals": {f"aws:ResourceTag/{TAG}": "dev-llama-3b"}}
    assert read["Action"] == ["ssm:GetParameter", "ssm:GetParameterHistory"]
    assert "parameter/jumpstack/dev/llama-3b/target" in str(read["Resource"])


def test_lets_callers_decrypt_a_model_with_a_key(stack: cdk.Stack) -> None:
    _model(stack, encryption_key=ModelKey(stack, "Key", alias="k")).grant_invoke(_role(stack))

    assert "kms:Decrypt" in [statement["Action"] for statement in _statements(stack)]


@pytest.mark.parametrize("body", BODIES)
def test_gives_settings_that_the_shim_takes(stack: cdk.Stack, body: str) -> None:
    settings = _model(stack, body=body).settings
    others = {"MODEL_NAME": "llama-3b", "INVOKE_TIMEOUT_SECONDS": "300", "PROMPT_FORMAT": "llama-3-instruct"}

    parsed = Settings.from_environment({**others, **settings})
    assert (parsed.backend, parsed.body, parsed.target_parameter) == (
        "bedrock",
        body,
        "/jumpstack/dev/llama-3b/target",
    )


def test_knows_the_bodies_and_the_longest_name_of_the_functions() -> None:
    assert set(BODIES) == set(SHIM_BODIES) == set(IMPORT_BODIES)
    check_model("a" * LONGEST_MODEL)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a--b", "a_b", "a.b", "a" * 47, "ä"])
def test_refuses_a_name_that_bedrock_would_not_take_with_a_version(stack: cdk.Stack, name: str) -> None:
    with pytest.raises(ValueError, match=r"model_name is .* at most 46 characters"):
        _model(stack, model_name=name)
    with pytest.raises(ValueError, match="must be 1 to 46 letters"):
        check_model(name)


def test_reports_all_problems_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="model_name") as refused:
        _model(stack, model_name="a b", body="text")

    assert str(refused.value).splitlines()[1:] == ["body is 'text': allowed are chat, completion, native, converse"]
