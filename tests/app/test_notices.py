import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from stacks.declarations import FineTunedModel, ImportedModel
from stacks.models import DEPLOYMENTS
from tests.app.state_machine_calls import text

pytestmark = pytest.mark.xdist_group("app")

# Ends of an execution: the status and the further members of the event's detail.
REPORTED_BY_STATES: list[dict[str, Any]] = [
    {"status": "SUCCEEDED"},
    {"status": "FAILED", "error": "DataError"},
    {"status": "FAILED", "error": "SageMaker.SageMakerException"},
]
REPORTED_BY_NO_STATE: list[dict[str, Any]] = [
    {"status": "TIMED_OUT"},
    {"status": "ABORTED", "error": "Own"},
    {"status": "FAILED", "error": "States.Runtime"},
    {"status": "FAILED", "error": "States.DataLimitExceeded"},
    {"status": "FAILED", "error": "States.NoChoiceMatched"},
    # Of these nobody knows what ended them: a second notice is better than none.
    {"status": "FAILED", "error": None},
    {"status": "FAILED"},
]
_PATHS = [
    (f"{environment.name}/{model.name}", isinstance(model, FineTunedModel))
    for environment, models in DEPLOYMENTS
    for model in models
    if isinstance(model, FineTunedModel | ImportedModel)
]


def _pattern(template: dict[str, Any]) -> EventPattern:
    """Return the pattern of the stack's rule that notifies of executions, of the state machine `machine`."""
    [pattern] = [
        resource["Properties"]["EventPattern"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Events::Rule"
        if resource["Properties"].get("EventPattern", {}).get("source") == ["aws.states"]
        if text(resource["Properties"]["Targets"][0]["Arn"]).startswith("<NoticesTopic")
    ]
    return EventPattern.load(json.dumps({**pattern, "detail": {**pattern["detail"], "stateMachineArn": ["machine"]}}))


def _is_notified(pattern: EventPattern, detail: dict[str, Any], *, machine: str = "machine") -> bool:
    event: Any = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {**detail, "stateMachineArn": machine},
    }
    return bool(pattern.matches_event(event))


@pytest.mark.parametrize(("stack", "reports"), _PATHS)
def test_subscribers_hear_of_each_way_in_which_an_execution_ends_and_once_of_what_states_report(
    templates: dict[str, dict[str, Any]], stack: str, reports: bool
) -> None:
    pattern = _pattern(templates[stack])

    # A pipeline publishes by itself how it succeeded or failed, imports publish nothing themselves.
    assert [_is_notified(pattern, end) for end in REPORTED_BY_STATES] == [not reports] * len(REPORTED_BY_STATES)
    assert [_is_notified(pattern, end) for end in REPORTED_BY_NO_STATE] == [True] * len(REPORTED_BY_NO_STATE)
    assert not _is_notified(pattern, {"status": "RUNNING"})
    assert not _is_notified(pattern, {"status": "ABORTED"}, machine="another")
