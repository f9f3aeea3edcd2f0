"""Reports of a pipeline's end: a message to the topic, an event on the bus, and no change of the outcome."""

from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.fine_tuning.pipeline_parts import Parts, make


@pytest.fixture(scope="module")
def parts(context: dict[str, Any]) -> Parts:
    return make(cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2")))


@pytest.fixture(scope="module")
def states(parts: Parts) -> dict[str, Any]:
    return parts.states()


@pytest.mark.parametrize(("outcome", "end"), [("success", "Succeeded"), ("failure", "Failed")])
def test_a_notice_that_cannot_be_sent_changes_no_outcome(states: dict[str, Any], outcome: str, end: str) -> None:
    notify, announce = states[f"Tell of {outcome}"], states[f"Announce {outcome}"]

    assert notify["Next"] == notify["Catch"][0]["Next"] == f"Announce {outcome}"
    assert announce["Next"] == announce["Catch"][0]["Next"] == end


@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_sends_the_outcome_as_a_message_and_as_an_event(states: dict[str, Any], outcome: str) -> None:
    message = states[f"Tell of {outcome}"]["Parameters"]
    [entry] = states[f"Announce {outcome}"]["Parameters"]["Entries"]

    assert message["Subject"] == f"dev/m: {outcome}"
    assert entry == {
        "Source": "some.source",
        "DetailType": f"Fine-Tuning {outcome.capitalize()}",
        "Detail.$": "States.JsonToString($.outcome)",
    }


def test_the_outcome_names_no_data(states: dict[str, Any]) -> None:
    assert set(states["Sum up"]["Parameters"]) == {
        *("pipeline", "status", "execution.$", "release.$", "previous.$"),
    }
    assert set(states["Sum up what failed"]["Parameters"]) == {
        *("pipeline", "status", "execution.$", "error.$", "cause.$"),
    }


def test_may_put_events_of_its_own_source_and_types_only(parts: Parts, states: dict[str, Any]) -> None:
    granted = [
        statement["Condition"]["ForAllValues:StringEquals"]
        for resource in parts.template()["Resources"].values()
        if resource["Type"] == "AWS::IAM::Policy"
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "events:PutEvents"
    ]
    entries = [states[f"Announce {outcome}"]["Parameters"]["Entries"][0] for outcome in ("success", "failure")]

    assert sorted(granted, key=str) == sorted(
        ({"events:source": entry["Source"], "events:detail-type": entry["DetailType"]} for entry in entries), key=str
    )
