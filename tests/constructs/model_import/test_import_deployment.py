"""The custom resource that imports with a deployment: its input, its order in the stack and its deadlines."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from constructs.model_import.import_role import Weights

from tests.app.state_machine_calls import definition, is_framework, machines, text
from tests.constructs.model_import.import_parts import make_job
from tests.support.templates import listed, resources, statements, template_of


def _resource(stack: cdk.Stack) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources("Custom::ModelImport").values()
    return dict(resource)


def test_imports_the_declared_weights(stack: cdk.Stack) -> None:
    make_job(stack, import_on_deploy=True, revision="2")

    properties = _resource(stack)["Properties"]
    assert {name: properties[name] for name in ("Model", "Weights", "Revision")} == {
        "Model": "dev-llama-3b",
        "Weights": "s3://models/llama/1/",
        "Revision": "2",
    }


@pytest.mark.parametrize(
    ("source", "action", "names"),
    [
        ({"training_job": "llama-1"}, "sagemaker:DescribeTrainingJob", ["training-job/llama-1"]),
        ({"sagemaker_model": "Llama-1"}, "sagemaker:DescribeModel", ["model/Llama-1", "model/llama-1"]),
    ],
)
def test_imports_what_sagemaker_knows_of_and_may_look_up_that_alone(
    stack: cdk.Stack, source: dict[str, str], action: str, names: list[str]
) -> None:
    weights = Weights(bucket_name="models", prefix="llama/1/", **source)
    make_job(stack, weights=weights, import_on_deploy=True)

    template = template_of(stack)
    arns = [f"arn:aws:sagemaker:us-west-2:<AWS::AccountId>:{name}" for name in names]
    assert text(_resource(stack)["Properties"]["Weights"]) == arns[0]
    [statement] = [one for one in statements(template, "") if "sagemaker:" in str(one["Action"])]
    assert statement in statements(template, "ImportCheckRole")
    assert statement["Action"] == action
    assert [text(one) for one in listed(statement["Resource"])] == arns


def test_imports_nothing_where_a_pipeline_does(stack: cdk.Stack) -> None:
    make_job(stack)

    assert _resource(stack)["Properties"]["Weights"] == ""


def test_is_created_after_and_deleted_before_everything_that_it_needs(stack: cdk.Stack) -> None:
    make_job(stack)

    template = template_of(stack)
    depends = _resource(stack)["DependsOn"]
    needed = (
        # The pointer, and the import's own functions, roles, log and state machine.
        *("Served", "ImportImportRole", "ImportCheckRole", "ImportStepsRole"),
        *("ImportRole", "ImportLogs", "ImportCheckLogs", "ImportStepsLogs"),
        # The handlers, the framework that calls them and the log of the framework, which its clean-up writes to.
        *("ImportDeploymentOnEvent", "ImportDeploymentIsComplete", "ImportDeploymentProvider"),
        *("ImportDeploymentFrameworkBeginRole", "ImportDeploymentFrameworkWaitRole", "ImportDeploymentFrameworkLogs"),
    )
    for beginning in needed:
        existing = {name for name in template["Resources"] if name.startswith(beginning)}
        assert existing, beginning
        assert existing <= set(depends), beginning


def test_waits_less_than_cloudformations_hour(stack: cdk.Stack) -> None:
    make_job(stack)

    [waiter] = [definition(one) for _, one in machines(template_of(stack)) if is_framework(one)]
    [retry] = waiter["States"]["framework-isComplete-task"]["Retry"]
    assert 54 * 60 < retry["MaxAttempts"] * retry["IntervalSeconds"] < 3600


def test_its_handlers_may_run_for_two_minutes(stack: cdk.Stack) -> None:
    make_job(stack)

    timeouts = {one["Handler"]: one["Timeout"] for one in resources(stack, "AWS::Lambda::Function").values()}
    assert timeouts["model_import.lifecycle.on_event"] == timeouts["model_import.lifecycle.is_complete"] == 120


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (
            "ImportDeploymentOnEvent",
            [
                *("bedrock:GetImportedModel", "bedrock:ListTagsForResource"),
                *("ssm:GetParameter", "ssm:PutParameter"),
                *("states:ListExecutions", "states:StartExecution", "states:StopExecution"),
            ],
        ),
        (
            "ImportDeploymentIsComplete",
            [
                *("bedrock:DeleteImportedModel", "bedrock:ListImportedModels", "bedrock:ListModelImportJobs"),
                *("bedrock:ListTagsForResource", "states:DescribeExecution", "states:StopExecution"),
            ],
        ),
    ],
)
def test_its_handlers_may_do_what_they_ask_and_no_more(stack: cdk.Stack, role: str, actions: list[str]) -> None:
    make_job(stack, import_on_deploy=True)

    found = {action for one in statements(template_of(stack), role) for action in listed(one["Action"])}
    assert sorted(action for action in found if action.split(":")[0] not in {"kms", "logs", "xray"}) == actions
