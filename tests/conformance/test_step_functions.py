"""Names of errors, what States.ALL misses, and executions of one name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.made import Made, allow
from tests.conformance.streaming_function import module
from tests.conformance.target import Target, error_of

pytestmark = pytest.mark.xdist_group("conformance")


def _call(integration: str, parameters: dict[str, Any], **state: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::{integration}"
    return {"Call": {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **state}}


@pytest.mark.belief("states-sdk-error-names")
def test_what_sagemaker_does_not_model_is_a_sagemaker_exception(made: Made, observe: Observe) -> None:
    states = _call("aws-sdk:sagemaker:describeEndpoint", {"EndpointName": "none"})
    ended = made.run(made.state_machine(states, allow("sagemaker:DescribeEndpoint")))
    observe(f"{ended['error']}: {ended['cause']}")
    assert ended["error"] == "SageMaker.SageMakerException"
    assert "Could not find" in ended["cause"]


@pytest.mark.belief("states-modelled-names")
def test_what_a_service_models_keeps_its_name(made: Made, observe: Observe) -> None:
    states = _call("aws-sdk:ssm:getParameter", {"Name": f"/{made.target.run}/none"})
    ended = made.run(made.state_machine(states, allow("ssm:GetParameter")))
    observe(f"{ended['error']}: {ended['cause']}")
    assert ended["error"] == "Ssm.ParameterNotFoundException"


@pytest.mark.belief("states-sfn-integration")
def test_step_functions_own_integration_is_called_sfn(made: Made, observe: Observe) -> None:
    execution = made.target.arn("states", f"execution:{made.target.run}-none:none")
    states = _call("aws-sdk:sfn:describeExecution", {"ExecutionArn": execution})
    ended = made.run(made.state_machine(states, allow("states:DescribeExecution")))
    observe(f"{ended['error']}: {ended['cause']}")
    assert ended["error"] == "Sfn.ExecutionDoesNotExistException"


def _train(made: Made, observe: Observe, integration: str, **output: str) -> str:
    """Start a training job without a right on it; return the error's name.

    The members are given by a path, as the pipelines give them: what the integration does not know is then found in the
    execution.
    """
    target = made.target
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{target.run}/data/", "ModelAccessConfig": {"AcceptEula": True}}
    request = {
        "TrainingJobName": target.name(),
        "RoleArn": target.arn("iam", "role/none").replace(target.region, ""),
        "AlgorithmSpecification": {"TrainingImage": "none", "TrainingInputMode": "File"},
        "InputDataConfig": [{"ChannelName": "model", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{target.run}/", **output},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.g5.2xlarge", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    parameters = {f"{name}.$": f"$.{name}" for name in request}
    ended = made.run(made.state_machine(_call(integration, parameters)), request)
    observe(f"{', '.join(output) or 'without a doubtful field'}: {ended.get('error')}: {ended.get('cause')}")
    return str(ended.get("error"))


@pytest.mark.belief("states-optimized-sagemaker-error-name")
def test_a_refused_training_job_is_an_amazon_sagemaker_exception(made: Made, observe: Observe) -> None:
    # The integration without `.sync` has the same errors, and makes no rule in the account.
    assert _train(made, observe, "sagemaker:createTrainingJob") == "SageMaker.AmazonSageMakerException"


@pytest.mark.belief("states-nested-fields")
@pytest.mark.parametrize(
    ("field", "error"),
    [("CompressionType", "SageMaker.SageMakerException"), ("CompressionKind", "States.Runtime")],
)
def test_the_integration_knows_compression_and_licences_and_no_other_field(
    made: Made, observe: Observe, field: str, error: str
) -> None:
    # The refusal of a field that nobody knows shows that a known one would be refused so, too, if it were not known.
    assert _train(made, observe, "aws-sdk:sagemaker:createTrainingJob", **{field: "NONE"}) == error


@pytest.mark.belief("states-all-misses-runtime")
def test_a_path_that_leads_nowhere_is_caught_by_nothing(made: Made, observe: Observe) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    states = _call("aws-sdk:ssm:getParameter", {"Name": "none"}, InputPath="$.nowhere", Catch=catch)
    ended = made.run(made.state_machine({**states, "Caught": {"Type": "Succeed"}}))
    observe(f"{ended['status']} {ended.get('error')}")
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


@pytest.mark.belief("states-start-is-idempotent")
def test_a_running_execution_is_not_started_twice(made: Made, target: Target, observe: Observe) -> None:
    machine = made.state_machine({"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    client = target.client("stepfunctions")
    same = {"stateMachineArn": machine, "name": "one", "input": "{}"}
    first, second = client.start_execution(**same), client.start_execution(**same)
    other = error_of(client.start_execution, **{**same, "input": '{"a": 1}'})
    client.stop_execution(executionArn=first["executionArn"])
    observe(f"the same execution: {first['executionArn'] == second['executionArn']}; with another input {other}")
    assert first["executionArn"] == second["executionArn"]
    assert other[0] == "ExecutionAlreadyExists"


@pytest.mark.belief("states-timeout-has-no-cause")
def test_a_task_that_takes_too_long_has_no_cause(made: Made, observe: Observe) -> None:
    slow = made.function(
        module("import time\ndef handler(event, context):\n    time.sleep(4)\n"), Handler="index.handler"
    )
    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Caught"}]
    states = _call("lambda:invoke", {"FunctionName": slow}, TimeoutSeconds=1, Catch=catch)
    machine = made.state_machine(
        {**states, "Caught": {"Type": "Succeed"}}, allow("lambda:InvokeFunction", resource=slow)
    )
    ended = made.run(machine)
    observe(ended.get("output"))
    assert json.loads(ended["output"]) == {"Error": "States.Timeout", "Cause": ""}
