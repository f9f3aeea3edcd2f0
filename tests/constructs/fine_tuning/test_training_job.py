from typing import Any

import aws_cdk as cdk

from tests.constructs.fine_tuning.pipeline_parts import make

MEMBERS = {
    *("AlgorithmSpecification", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"),
    *("EnableNetworkIsolation", "Environment", "HyperParameters", "InputDataConfig", "OutputDataConfig"),
    *("ResourceConfig", "RoleArn", "StoppingCondition", "Tags"),
}


def _train(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    state: dict[str, Any] = make(stack, job=props).states()["Train"]
    return state


def test_takes_every_member_of_the_prepared_request(stack: cdk.Stack) -> None:
    parameters = _train(stack)["Parameters"]

    assert parameters.pop("TrainingJobName.$") == "$.run.jobName"
    assert parameters == {f"{member}.$": f"$.run.request.{member}" for member in MEMBERS}


def test_takes_checkpoints_with_spot_instances_only(stack: cdk.Stack) -> None:
    assert "CheckpointConfig.$" in _train(stack, max_wait=cdk.Duration.hours(48))["Parameters"]


def test_takes_a_network_in_a_vpc_only(stack: cdk.Stack) -> None:
    assert "VpcConfig.$" in _train(stack, in_vpc=True)["Parameters"]


def test_waits_for_instances_longer_than_the_job_may_train(stack: cdk.Stack) -> None:
    assert _train(stack)["TimeoutSeconds"] == 26 * 3600


def test_tells_a_failed_job_and_tries_none_again_under_the_same_name(stack: cdk.Stack) -> None:
    state = _train(stack)

    [catch] = state["Catch"]
    assert (catch["ErrorEquals"], catch["ResultPath"]) == (["States.ALL"], "$.error")
    [retry] = state["Retry"]
    assert "States.TaskFailed" not in retry["ErrorEquals"]
    assert "SageMaker.ResourceLimitExceededException" in retry["ErrorEquals"]
