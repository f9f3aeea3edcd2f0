"""Steps after a training for an endpoint: names of releases, the pointer, and what a rollback leaves out."""

from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.fine_tuning.pipeline_parts import NAME, make
from tests.constructs.fine_tuning.walks import walk


@pytest.fixture(scope="module")
def states(context: dict[str, Any]) -> dict[str, Any]:
    return make(cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))).states()


def test_a_release_is_named_by_its_training_and_its_serving_settings(states: dict[str, Any]) -> None:
    parameters = states["Name the release"]["Parameters"]

    assert parameters["name.$"].startswith(f"States.Format('{NAME}-{{}}-")
    assert states["Register model"]["Parameters"]["ModelName.$"] == "$.serve.name"
    variant = states["Register config"]["Parameters"]["ProductionVariants"][0]
    assert (variant["ModelName.$"], variant["VariantName"]) == ("$.serve.name", "AllTraffic")


def test_a_rollback_takes_the_models_and_configs_of_the_release_before(states: dict[str, Any]) -> None:
    assert states["Name the previous release"]["Parameters"] == {
        "release.$": "$.before.release",
        "name.$": f"States.Format('{NAME}-{{}}', $.before.release)",
    }


def test_publishes_nothing_before_it_is_verified(states: dict[str, Any]) -> None:
    leading = {name for name, state in states.items() if "Another release than before?" in str(state.get("Next", ""))}

    assert leading == {"Verify"}


def test_verifies_the_release_that_it_serves(states: dict[str, Any]) -> None:
    assert states["Verify"]["Parameters"]["Payload"] == {"endpointName": NAME, "configName.$": "$.serve.name"}
    assert states["Verify"]["TimeoutSeconds"] == states["Prune"]["TimeoutSeconds"] == 360


def test_a_release_that_is_served_already_is_not_its_own_predecessor(states: dict[str, Any]) -> None:
    [choice] = states["Another release than before?"]["Choices"]

    assert (choice["Variable"], choice["StringEqualsPath"]) == ("$.served.release", "$.serve.release")
    assert choice["Next"] == "Point the API to the endpoint"
    assert walk(states, "Keep the release before")[:3] == [
        *("Keep the release before", "Publish", "Point the API to the endpoint"),
    ]


def test_prunes_after_a_training_only_and_succeeds_where_pruning_fails(states: dict[str, Any]) -> None:
    [choice] = states["A new training?"]["Choices"]

    assert choice == {"Variable": "$.run", "IsPresent": True, "Next": "Prune"}
    assert states["A new training?"]["Default"] == states["Prune"]["Next"] == states["Prune"]["Catch"][0]["Next"]
