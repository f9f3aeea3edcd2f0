from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.api.invoke_api import InvokeApi
from constructs.api.invoke_target import EndpointTarget
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.storage import Storage

from tests.app.state_machine_calls import allowed, text


def _template(stack: cdk.Stack) -> dict[str, Any]:
    pointer = ServedPointer(stack, "Served", path="dev/m")
    InvokeApi(
        stack,
        "Api",
        target=EndpointTarget(
            SageMakerEndpoint.from_endpoint_name(stack, "Endpoint", "dev-m"), container="tgi", pointer=pointer
        ),
        model_name="m",
        prompt_format="none",
        storage=Storage(encryption_key=ModelKey(stack, "Key", alias="dev/m")),
    )
    return dict(assertions.Template.from_stack(stack).to_json())


def test_three_parameters_begin_as_none_so_that_a_later_deployment_leaves_them_alone(stack: cdk.Stack) -> None:
    parameters = {
        resource["Properties"]["Name"]: resource["Properties"]["Value"]
        for resource in _template(stack)["Resources"].values()
        if resource["Type"] == "AWS::SSM::Parameter"
    }

    assert parameters == dict.fromkeys(
        [f"/jumpstack/dev/m/{name}" for name in ("target", "served", "previous")], "none"
    )


def test_the_api_asks_the_pointer_for_its_endpoint_and_may_invoke_that_one_only(stack: cdk.Stack) -> None:
    template = _template(stack)
    [function] = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function" and "MODEL_NAME" in str(resource)
    ]

    variables = function["Environment"]["Variables"]
    assert variables["TARGET_PARAMETER"] == "/jumpstack/dev/m/target"
    assert "ENDPOINT_NAME" not in variables
    rights = allowed(template, text(function["Role"]).strip("<>").removesuffix(".Arn"))
    account = "us-west-2:<AWS::AccountId>"
    resources = {arn.replace("<AWS::Partition>", "aws") for action, arn in rights if not action.startswith("xray")}
    assert f"arn:aws:ssm:{account}:parameter/jumpstack/dev/m/target" in resources
    assert {arn for action, arn in rights if action == "sagemaker:InvokeEndpoint"} == {
        f"arn:aws:sagemaker:{account}:endpoint/dev-m"
    }
    assert not [arn for arn in resources if "served" in arn or "previous" in arn]
