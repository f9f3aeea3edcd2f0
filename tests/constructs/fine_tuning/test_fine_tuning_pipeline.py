"""The pipeline by its states: what follows what, and what is asked of each service."""

from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.fine_tuning.pipeline_parts import NAME, make


@pytest.fixture
def states(stack: cdk.Stack) -> dict[str, Any]:
    return make(stack).states()


def _walk(states: dict[str, Any], start: str, **chosen: str) -> list[str]:
    """The states from one to an end, with the branch that each Choice takes."""
    path, name = [], start
    while name:
        path.append(name)
        name = chosen.get(name.lower().replace(" ", "_").rstrip("?"), states[name].get("Next") or "")
    return path


def test_a_first_run_goes_from_data_to_traffic(states: dict[str, Any]) -> None:
    path = _walk(
        states,
        "Prepare",
        trained_already="Train",
        is_the_model_registered="Register model",
        is_the_config_registered="Register config",
        look_at_the_endpoint="Create endpoint",
        in_service="Verify",
        another_release_than_before="Keep the release before",
        a_new_training="Prune",
    )

    named = [state for state in path if states[state]["Type"] not in {"Choice", "Pass"}]
    assert named == [
        *("Prepare", "Train", "Is the model registered?", "Register model"),
        *("Is the config registered?", "Register config", "Read served release", "Look at the endpoint"),
        *("Create endpoint", "Wait for the endpoint", "Watch the endpoint", "Verify", "Keep the release before"),
        *("Publish", "Point the API to the endpoint", "Prune", "Tell of success", "Announce success", "Succeeded"),
    ]


def test_trains_nothing_again_that_is_trained(states: dict[str, Any]) -> None:
    [choice] = states["Trained already?"]["Choices"]

    assert (choice["Variable"], choice["StringEquals"]) == ("$.run.status", "trained")
    assert choice["Next"] == "Name the release"
    assert states["Trained already?"]["Default"] == "Train"


def test_publishes_nothing_before_it_is_verified(states: dict[str, Any]) -> None:
    leading = {name for name, state in states.items() if "Another release than before?" in str(state.get("Next", ""))}

    assert leading == {"Verify"}


def test_goes_back_to_the_served_release_when_a_new_one_fails_its_check(states: dict[str, Any]) -> None:
    [catch] = states["Verify"]["Catch"]
    path = _walk(states, catch["Next"], anything_to_return_to="Name the served release")

    assert path[-1] == "Failed"
    assert "Return to the served release" in path
    assert states["Name the served release"]["Parameters"] == {
        "name.$": f"States.Format('{NAME}-{{}}', $.served.release)"
    }
    # What is told is why the new release was refused.
    [catch] = states["Return to the served release"]["Catch"]
    assert catch["ResultPath"] != "$.error"


def test_a_failure_is_told_with_its_reason_and_fails_the_execution(states: dict[str, Any]) -> None:
    [catch] = states["Prepare"]["Catch"]
    path = _walk(states, catch["Next"])

    assert path == ["Sum up what failed", "Tell of failure", "Announce failure", "Failed"]
    assert states["Failed"] == {"Type": "Fail", "ErrorPath": "$.error.Error", "CausePath": "$.error.Cause"}


def test_a_notice_that_cannot_be_sent_changes_no_outcome(states: dict[str, Any]) -> None:
    for outcome, end in [("success", "Succeeded"), ("failure", "Failed")]:
        assert states[f"Tell of {outcome}"]["Catch"][0]["Next"] == f"Announce {outcome}"
        assert states[f"Announce {outcome}"]["Catch"][0]["Next"] == end


def test_a_rollback_serves_the_release_before_and_prunes_nothing(states: dict[str, Any]) -> None:
    path = _walk(
        states,
        "Read previous release",
        is_there_a_previous_release="Name the previous release",
        **{"create,_update_or_leave_the_endpoint": "Update endpoint"},
        in_service="Verify",
        another_release_than_before="Keep the release before",
        a_new_training="Sum up",
    )

    assert path[-1] == "Succeeded"
    assert "Update endpoint" in path
    assert "Train" not in path
    assert "Prune" not in path


def test_refuses_a_rollback_to_nothing_and_an_unknown_action(states: dict[str, Any]) -> None:
    assert states["Is there a previous release?"]["Choices"][0]["Next"] == "Nothing to roll back to"
    assert "allowed: rollback" in states["Refuse the action"]["Parameters"]["Cause"]
    for name in ("Nothing to roll back to", "Refuse the action"):
        assert _walk(states, name)[-1] == "Failed"


def test_an_endpoint_that_failed_is_removed_and_made_anew(states: dict[str, Any]) -> None:
    choices = {choice["Next"]: choice for choice in states["Create, update or leave the endpoint?"]["Choices"]}

    assert choices["Remove the endpoint that failed"]["StringEquals"] == "Failed"
    assert states["Remove the endpoint that failed"]["Next"] == "Let the endpoint settle"
    assert states["Let the endpoint settle"]["Next"] == "Look at the endpoint"


def test_updates_blue_green_and_back_by_both_alarms(states: dict[str, Any]) -> None:
    config = states["Update endpoint"]["Parameters"]["DeploymentConfig"]

    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    assert len(config["AutoRollbackConfiguration"]["Alarms"]) == 2


def test_a_release_is_named_by_its_training_and_what_it_is_served_with(states: dict[str, Any]) -> None:
    parameters = states["Name the release"]["Parameters"]

    assert parameters["name.$"].startswith(f"States.Format('{NAME}-{{}}-")
    assert states["Register model"]["Parameters"]["ModelName.$"] == "$.serve.name"
    variant = states["Register config"]["Parameters"]["ProductionVariants"][0]
    assert (variant["ModelName.$"], variant["VariantName"]) == ("$.serve.name", "AllTraffic")


def test_other_serving_settings_are_another_release(context: dict[str, Any]) -> None:
    def settings_hash(**endpoint: Any) -> str:
        app = cdk.App(context=context)
        return make(
            cdk.Stack(app, "s", env=cdk.Environment(region="us-west-2")), endpoint=endpoint
        ).endpoint.settings_hash

    same = settings_hash()
    assert settings_hash() == same
    assert len({same, settings_hash(instance_type="ml.g5.4xlarge"), settings_hash(instance_count=2)}) == 3
    assert settings_hash(environment={"MAX_TOTAL_TOKENS": "8193"}) != same


def test_serves_the_tuned_weights_as_the_base_is_served(states: dict[str, Any]) -> None:
    container = states["Register model"]["Parameters"]["PrimaryContainer"]

    assert container["ModelDataSource"]["S3DataSource"] == {
        "S3DataType": "S3Prefix",
        "CompressionType": "None",
        "S3Uri.$": "$.run.modelData",
    }
    assert "tgi1.1.0" in container["Image"]
    assert container["Environment"]["HF_MODEL_ID"] == "/opt/ml/model"


def test_refuses_everything_that_is_wrong_with_serving_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="instance_count is 0") as refused:
        make(stack, endpoint={"instance_count": 0, "instance_type": "ml.g5.48xlarge", "environment": {"1": "x"}})

    assert len(str(refused.value).splitlines()) == 3


def test_what_is_told_names_no_data(states: dict[str, Any]) -> None:
    assert set(states["Sum up"]["Parameters"]) == {
        *("pipeline", "status", "execution.$", "release.$", "previous.$"),
    }
