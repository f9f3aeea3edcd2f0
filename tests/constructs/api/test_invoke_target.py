"""Targets of the invoke shim: endpoints, whose settings the shim must take, and imported models."""

import json

import aws_cdk as cdk
import pytest
from constructs.model_import.imported_model import ImportedModel
from constructs.served_pointer import ServedPointer

from invoke_shim.settings import Settings
from tests.constructs.api.api_parts import make_api, target
from tests.support.templates import only


def test_an_endpoint_reports_all_problems_of_its_container_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="container") as refused:
        target(stack, container="ollama", max_input_tokens=5, max_total_tokens=5)

    assert str(refused.value).splitlines() == [
        "container is 'ollama': allowed are tgi, lmi, vllm, tei, stability, other",
        "max_input_tokens is 5: allowed is less than max_total_tokens, 5",
    ]


def test_stands_in_front_of_an_imported_model_that_the_pointer_names(stack: cdk.Stack) -> None:
    pointer = ServedPointer(stack, "Served", path="dev/m")
    target = ImportedModel(stack, "Model", model_name="dev-m", pointer=pointer, body="chat")
    make_api(stack, target=target, prompt_format=None)

    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = Settings.from_environment(variables)
    assert (settings.backend, settings.body, settings.container) == ("bedrock", "chat", None)
    assert settings.target_parameter == "/jumpstack/dev/m/target"
    assert settings.endpoint_name is None
    policy = json.dumps(only(stack, "AWS::IAM::Policy"))
    assert "bedrock:InvokeModelWithResponseStream" in policy
    assert "sagemaker:" not in policy


def test_an_endpoint_of_another_task_names_it_to_the_shim(stack: cdk.Stack) -> None:
    make_api(stack, target=target(stack, container="other", task="embedding"), prompt_format=None)

    settings = Settings.from_environment(only(stack, "AWS::Lambda::Function")["Environment"]["Variables"])
    assert (settings.task, settings.container, settings.prompt_format) == ("embedding", "other", "none")


def test_an_endpoint_of_another_task_takes_files_and_one_of_text_does_not(stack: cdk.Stack) -> None:
    make_api(stack, target=target(stack, container="other", task="transcription"), prompt_format=None)
    other = cdk.Stack(cdk.App(), "other", env=cdk.Environment(region="us-west-2"))
    make_api(other)

    binary = only(stack, "AWS::ApiGateway::RestApi")["BinaryMediaTypes"]
    assert {"multipart/form-data", "audio/wav", "image/png"} <= set(binary)
    # These would let no body of more than 4.5 MB pass that has 6 MB as text.
    assert not {"application/json", "*/*"} & set(binary)
    assert "BinaryMediaTypes" not in only(other, "AWS::ApiGateway::RestApi")


def test_refuses_a_task_that_the_shim_does_not_know(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match=r"^task is 'poetry': allowed are text, embedding,"):
        target(stack, task="poetry")
