import json
from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import pytest
from constructs.fine_tuning.training_states import MOST_TRAINING_EVENTS

from localaws.iam.conditions import context_of
from localaws.iam.policy import Decision, Request, evaluate
from tests.app.state_machine_calls import text
from tests.constructs.fine_tuning.pipeline_parts import EndpointParts, make
from tests.constructs.fine_tuning.walks import part
from tests.localaws.sagemaker.training_driver import Training
from tests.support.state_machine_driver import StateMachines, allow
from tests.support.templates import listed, statements

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


def _states(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    return make(stack, job=props).states()


def test_waits_for_instances_longer_than_the_job_may_train(stack: cdk.Stack) -> None:
    states = _states(stack)

    [looks] = [
        one["NumericGreaterThanEquals"]
        for one in states["Has the training ended?"]["Choices"]
        if one.get("Variable") == "$.training.looks"
    ]
    assert looks * states["Wait for the training"]["Seconds"] == pytest.approx(26 * 3600, rel=0.01)


@pytest.mark.parametrize("hours", [1, 24, 28 * 24])
def test_looks_as_often_as_an_execution_can_count(stack: cdk.Stack, hours: int) -> None:
    states = _states(stack, max_runtime=cdk.Duration.hours(hours))

    seconds = states["Wait for the training"]["Seconds"]
    assert seconds >= 30
    assert 11 * (hours + 2) * 3600 / seconds <= MOST_TRAINING_EVENTS <= 25_000 / 3


@pytest.fixture(scope="module")
def parts(context: dict[str, Any]) -> EndpointParts:
    return make(cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-east-1")))


@pytest.fixture(scope="module")
def states(parts: EndpointParts) -> dict[str, Any]:
    return parts.states()


@pytest.fixture(scope="module")
def template(parts: EndpointParts) -> dict[str, Any]:
    return parts.template()


def _variant(model: str, instance_type: str) -> dict[str, Any]:
    return {"ProductionVariants": [{"ModelName": model, "InstanceType": instance_type}]}


@pytest.mark.parametrize(
    ("action", "changes", "allowed"),
    [
        ("CreateTrainingJob", {}, True),
        ("CreateTrainingJob", {"ResourceConfig": {"InstanceType": "ml.p4d.24xlarge"}}, False),
        ("CreateTrainingJob", {"StoppingCondition": {"MaxRuntimeInSeconds": 24 * 3600 + 1}}, False),
        ("CreateTrainingJob", {"OutputDataConfig": {"KmsKeyId": "another"}}, False),
        ("CreateTrainingJob", {"OutputDataConfig": {}}, False),
        ("CreateModel", {}, True),
        ("CreateModel", {"EnableNetworkIsolation": False}, False),
        ("CreateEndpointConfig", {}, True),
        ("CreateEndpointConfig", _variant("dev-m-0123456789ab-abcdef", "ml.p4d.24xlarge"), False),
        ("CreateEndpointConfig", _variant("other", "ml.g5.2xlarge"), False),
    ],
)
def test_may_ask_for_what_is_declared_only(
    template: dict[str, Any], action: str, changes: dict[str, Any], allowed: bool
) -> None:
    [held] = [one for one in statements(template, "PipelineRole") if f"sagemaker:{action}" in listed(one["Action"])]
    condition = json.loads(json.dumps(held["Condition"]).replace('{"Fn::GetAtt": ["Key961B73FD", "Arn"]}', '"key"'))
    arn = condition.get("ArnLike", {}).get("sagemaker:ModelArn")
    if arn is not None:
        condition["ArnLike"]["sagemaker:ModelArn"] = text(arn).replace("<AWS::AccountId>", "1")
    request = {
        "EnableNetworkIsolation": True,
        "ResourceConfig": {"InstanceType": "ml.g5.12xlarge"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 24 * 3600},
        "OutputDataConfig": {"KmsKeyId": "key"},
        **_variant("dev-m-0123456789ab-abcdef", "ml.g5.2xlarge"),
        **changes,
    }
    context = context_of(f"sagemaker:{action}", request, region="us-east-1", account="1")

    decision = evaluate([{**held, "Condition": condition}], Request(action=f"sagemaker:{action}", context=context))
    assert (decision is Decision.ALLOWED) is allowed


class TestOnTheLocalAws:
    """The states run, from *train* to what follows a training."""

    @pytest.fixture
    def training(self, aws: Callable[..., Any], local_aws: str) -> Iterator[Training]:
        made = Training(aws, local_aws)
        made.behave(seconds=0, faults=[])
        yield made
        made.steer("DELETE")

    def _run(
        self,
        machines: StateMachines,
        states: dict[str, Any],
        request: dict[str, Any],
        start: str = "Train",
        **data: Any,
    ) -> dict[str, Any]:
        optional = {
            "EnableInterContainerTrafficEncryption": False,
            "EnableManagedSpotTraining": False,
            "EnableNetworkIsolation": True,
            "Environment": {},
            "Tags": [],
        }
        machine = part(states, start, name_the_release="Succeed", sum_up_what_failed="Fail")
        given = {"run": {"jobName": request["TrainingJobName"], "request": {**optional, **request}}, **data}
        execution: dict[str, Any] = machines.run(machine, given, allow("sagemaker:*", "iam:PassRole"))
        return execution

    def test_goes_on_when_the_job_has_completed(
        self, machines: StateMachines, states: dict[str, Any], training: Training
    ) -> None:
        request = training.request()
        execution = self._run(machines, states, request)

        assert execution["status"] == "SUCCEEDED", execution
        assert training.ended(request["TrainingJobName"])["TrainingJobStatus"] == "Completed"

    def test_fails_with_the_reason_of_a_job_that_failed(
        self, machines: StateMachines, states: dict[str, Any], training: Training
    ) -> None:
        training.behave(faults=[{"reason": "AlgorithmError: no memory"}])
        request = training.request()
        execution = self._run(machines, states, request)

        assert execution["error"] == "TrainingJobFailed"
        assert execution["cause"] == f"the training job {request['TrainingJobName']} failed: AlgorithmError: no memory"

    def test_takes_over_the_job_that_has_its_name(
        self, machines: StateMachines, states: dict[str, Any], training: Training
    ) -> None:
        request = training.request()
        training.start(**request)
        execution = self._run(machines, states, request)

        assert execution["status"] == "SUCCEEDED", execution
        types = [event["type"] for event in machines.events(execution["executionArn"])]
        assert types.count("TaskFailed") == 1

    def test_a_refused_job_fails_with_sagemakers_error(
        self, machines: StateMachines, states: dict[str, Any], training: Training
    ) -> None:
        execution = self._run(machines, states, training.request(EnableManagedSpotTraining=True))

        assert execution["error"] == "SageMaker.SageMakerException"
        assert "MaxWaitTimeInSeconds" in execution["cause"]

    def test_stops_a_job_that_takes_too_long(
        self, machines: StateMachines, states: dict[str, Any], training: Training
    ) -> None:
        training.behave(seconds=60)
        request = training.request()
        training.start(**request)
        looks = {"looks": 749}
        execution = self._run(machines, states, request, "Wait for the training", training=looks)

        assert execution["error"] == "TrainingTimeoutError"
        assert "did not end within 93600 s" in execution["cause"]
        assert training.ended(request["TrainingJobName"])["TrainingJobStatus"] == "Stopped"
        # A person who stops a job is told so.
        stopped = self._run(machines, states, request)
        assert stopped["cause"] == f"the training job {request['TrainingJobName']} is Stopped: Stopped"
