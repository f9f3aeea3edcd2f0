"""Compare every edge of every state machine with the edges written by hand in `edges/`; no command rewrites those."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.declarations import FineTunedModel, ImportedModel, Model
from stacks.models import DEPLOYMENTS
from tests.app.state_machine_calls import definition, is_framework, machines

pytestmark = pytest.mark.xdist_group("app")

EDGES = Path(__file__).parent / "edges"

Templates = dict[str, dict[str, Any]]

# What each retry stands for: attempts, seconds before the first, factor, longest pause, jitter.
_USUAL = {"IntervalSeconds": 4, "MaxAttempts": 4, "BackoffRate": 2, "JitterStrategy": "FULL"}
_BRIEFLY = {"IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2}
_NEVER = {"MaxAttempts": 0}
_UNTIL_LOADED = {"IntervalSeconds": 15, "MaxAttempts": 40, "BackoffRate": 1.5, "MaxDelaySeconds": 120}
RETRIES: dict[tuple[str, ...], list[dict[str, Any]]] = {
    (
        *("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"),
        *("Lambda.TooManyRequestsException", "Lambda.ClientExecutionTimeoutException"),
    ): [_USUAL],
    # Every call of a service: those that may say that there is nothing have seconds, the others up to a minute.
    ("States.TaskFailed",): [_USUAL, _BRIEFLY],
    # A job of this name runs: it is waited for.
    ("SageMaker.ResourceInUseException",): [_NEVER],
    # The release to go back to is gone.
    ("Bedrock.ResourceNotFoundException", "Bedrock.AccessDeniedException"): [_NEVER],
    # Other refusals of an import have ways of their own.
    (
        *("Bedrock.InternalServerException", "Bedrock.ThrottlingException"),
        *("Bedrock.BedrockException", "Bedrock.SdkClientException"),
    ): [_USUAL],
    ("ModelNotReadyError",): [_UNTIL_LOADED],
}

# The tasks that have a time of their own: `Prepare` with its function's 15 minutes.
TIMEOUTS = {"Prepare": 960, "Verify": 360, "Prune": 360}


def _machines(model: Model) -> Iterator[tuple[str, str]]:
    """Yield the suffix of each state machine's name, and the file with its edges."""
    if isinstance(model, FineTunedModel):
        yield "", "tuned-import" if model.bedrock else "tuned-endpoint"
    if isinstance(model, ImportedModel) or (isinstance(model, FineTunedModel) and model.bedrock):
        yield "-import", "import"


MACHINES = [
    (f"{environment.name}/{model.name}", f"{environment.name}-{model.name}{suffix}", file)
    for environment, models in DEPLOYMENTS
    for model in models
    for suffix, file in _machines(model)
]


def _definition(templates: Templates, stack: str, machine: str) -> dict[str, Any]:
    [found] = [one for _, one in machines(templates[stack]) if one.get("StateMachineName") == machine]
    return definition(found)


def _edges(machine: dict[str, Any]) -> Iterator[str]:
    """Write each edge in a line: from which state, to which, and when."""
    yield f"starts at {machine['StartAt']}"
    for name, state in machine["States"].items():
        for choice in state.get("Choices", []):
            yield f"{name} -> {choice['Next']} if {_condition(choice)}"
        after = f" after {state.get('Seconds', state.get('SecondsPath'))} s" if state["Type"] == "Wait" else ""
        if "Default" in state or "Next" in state:
            yield f"{name} -> {state.get('Default') or state['Next']}{after}"
        for catch in state.get("Catch", []):
            yield f"{name} -> {catch['Next']} on {' '.join(catch['ErrorEquals'])}"
        if state.get("End") or state["Type"] in {"Succeed", "Fail"}:
            yield f"{name} ends{' in failure' if state['Type'] == 'Fail' else ''}"


def _by_state(edges: Iterable[str]) -> dict[str, list[str]]:
    """Group edges by their states, in order: the first choice that holds is taken."""
    states: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        states[re.split(" -> | ends", edge)[0]].append(edge)
    return dict(states)


def _condition(choice: dict[str, Any]) -> str:
    for operator in ("And", "Or"):
        if operator in choice:
            return f" {operator.lower()} ".join(_condition(part) for part in choice[operator])
    [(test, value)] = [(name, part) for name, part in choice.items() if name not in {"Variable", "Next", "Comment"}]
    return f"{choice['Variable']} {test} {value}"


@pytest.mark.parametrize(("stack", "machine", "file"), MACHINES, ids=[machine for _, machine, _ in MACHINES])
def test_has_the_edges_that_were_drawn_by_hand(templates: Templates, stack: str, machine: str, file: str) -> None:
    drawn = (EDGES / f"{file}.txt").read_text(encoding="utf-8").splitlines()

    assert _by_state(_edges(_definition(templates, stack, machine))) == _by_state(drawn)


def test_every_state_machine_of_the_app_is_drawn(templates: Templates) -> None:
    found = {
        (stack, properties["StateMachineName"])
        for stack, template in templates.items()
        for _, properties in machines(template)
        if not is_framework(properties)
    }

    assert found == {(stack, machine) for stack, machine, _ in MACHINES}
    assert {file for _, _, file in MACHINES} == {path.stem for path in EDGES.iterdir()}


def _retries(templates: Templates) -> Iterator[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    for stack, machine, _ in MACHINES:
        for name, state in _definition(templates, stack, machine)["States"].items():
            if state["Type"] == "Task":
                yield name, state, state.get("Retry", [])


def test_retries_what_passes_by_itself_and_nothing_else(templates: Templates) -> None:
    found: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for _, _, retries in _retries(templates):
        for retry in retries:
            settings = {name: value for name, value in retry.items() if name != "ErrorEquals"}
            if settings not in found[tuple(retry["ErrorEquals"])]:
                found[tuple(retry["ErrorEquals"])].append(settings)

    assert {names: sorted(settings, key=str) for names, settings in found.items()} == {
        names: sorted(settings, key=str) for names, settings in RETRIES.items()
    }


def test_no_call_of_a_service_fails_a_run_at_the_first_fault(templates: Templates) -> None:
    calls = [(name, retries) for name, state, retries in _retries(templates) if "aws-sdk:" in state["Resource"]]

    assert calls
    for name, retries in calls:
        retried = {error for retry in retries if retry["MaxAttempts"] for error in retry["ErrorEquals"]}
        assert retried >= {"States.TaskFailed"} or (name == "Import" and retried >= {"Bedrock.BedrockException"}), name


def test_waits_for_tasks_as_long_as_what_they_wait_for_may_take(templates: Templates) -> None:
    found = {
        (name, state["TimeoutSeconds"])
        for stack, machine, _ in MACHINES
        for name, state in _definition(templates, stack, machine)["States"].items()
        if "TimeoutSeconds" in state
    }

    assert found == set(TIMEOUTS.items())
