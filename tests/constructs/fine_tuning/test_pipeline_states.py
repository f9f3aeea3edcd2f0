"""The end that reports a failure, run on the local AWS: what the execution and its notice say."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import aws_cdk as cdk
import pytest

from tests.constructs.fine_tuning.pipeline_parts import make
from tests.constructs.fine_tuning.walks import part
from tests.support.state_machine_driver import StateMachines


@pytest.fixture(scope="module")
def states(context: dict[str, Any]) -> dict[str, Any]:
    return make(cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))).states()


@pytest.fixture(scope="module")
def end(states: dict[str, Any], aws: Callable[..., Any], local_aws: str) -> Iterator[Callable[[str, str], Any]]:
    machines = StateMachines(aws, local_aws)
    machine = machines.create(part(states, "Did a function fail?", sum_up_what_failed="Fail"))

    def run(error: str, cause: str) -> Any:
        return machines.ended(machines.start(machine, {"error": {"Error": error, "Cause": cause}}))

    yield run
    machines.close()


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (
            json.dumps({"errorMessage": "bad data:\n- a", "errorType": "DataError", "stackTrace": ["  File"]}),
            "bad data:\n- a",
        ),
        ('{"errorType":"Sandbox.Timedout","errorMessage":"Task timed out"}', "Task timed out"),
        # The words of a service, and of a state of the pipeline's own.
        ("Could not find endpoint (Service: SageMaker, Status Code: 400)", None),
        # Nothing to take: better too much than nothing.
        (json.dumps({"errorMessage": "", "errorType": "ValueError"}), None),
        (json.dumps({"errorType": "ValueError"}), None),
        # Cut by a limit: no intrinsic function reads it.
        ('{"errorMessage": "bad da', None),
        ("", None),
    ],
)
def test_a_functions_error_ends_the_run_with_its_message_alone(
    end: Callable[[str, str], Any], cause: str, said: str | None
) -> None:
    ended = end("DataError", cause)

    assert (ended["status"], ended["error"]) == ("FAILED", "DataError")
    assert ended.get("cause", "") == (cause if said is None else said)
