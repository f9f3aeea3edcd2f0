"""The stack of a fine-tuned model that an endpoint serves, from its template: settings of training jobs."""

import json
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

from catalog import Lock
from stacks.declarations import OWN_VALIDATION
from stacks.environments import DEV
from stacks.fine_tuned_endpoint_stack import FineTunedEndpointStack
from stacks.models import MISTRAL_7B_DOLLY
from stacks.placement import Placement

pytestmark = pytest.mark.xdist_group("app")


@pytest.mark.parametrize(
    ("changes", "wait"),
    [
        ({}, None),
        ({"spot": True, "max_runtime_seconds": 3600}, "7200"),
        ({"spot": True, "max_runtime_seconds": 3600, "max_wait_seconds": 5000}, "5000"),
    ],
    ids=["on demand", "spot", "spot with a time limit"],
)
def test_spot_jobs_wait_as_declared_or_twice_as_long_as_they_may_train(
    context: dict[str, Any], changes: dict[str, Any], wait: str | None
) -> None:
    placement = Placement(environment=DEV, model=replace(MISTRAL_7B_DOLLY, **changes))
    stack = FineTunedEndpointStack(cdk.App(context=context), placement, lock=Lock.load())
    functions = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()

    [variables] = [
        function["Properties"]["Environment"]["Variables"]
        for function in functions
        if function["Properties"]["Handler"] == "training.prepare.handler"
    ]
    assert variables.get("MAX_WAIT_SECONDS") == wait


def test_prepare_gets_the_hash_of_the_recipe_that_the_lock_pins(
    context: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lock, "recipe_sha256", lambda _self, model_id, version: f"{model_id}@{version}")
    placement = Placement(environment=DEV, model=MISTRAL_7B_DOLLY)
    stack = FineTunedEndpointStack(cdk.App(context=context), placement, lock=Lock.load())
    template = assertions.Template.from_stack(stack)
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "Handler": "training.prepare.handler",
            "Environment": {
                "Variables": assertions.Match.object_like({"RECIPE_SHA256": "huggingface-llm-mistral-7b@2.1.0"})
            },
        },
    )


def test_reads_validation_data_in_its_own_bucket_where_that_is_declared(context: dict[str, Any]) -> None:
    model = replace(MISTRAL_7B_DOLLY, validation_prefix=OWN_VALIDATION)
    stack = FineTunedEndpointStack(cdk.App(context=context), Placement(environment=DEV, model=model), lock=Lock.load())
    template = assertions.Template.from_stack(stack)

    (bucket,) = {name for name in template.find_resources("AWS::S3::Bucket") if name.startswith("ArtifactsBucket")}
    uri = {"Fn::Join": ["", ["s3://", {"Ref": bucket}, "/training/validation/"]]}
    template.has_output("ValidationPrefix", {"Value": uri})
    [prepare] = template.find_resources(
        "AWS::Lambda::Function", {"Properties": {"Handler": "training.prepare.handler"}}
    ).values()
    assert prepare["Properties"]["Environment"]["Variables"]["VALIDATION_PREFIX"] == uri
    objects = {"Fn::Join": ["", [{"Fn::GetAtt": [bucket, "Arn"]}, "/training/validation/*"]]}
    readers = [
        role
        for role in (
            *template.find_resources("AWS::IAM::Policy").values(),
            *template.find_resources("AWS::IAM::Role").values(),
        )
        if json.dumps(objects) in json.dumps(role)
    ]
    assert len(readers) == 2, "the training job's role, and prepare's"


def test_serves_by_an_unlisted_instance_type_where_a_reason_is_declared(context: dict[str, Any]) -> None:
    unlisted = replace(MISTRAL_7B_DOLLY, instance_type="ml.g5.xlarge", unlisted_instance_type="it was tried")
    stack = FineTunedEndpointStack(
        cdk.App(context=context), Placement(environment=DEV, model=unlisted), lock=Lock.load()
    )

    [machine] = assertions.Template.from_stack(stack).find_resources("AWS::StepFunctions::StateMachine").values()
    assert "ml.g5.xlarge" in str(machine["Properties"]["DefinitionString"])
