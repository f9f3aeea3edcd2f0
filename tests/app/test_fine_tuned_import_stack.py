"""The stack of a model that is tuned and then imported, from its template: its parts, rights, order and settings."""

import json
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions

import app
from catalog import Lock
from catalog.example_prompts import example_prompt
from stacks.declarations import BedrockImport, FineTunedModel
from stacks.environments import DEV, PROD, Environment
from stacks.fine_tuned_endpoint_stack import FineTunedEndpointStack
from stacks.fine_tuned_import_stack import FineTunedImportStack
from stacks.models import LLAMA_3_2_3B_10K, MISTRAL_7B_DOLLY
from stacks.placement import Placement
from tests.app.state_machine_calls import text

Template = dict[str, Any]

_BUCKETS = ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Custom::S3AutoDeleteObjects")


def _template(
    context: dict[str, Any], model: FineTunedModel = LLAMA_3_2_3B_10K, environment: Environment = DEV
) -> Template:
    stack = FineTunedImportStack(
        cdk.App(context=context),
        Placement(environment=environment, model=model),
        bedrock=model.bedrock or BedrockImport(),
        lock=Lock.load(),
    )
    return dict(assertions.Template.from_stack(stack).to_json())


@pytest.fixture(scope="module")
def template(context: dict[str, Any]) -> Template:
    return _template(context)


def _of_type(template: Template, *types: str) -> dict[str, dict[str, Any]]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] in types}


def _only(template: Template, resource_type: str) -> str:
    [name] = _of_type(template, resource_type)
    return name


def _needed(template: Template, name: str) -> set[str]:
    """Return all resources that are created before a resource, and so are deleted after it."""
    waiting, found = [name], set()
    while waiting:
        resource = template["Resources"][waiting.pop()]
        parts = [resource.get("DependsOn", []), *_references(resource.get("Properties", {}))]
        for part in parts:
            for other in part if isinstance(part, list) else [part]:
                if other in template["Resources"] and other not in found:
                    found.add(other)
                    waiting.append(other)
    return found


def _references(value: Any) -> list[str]:
    match value:
        case {"Ref": str(name)}:
            return [name]
        case {"Fn::GetAtt": [str(name), _]}:
            return [name]
        case dict():
            return [one for item in value.values() for one in _references(item)]
        case list():
            return [one for item in value for one in _references(item)]
        case _:
            return []


def _variables(template: Template, handler: str) -> dict[str, str]:
    [function] = [
        found["Properties"]
        for found in _of_type(template, "AWS::Lambda::Function").values()
        if found["Properties"]["Handler"] == handler
    ]
    return {name: text(value) for name, value in function["Environment"]["Variables"].items()}


def test_has_no_endpoint_and_nothing_that_would_make_or_delete_one(template: Template) -> None:
    handlers = {found["Properties"]["Handler"] for found in _of_type(template, "AWS::Lambda::Function").values()}
    written = json.dumps(template["Resources"])

    assert not {"training.verify.handler", "training.prune.handler"} & handlers
    assert {"training.prepare.handler", "training.lifecycle.handler"} <= handlers
    assert "sagemaker:DeleteEndpoint" not in written
    assert "sagemaker:DeleteModel" not in written
    assert "sagemaker:InvokeEndpoint" not in written
    assert "AWS::CloudWatch::Alarm" not in written


def test_has_the_outputs_of_both_a_pipeline_and_an_import(template: Template) -> None:
    assert set(template["Outputs"]) == {
        *("ImportedModelName", "PointerName", "ImportStateMachineArn", "InvokeUrl", "UsagePlanId"),
        *("BucketName", "KeyArn", "DataPrefix", "StateMachineArn", "StartCommand", "TopicArn"),
    }


def test_imports_nothing_with_a_deployment(template: Template) -> None:
    resource = template["Resources"][_only(template, "Custom::ModelImport")]

    assert resource["Properties"]["Weights"] == ""


def test_reads_no_more_of_its_bucket_than_what_was_trained(template: Template) -> None:
    roles = ("ImportImportRole", "ImportCheckRole")
    reads = [
        text(statement["Resource"])
        for policy in _of_type(template, "AWS::IAM::Policy").values()
        if text(policy["Properties"]["Roles"][0]).strip("<>").startswith(roles)
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "s3:GetObject"
    ]

    assert len(reads) == len(roles)
    assert all(one.endswith("/training/runs/*") for one in reads)


def test_stops_the_pipeline_before_it_deletes_imported_models(template: Template) -> None:
    lifecycle, imported = _only(template, "Custom::FineTuning"), _only(template, "Custom::ModelImport")

    assert imported in _needed(template, lifecycle)
    assert "Endpoint" not in template["Resources"][lifecycle]["Properties"]


def test_a_model_that_an_endpoint_served_before_leaves_the_endpoint_to_its_own_clean_up(
    context: dict[str, Any], template: Template
) -> None:
    stack = FineTunedEndpointStack(
        cdk.App(context=context), Placement(environment=DEV, model=MISTRAL_7B_DOLLY), lock=Lock.load()
    )
    before = dict(assertions.Template.from_stack(stack).to_json())

    assert _only(before, "Custom::FineTuning") not in template["Resources"]
    assert "sagemaker:DeleteEndpoint" in json.dumps(before)


def test_nothing_starts_an_execution_once_the_clean_up_has_begun(template: Template) -> None:
    lifecycle = _only(template, "Custom::FineTuning")
    rules = _of_type(template, "AWS::Events::Rule")

    # One notifies, one stops jobs of aborted runs, one starts on new data.
    assert len(rules) == 3
    assert all(lifecycle in _needed(template, rule) for rule in rules)


def test_keeps_what_a_running_import_needs_until_it_has_ended(template: Template) -> None:
    needed = _needed(template, _only(template, "Custom::ModelImport"))

    assert set(_of_type(template, "AWS::KMS::Key", "AWS::SSM::Parameter", *_BUCKETS)) <= needed
    assert any(name.startswith("ImportImportRole") for name in needed)
    machines = {
        name
        for name, machine in _of_type(template, "AWS::StepFunctions::StateMachine").items()
        if str(machine["Properties"].get("StateMachineName")).endswith("-import")
    }
    assert machines <= needed


def test_smoke_tests_a_new_version_in_the_form_of_its_training_data(
    context: dict[str, Any], template: Template
) -> None:
    assert _variables(template, "model_import.steps.handler")["SMOKE_PROMPT"] == example_prompt(
        LLAMA_3_2_3B_10K.prompt_template
    )
    declared = replace(LLAMA_3_2_3B_10K, bedrock=BedrockImport(body="completion", smoke_prompt="Are you there?"))
    assert _variables(_template(context, declared), "model_import.steps.handler")["SMOKE_PROMPT"] == "Are you there?"


def test_reports_that_weights_of_prod_stay(context: dict[str, Any]) -> None:
    template = _template(context, environment=PROD)

    assert template["Resources"][_only(template, "Custom::FineTuning")]["Properties"]["Artifacts"].endswith(
        "stay in the bucket"
    )


def test_refuses_a_licence_that_is_not_accepted(context: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="accept_eula is False"):
        _template(context, replace(LLAMA_3_2_3B_10K, accept_eula=False))


def test_the_app_takes_it_where_the_declaration_says_bedrock(context: dict[str, Any]) -> None:
    model = replace(MISTRAL_7B_DOLLY, instance_type=None, bedrock=BedrockImport(body="completion"))
    [scope] = [child for child in app.build([(DEV, [model])]).node.children if child.node.id == DEV.name]

    assert isinstance(scope.node.find_child(model.name), FineTunedImportStack)
