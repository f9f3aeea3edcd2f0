"""The custom resource of a pipeline: its properties, its rights, and its place in the order of a stack."""

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_stepfunctions as sfn
from constructs.fine_tuning.pipeline_lifecycle import PipelineLifecycle
from constructs.model_key import ModelKey
from constructs.values.storage import Storage

from tests.app.state_machine_calls import text
from tests.support.templates import only, rights, template_of

_ACCOUNT = "us-west-2:<AWS::AccountId>"


def _lifecycle(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    """Define it; return the custom resource."""
    key = ModelKey(stack, "Key", alias="dev/m")
    machine = sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(stack, "Nothing"))
    )
    PipelineLifecycle(
        stack,
        "Lifecycle",
        **{
            "pipeline": "dev-m",
            "state_machine": machine,
            "artifacts": "data stays",
            "declaration_hash": "abc",
            "needs": [key],
            "storage": Storage(encryption_key=key),
            **props,
        },
    )
    [resource] = assertions.Template.from_stack(stack).find_resources("Custom::FineTuning").values()
    return dict(resource)


@pytest.mark.parametrize("start", [True, False])
def test_starts_an_execution_only_where_it_is_told_to(stack: cdk.Stack, start: bool) -> None:
    resource = _lifecycle(stack, start_on_deploy=start)

    assert resource["Properties"]["StartOnDeploy"] == str(start).lower()
    assert ("states:StartExecution" in rights(template_of(stack), "LifecycleFunctionRole")) is start


def test_hands_over_pipeline_artifacts_and_the_declarations_hash(stack: cdk.Stack) -> None:
    properties = _lifecycle(stack)["Properties"]

    assert {name: properties[name] for name in ("Pipeline", "Artifacts", "Declaration")} == {
        "Pipeline": "dev-m",
        "Artifacts": "data stays",
        "Declaration": "abc",
    }
    assert "Endpoint" not in properties
    # Longer than the function may run, and shorter than CloudFormation's hour.
    assert properties["ServiceTimeout"] == "960"
    assert only(stack, "AWS::Lambda::Function")["Timeout"] == 900


def test_stops_executions_and_jobs_of_its_own_pipeline_only(stack: cdk.Stack) -> None:
    _lifecycle(stack)

    found = rights(template_of(stack), "LifecycleFunctionRole")
    assert found["states:StopExecution"] == [f"arn:aws:states:{_ACCOUNT}:execution:dev-m:*"]
    assert found["sagemaker:StopTrainingJob"] == [
        f"arn:aws:sagemaker:{_ACCOUNT}:training-job/dev-m-{'?' * 12}{attempt}" for attempt in ("", "-?", "-??")
    ]
    assert [text(arn)[:8] for arn in found["states:ListExecutions"]] == ["<Machine"]
    assert not [action for action in found if "Delete" in action]


def test_deletes_the_endpoint_that_the_pipeline_created_with_its_configs_and_models(stack: cdk.Stack) -> None:
    resource = _lifecycle(stack, endpoint_name="dev-m")

    found = rights(template_of(stack), "LifecycleFunctionRole")
    assert resource["Properties"]["Endpoint"] == "dev-m"
    assert {action: found[f"sagemaker:{action}"] for action in ("DeleteEndpoint", "DeleteModel")} == {
        "DeleteEndpoint": [f"arn:aws:sagemaker:{_ACCOUNT}:endpoint/dev-m"],
        "DeleteModel": [f"arn:aws:sagemaker:{_ACCOUNT}:model/dev-m-{'?' * 12}-{'?' * 6}"],
    }
    assert found["sagemaker:DeleteEndpointConfig"] == [
        f"arn:aws:sagemaker:{_ACCOUNT}:endpoint-config/dev-m-{'?' * 12}-{'?' * 6}"
    ]


def test_is_deleted_before_its_function_and_everything_that_it_needs(stack: cdk.Stack) -> None:
    depends = _lifecycle(stack)["DependsOn"]

    for beginning in ("LifecycleFunctionRoleDefaultPolicy", "LifecycleFunctionLogs", "LifecycleFunction", "Key"):
        assert [name for name in depends if name.startswith(beginning)], beginning
