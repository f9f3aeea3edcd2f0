"""Serving a release by an endpoint: registered once, created or updated, watched, and returned."""

from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.fine_tuning.pipeline_parts import NAME, make
from tests.constructs.fine_tuning.walks import part, walk
from tests.localaws.sagemaker.sagemaker_driver import SageMakerDriver
from tests.support.state_machine_driver import StateMachines, allow

# API DescribeEndpoint, EndpointStatus: the statuses that a further wait does not change.
_BROKEN = {"Failed", "OutOfService", "UpdateRollbackFailed"}


@pytest.fixture(scope="module")
def states(context: dict[str, Any]) -> dict[str, Any]:
    return make(cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))).states()


def _choices(states: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {choice["Next"]: choice for choice in states[name]["Choices"]}


def _statuses(choice: dict[str, Any]) -> set[str]:
    return {one["StringEquals"] for one in choice.get("Or", [choice]) if one["Variable"] == "$.live.status"}


@pytest.mark.parametrize("kind", ["model", "config"])
def test_registers_only_what_is_not_registered(states: dict[str, Any], kind: str) -> None:
    [catch] = states[f"Is the {kind} registered?"]["Catch"]

    assert catch["Next"] == f"No such {kind}?"
    assert list(_choices(states, f"No such {kind}?")) == [f"Register {kind}"]
    assert states[f"Register {kind}"]["Next"] == states[f"Is the {kind} registered?"]["Next"]


def test_registers_the_model_before_its_config(states: dict[str, Any]) -> None:
    assert states["Is the model registered?"]["Next"] == "Is the config registered?"


def test_retries_what_a_role_of_seconds_refuses(states: dict[str, Any]) -> None:
    for name in ("Register model", "Register config", "Create endpoint", "Update endpoint"):
        [retry] = states[name]["Retry"]
        assert retry["ErrorEquals"] == ["States.TaskFailed"]
        assert (retry["IntervalSeconds"], retry["MaxAttempts"], retry["BackoffRate"]) == (4, 4, 2)


def test_serves_the_tuned_weights_as_the_base_is_served(states: dict[str, Any]) -> None:
    container = states["Register model"]["Parameters"]["PrimaryContainer"]

    assert container["ModelDataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
        "S3Uri.$": "$.run.modelData",
    }
    assert "tgi1.1.0" in container["Image"]
    assert container["Environment"]["HF_MODEL_ID"] == "/opt/ml/model"


def test_creates_updates_or_leaves_the_endpoint(states: dict[str, Any]) -> None:
    [catch] = states["Look at the endpoint"]["Catch"]
    assert catch["Next"] == "No such endpoint?"
    assert list(_choices(states, "No such endpoint?")) == ["Create endpoint"]
    name = "Create, update or leave the endpoint?"
    choices = _choices(states, name)

    in_service = {"Variable": "$.live.status", "StringEquals": "InService"}
    same = {"Variable": "$.live.config", "StringEqualsPath": "$.serve.name"}
    assert choices["Verify"]["And"] == [in_service, same]
    assert choices["Update endpoint"]["StringEquals"] == "InService"
    assert states[name]["Default"] == "Let the endpoint settle"
    # Whoever has the same config is left alone: that is asked before.
    order = [choice["Next"] for choice in states[name]["Choices"]]
    assert order.index("Verify") < order.index("Update endpoint")


def test_an_endpoint_that_failed_is_removed_and_created_anew(states: dict[str, Any]) -> None:
    choice = _choices(states, "Create, update or leave the endpoint?")["Remove the endpoint that failed"]

    assert choice["StringEquals"] == "Failed"
    assert states["Remove the endpoint that failed"]["Next"] == "Let the endpoint settle"
    assert states["Let the endpoint settle"]["Seconds"] == 30
    assert states["Let the endpoint settle"]["Next"] == "Look at the endpoint"


def test_gives_up_an_endpoint_that_no_wait_repairs(states: dict[str, Any]) -> None:
    before = _choices(states, "Create, update or leave the endpoint?")["Endpoint is out of order"]
    after = _choices(states, "In service?")["Endpoint failed"]

    assert _statuses(before) == _BROKEN - {"Failed"}
    assert _statuses(after) == _BROKEN
    for name in ("Endpoint is out of order", "Endpoint failed"):
        assert walk(states, name)[-1] == "Did a function fail?"


def test_watches_an_endpoint_until_it_is_in_service(states: dict[str, Any]) -> None:
    for name in ("Create endpoint", "Update endpoint"):
        assert walk(states, name)[:3] == [name, "Wait for the endpoint", "Watch the endpoint"]
    choice = _choices(states, "In service?")["Verify"]

    assert _statuses(choice) == {"InService"}
    assert states["In service?"]["Default"] == "Wait for the endpoint"


def test_updates_blue_green_and_rolls_back_by_both_alarms(states: dict[str, Any]) -> None:
    config = states["Update endpoint"]["Parameters"]["DeploymentConfig"]

    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert len(config["AutoRollbackConfiguration"]["Alarms"]) == 2


def test_returns_to_the_served_release_when_a_new_one_fails_its_check(states: dict[str, Any]) -> None:
    [catch] = states["Verify"]["Catch"]
    path = walk(states, catch["Next"], anything_to_return_to="Name the served release")

    assert path[-1] == "Did a function fail?"
    assert "Return to the served release" in path
    assert states["Name the served release"]["Parameters"] == {
        "name.$": f"States.Format('{NAME}-{{}}', $.served.release)"
    }
    # The reported error is that of the new release.
    [catch] = states["Return to the served release"]["Catch"]
    assert catch["ResultPath"] != "$.error"


def test_returns_nowhere_from_a_first_release_and_from_the_served_one(states: dict[str, Any]) -> None:
    [choice] = states["Anything to return to?"]["Choices"]

    assert choice["Or"] == [
        {"Variable": "$.served.release", "StringEquals": "none"},
        {"Variable": "$.served.release", "StringEqualsPath": "$.serve.release"},
    ]
    assert choice["Next"] == "Did a function fail?"
    assert states["Anything to return to?"]["Default"] == "Name the served release"


class TestOnTheLocalAws:
    """The states run, up to the first one that needs more than SageMaker's API."""

    @pytest.fixture
    def driver(self, aws: Callable[..., Any], local_aws: str) -> Iterator[SageMakerDriver]:
        made = SageMakerDriver(aws, local_aws)
        yield made
        if NAME in [one["EndpointName"] for one in made.control.list_endpoints()["Endpoints"]]:
            made.control.delete_endpoint(EndpointName=NAME)
        made.close()

    def _run(
        self, machines: StateMachines, states: dict[str, Any], start: str, config: str, *actions: str
    ) -> tuple[dict[str, Any], list[str]]:
        ends = {"verify": "Succeed", "read_served_release": "Succeed", "did_a_function_fail": "Fail"}
        machine = part(states, start, **ends)
        given = {"serve": {"name": config, "release": config}, "run": {"modelData": "s3://b/none/"}}
        execution = machines.run(machine, given, *([allow(*actions)] if actions else []))
        entered = [
            event["stateEnteredEventDetails"]["name"]
            for event in machines.events(execution["executionArn"])
            if "stateEnteredEventDetails" in event
        ]
        return execution, entered

    @pytest.mark.parametrize(
        ("look", "create"),
        [
            ("Look at the endpoint", "Create endpoint"),
            ("Is the model registered?", "Register model"),
            ("Is the config registered?", "Register config"),
        ],
    )
    def test_a_look_that_is_refused_is_no_word_that_there_is_nothing(
        self, machines: StateMachines, states: dict[str, Any], look: str, create: str
    ) -> None:
        execution, entered = self._run(machines, states, look, "none")

        assert (execution["status"], execution["error"]) == ("FAILED", "SageMaker.SageMakerException")
        assert "is not authorized to perform: sagemaker:Describe" in execution["cause"]
        assert create not in entered

    def test_a_missing_endpoint_is_created_once_whatever_is_repeated(
        self, machines: StateMachines, driver: SageMakerDriver, states: dict[str, Any]
    ) -> None:
        config, rights = driver.config(), ("sagemaker:*", "iam:PassRole")

        made, entered = self._run(machines, states, "Look at the endpoint", config, *rights)
        assert made["status"] == "SUCCEEDED", made
        assert entered[:3] == ["Look at the endpoint", "No such endpoint?", "Create endpoint"]
        # A creation whose answer was lost is repeated.
        again, entered = self._run(machines, states, "Create endpoint", config, *rights)
        assert again["status"] == "SUCCEEDED", again
        assert entered[:3] == ["Create endpoint", "Endpoint exists already?", "Wait for the endpoint"]
        found, entered = self._run(machines, states, "Is the model registered?", config, *rights)
        assert found["status"] == "SUCCEEDED", found
        assert entered == ["Is the model registered?", "Is the config registered?", "Read served release"]

    def test_a_release_that_is_not_there_is_refused_before_the_endpoint_is_touched(
        self, machines: StateMachines, driver: SageMakerDriver, states: dict[str, Any]
    ) -> None:
        there, entered = self._run(machines, states, "Is the release there?", driver.config(), "sagemaker:*")
        assert (there["status"], entered[-1]) == ("SUCCEEDED", "Read served release")

        gone, entered = self._run(machines, states, "Is the release there?", "pruned", "sagemaker:*")
        assert (gone["status"], gone["error"]) == ("FAILED", "ReleaseGoneError")
        assert gone["cause"].startswith("release pruned is not there: it was deleted")
        assert "Look at the endpoint" not in entered
