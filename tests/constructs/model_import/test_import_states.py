"""The import by its states: the order of its steps, and the ways around a refusal, a wait and a failure."""

from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.model_import.import_parts import MODEL, make_job
from tests.support.templates import states as states_of
from tests.support.templates import template_of


@pytest.fixture(scope="module")
def states(context: dict[str, Any]) -> dict[str, Any]:
    stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))
    make_job(stack)
    return states_of(template_of(stack), f"{MODEL}-import")


def _next(states: dict[str, Any], name: str) -> str:
    following: str = states[name]["Next"]
    return following


def _choices(states: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {choice["Next"]: choice for choice in states[name]["Choices"]}


def test_checks_plans_makes_room_and_imports(states: dict[str, Any]) -> None:
    path = ["Begin"]
    while path[-1] != "Import?":
        path.append(_next(states, path[-1]))

    assert path == ["Begin", "Check artifacts", "Plan", "Import?"]
    assert states["Import?"]["Default"] == "Make room"
    assert _next(states, "Make room") == "Import"
    assert _next(states, "Import") == "Wait for the import"


def test_never_imports_a_version_twice(states: dict[str, Any]) -> None:
    choices = _choices(states, "Import?")

    assert choices["Take the version that is there"]["StringEquals"] == "imported"
    assert _next(states, "Take the version that is there") == "Smoke test"
    assert choices["Take the job that runs"]["StringEquals"] == "running"
    assert _next(states, "Take the job that runs") == "Wait for the import"


def test_waits_for_its_turn_and_makes_room_again(states: dict[str, Any]) -> None:
    [catch] = states["Import"]["Catch"]
    assert catch["Next"] == "Why was it refused?"
    choice = _choices(states, catch["Next"])["Wait for its turn"]

    assert choice["StringEquals"] == "Bedrock.ServiceQuotaExceededException"
    # 4 paces of 15 s; others may have filled the quota meanwhile.
    assert states["Wait for its turn"]["Seconds"] == 60
    assert _next(states, "Wait for its turn") == "Make room"


def test_waits_ten_minutes_for_a_new_role_and_tries_again(states: dict[str, Any]) -> None:
    choice = _choices(states, "Why was it refused?")["Wait for the role"]

    assert choice["And"] == [
        {"Variable": "$.refusal.Cause", "StringMatches": "*role ARN is invalid*"},
        {"Variable": "$.wait.tries", "NumericLessThan": 40},
    ]
    assert states["Wait for the role"]["Seconds"] == 15
    assert _next(states, "Wait for the role") == "Count tries"
    assert states["Count tries"]["Parameters"] == {"seconds": 15, "tries.$": "States.MathAdd($.wait.tries, 1)"}
    assert _next(states, "Count tries") == "Import"
    assert states["Why was it refused?"]["Default"] == "Refused for good"


def test_polls_ever_more_slowly_up_to_eight_paces(states: dict[str, Any]) -> None:
    assert states["Wait for the import"]["SecondsPath"] == "$.wait.seconds"
    assert _next(states, "Wait for the import") == "Look at the import"
    choice = _choices(states, "Has it ended?")["Slow down"]

    assert (choice["Variable"], choice["NumericLessThan"]) == ("$.wait.seconds", 8 * 15)
    assert states["Slow down"]["Parameters"]["seconds.$"] == "States.MathAdd($.wait.seconds, 15)"
    assert _next(states, "Slow down") == states["Has it ended?"]["Default"] == "Wait for the import"


def test_a_failed_import_fails_with_bedrocks_message(states: dict[str, Any]) -> None:
    choices = _choices(states, "Has it ended?")

    assert states["The import failed"]["Parameters"]["Cause.$"] == "$.look.FailureMessage"
    assert {"Variable": "$.look.FailureMessage", "IsPresent": True} in choices["The import failed"]["And"]
    assert choices["The import failed without a word"]["StringEquals"] == "Failed"
    for name in ("The import failed", "The import failed without a word", "Refused for good"):
        assert _next(states, name) == "Tidy up"


def test_sends_a_cold_model_requests_for_more_than_an_hour(states: dict[str, Any]) -> None:
    [retry] = [one for one in states["Smoke test"]["Retry"] if one["ErrorEquals"] == ["ModelNotReadyError"]]

    assert (retry["IntervalSeconds"], retry["BackoffRate"], retry["MaxDelaySeconds"]) == (15, 1.5, 120)
    assert retry["MaxAttempts"] == 40


def test_publishes_nothing_before_the_smoke_test(states: dict[str, Any]) -> None:
    leading = {name for name, state in states.items() if state.get("Next") == "Read the served version"}

    assert leading == {"Smoke test"}


def test_a_version_that_is_served_already_is_not_its_own_predecessor(states: dict[str, Any]) -> None:
    choices = states["Another version than before?"]["Choices"]

    assert [choice["Next"] for choice in choices] == ["Point to the model", "Point to the model"]
    assert choices[0]["StringEqualsPath"] == "$.run.version"
    assert choices[1]["StringEquals"] == "none"
    assert states["Another version than before?"]["Default"] == "Keep the version before"
    assert _next(states, "Keep the version before") == "Point to the model"
    assert _next(states, "Point to the model") == "Publish the version"


def test_gives_requests_to_the_old_version_a_minute_and_then_prunes(states: dict[str, Any]) -> None:
    assert _next(states, "Publish the version") == "Let requests end"
    assert states["Let requests end"]["Seconds"] == 60
    assert _next(states, "Let requests end") == "Prune"
    # The new version is served, whether or not old ones could be deleted.
    assert states["Prune"]["Catch"][0]["Next"] == _next(states, "Prune") == "Imported"


def test_fails_with_its_own_error_even_where_it_could_not_tidy_up(states: dict[str, Any]) -> None:
    assert states["Tidy up"]["Catch"][0]["Next"] == "Failed untidily"
    assert states["Failed untidily"] == {
        "Type": "Fail",
        "ErrorPath": "$.untidied.Error",
        "CausePath": "$.failure.Cause",
    }
