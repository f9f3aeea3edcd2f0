import json
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.declarations import BedrockImport, Body, ImportedModel, JumpStartModel
from stacks.environments import DEV
from stacks.models import FALCON_7B
from tools import deployed
from tools.deployed import (
    NotDeployedError,
    WrongDeclarationsError,
    declared_stack,
    declared_stacks,
    output,
    regions,
    resource_count,
)


def test_names_stacks_as_the_cdk_cli_and_as_cloudformation_do() -> None:
    stack = declared_stack("prod/arctic-instruct")

    assert (stack.path, stack.stack_name, stack.region) == (
        "prod/arctic-instruct",
        "prod-arctic-instruct",
        "us-east-2",
    )


def test_a_wrong_model_is_taken_for_one_of_the_same_environment() -> None:
    with pytest.raises(deployed.UnknownStackError, match="did you mean dev/mistral-7b, ") as refused:
        declared_stack("dev/mistral-7b-sec")
    assert "prod/" not in str(refused.value)

    with pytest.raises(deployed.UnknownStackError, match="did you mean prod/arctic-instruct, "):
        declared_stack("prd/arctic-instruct")


def test_knows_whose_callers_have_keys() -> None:
    assert declared_stack("dev/falcon-7b").takes_keys
    assert not declared_stack("prod/falcon-7b").takes_keys


def test_knows_which_models_chat() -> None:
    chatting = {stack.path: stack.chats for name in ("dev", "staging") for stack in declared_stacks(name)}

    assert not chatting["dev/falcon-7b"]
    assert chatting["dev/falcon-7b-instruct"]
    # Its prompt is written by Bedrock.
    assert chatting["staging/granite-3b-code-instruct"]
    assert chatting["dev/llama-3-2-3b-10k"]


def test_knows_that_bedrock_chats_with_a_model_that_has_no_prompt_format() -> None:
    stack = declared_stack("staging/granite-3b-code-instruct")
    assert isinstance(stack.model, ImportedModel)
    bodies: tuple[Body, ...] = ("completion", "converse")

    completing, conversing = (
        replace(stack, model=replace(stack.model, prompt_format="none", bedrock=BedrockImport(body=body)))
        for body in bodies
    )

    assert not completing.chats
    assert conversing.chats


@pytest.mark.parametrize(
    ("model_id", "chats"),
    [
        ("huggingface-llm-gemma-2-9b-instruct", True),
        ("huggingface-llm-falcon-7b-bf16", False),
        ("huggingface-sentencesimilarity-bge-m3", False),
    ],
)
def test_knows_whether_a_model_chats_that_leaves_its_format_to_the_container(model_id: str, chats: bool) -> None:
    stack = declared_stack("dev/falcon-7b")
    model = JumpStartModel(name="m", model_id=model_id, version="1.0.0")

    assert replace(stack, model=model).chats is chats


def test_lists_an_environments_regions_once() -> None:
    assert list(regions(declared_stacks("prod"))) == ["us-east-2", "us-west-2"]


def test_refuses_an_unknown_environment_and_names_those_declared() -> None:
    with pytest.raises(ValueError, match="environment is 'qa': declared are dev, staging, prod"):
        declared_stacks("qa")


def test_refuses_an_unknown_stack_and_names_those_declared() -> None:
    with pytest.raises(ValueError, match="ENV/MODEL is 'dev/gpt': declared are dev/falcon-7b, "):
        declared_stack("dev/gpt")


def test_a_stack_whose_creation_failed_is_not_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = declared_stack("dev/falcon-7b")
    monkeypatch.setattr(deployed, "outputs", lambda _: {"KeyArn": "arn"})

    assert output(stack, "KeyArn") == "arn"
    with pytest.raises(
        NotDeployedError, match=r"dev/falcon-7b has no output InvokeUrl in us-west-2: .*: ./jumpstack deploy dev "
    ):
        output(stack, "InvokeUrl")


def test_counts_the_resources_of_a_synthesized_stack(tmp_path: Path) -> None:
    artifact = {"properties": {"stackName": "dev-falcon-7b", "templateFile": "some.template.json"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": {"assets": {}, "some": artifact}}))
    (tmp_path / "some.template.json").write_text(json.dumps({"Resources": {"One": {}, "Two": {}}}))

    assert resource_count(tmp_path, declared_stack("dev/falcon-7b")) == 2
    with pytest.raises(ValueError, match="the assembly does not hold it"):
        resource_count(tmp_path, declared_stack("dev/mistral-7b"))


@pytest.mark.parametrize(
    ("deployments", "problem"),
    [
        ((DEV, (FALCON_7B,)), "DEPLOYMENTS[0] is an object of the type Environment; allowed: "),
        (((DEV, FALCON_7B),), "what dev runs is an object of the type JumpStartModel; allowed: a sequence of models; "),
        (((DEV, (FALCON_7B, "falcon-40b")),), "DEPLOYMENTS[0][1][1] is 'falcon-40b', a text; allowed: "),
        ((("dev", (FALCON_7B,)),), "DEPLOYMENTS[0][0] is 'dev', a text; allowed: Environment("),
    ],
)
def test_says_what_is_wrong_with_declarations_that_are_none(
    monkeypatch: pytest.MonkeyPatch, deployments: object, problem: str
) -> None:
    monkeypatch.setattr(deployed, "DEPLOYMENTS", deployments)

    with pytest.raises(WrongDeclarationsError) as refused:
        declared_stack("dev/falcon-7b")
    assert refused.value.problems[0].startswith(problem)
