"""The pipeline by its states: what follows what, and what is asked of each service."""

from typing import Any

import aws_cdk as cdk
import pytest

from tests.app.state_machine_calls import definition
from tests.constructs.fine_tuning.pipeline_parts import make
from tests.constructs.fine_tuning.walks import walk
from training.contract import PREPARE, TRAINED, TRAINING


@pytest.fixture
def states(stack: cdk.Stack) -> dict[str, Any]:
    return make(stack).states()


def test_a_first_run_goes_from_data_to_traffic(states: dict[str, Any]) -> None:
    path = walk(
        states,
        "Prepare",
        trained_already="Train",
        has_the_training_ended="Name the release",
        is_the_model_registered="Register model",
        is_the_config_registered="Register config",
        look_at_the_endpoint="Create endpoint",
        in_service="Verify",
        another_release_than_before="Keep the release before",
        a_new_training="Prune",
    )

    named = [state for state in path if states[state]["Type"] not in {"Choice", "Pass"}]
    assert named == [
        *(
            "Prepare",
            "Train",
            "Wait for the training",
            "Look at the training",
            "Is the model registered?",
            "Register model",
        ),
        *("Is the config registered?", "Register config", "Read served release", "Look at the endpoint"),
        *("Create endpoint", "Wait for the endpoint", "Watch the endpoint", "Verify", "Keep the release before"),
        *("Publish", "Point the API to the endpoint", "Prune", "Tell of success", "Announce success", "Succeeded"),
    ]


def test_trains_nothing_again_that_is_trained(states: dict[str, Any]) -> None:
    choices = {one["StringEquals"]: one for one in states["Trained already?"]["Choices"]}

    assert {choice["Variable"] for choice in choices.values()} == {"$.run.status"}
    assert {status: choice["Next"] for status, choice in choices.items()} == {
        TRAINED: "Name the release",
        TRAINING: "Watch the training",
    }
    assert states["Trained already?"]["Default"] == "Train"


def test_a_failure_is_told_with_its_reason_and_fails_the_execution(states: dict[str, Any]) -> None:
    [catch] = states["Prepare"]["Catch"]
    path = walk(states, catch["Next"], did_a_function_fail="Sum up what failed")

    assert path == ["Did a function fail?", "Sum up what failed", "Tell of failure", "Announce failure", "Failed"]
    assert states["Failed"] == {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}


def test_a_rollback_serves_the_release_before_and_prunes_nothing(states: dict[str, Any]) -> None:
    path = walk(
        states,
        "Read previous release",
        is_there_a_previous_release="Name the previous release",
        **{"create,_update_or_leave_the_endpoint": "Update endpoint"},
        in_service="Verify",
        another_release_than_before="Keep the release before",
        a_new_training="Sum up",
    )

    assert path[-1] == "Succeeded"
    assert path.index("Is the release there?") < path.index("Update endpoint")
    assert "Train" not in path
    assert "Prune" not in path


def test_refuses_a_rollback_to_nothing_and_an_unknown_action(states: dict[str, Any]) -> None:
    assert states["Is there a previous release?"]["Choices"][0]["Next"] == "Nothing to roll back to"
    assert "allowed: rollback" in states["Refuse the action"]["Parameters"]["Cause"]
    for name in ("Nothing to roll back to", "Refuse the action"):
        assert walk(states, name)[-1] == "Did a function fail?"


def test_serves_a_given_release_as_it_serves_the_one_before(states: dict[str, Any]) -> None:
    assert states["Take the given release"] == {
        "Type": "Pass",
        "Parameters": {"release.$": "$.release"},
        "ResultPath": "$.before",
        "Next": states["Is there a previous release?"]["Default"],
    }
    # An action without its release falls through to the refusal.
    [_, serve, other] = states["Train or roll back?"]["Choices"]
    assert {"Variable": "$.release", "IsPresent": True} in serve["And"][-1]["And"]
    assert other["Next"] == "Refuse the action"


def test_takes_the_runs_members_from_prepare(states: dict[str, Any]) -> None:
    prepare = states["Prepare"]

    assert prepare["ResultSelector"] == {f"{member}.$": f"$.Payload.{member}" for member in PREPARE.outputs}
    assert set(prepare["Parameters"]["Payload"]) == {f"{member}.$" for member in PREPARE.inputs}
    # A minute more than the function may run.
    assert prepare["TimeoutSeconds"] == 16 * 60


def test_has_time_for_a_training_and_all_that_follows(stack: cdk.Stack) -> None:
    # 24 hours of training, and 14 of serving.
    assert definition(make(stack).machine())["TimeoutSeconds"] == (24 + 2 + 14) * 3600
