"""Stopping a run: its execution, its training job and its import, and what is said of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.models import LLAMA_3_2_3B_10K
from tests.tools.finetune.conftest import Pipeline
from tools.finetune import FineTuningError, stop, stopping
from tools.finetune.pipeline import client

_WAITS = {"Prepare": {"Type": "Wait", "Seconds": 600, "End": True}}


class _SageMaker:
    """SageMaker with jobs that end at once when they are stopped, and an endpoint."""

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.endpoint: dict[str, str] | None = None

    def stop_training_job(self, **names: str) -> None:
        self.jobs[names["TrainingJobName"]] = "Stopping"

    def describe_training_job(self, **names: str) -> dict[str, str]:
        return {"TrainingJobStatus": self.jobs[names["TrainingJobName"]]}


@pytest.fixture
def sagemaker(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> _SageMaker:
    made = _SageMaker()
    monkeypatch.setattr(
        stopping,
        "running_jobs",
        lambda _client, _name: [name for name, one in made.jobs.items() if one == "InProgress"],
    )
    monkeypatch.setattr(stopping, "client", lambda stack, name: made if name == "sagemaker" else client(stack, name))
    monkeypatch.setattr(stopping, "endpoint", lambda _stack: made.endpoint)
    pipeline.point(served="r1")
    pipeline.create(_WAITS)
    return made


def _status(pipeline: Pipeline, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = pipeline.machines.states.describe_execution(executionArn=arn)
    return found


def test_stops_the_run_and_its_job_and_says_what_is_served(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    sagemaker.jobs["dev-m-1"] = "InProgress"
    arn = pipeline.start(name="ada")

    said = list(stop(pipeline.stack))

    assert said == [
        "stopped the run ada",
        "stopped the training job dev-m-1, which is Stopping: SageMaker bills until it has ended",
        "serves r1, as before",
    ]
    ended = _status(pipeline, arn)
    assert (ended["status"], ended["error"]) == ("ABORTED", "Stopped")


def test_stops_the_named_run_and_leaves_the_job_to_the_other(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    sagemaker.jobs["dev-m-1"] = "InProgress"
    ada, bob = pipeline.start(name="ada"), pipeline.start(name="bob")

    with pytest.raises(FineTuningError, match=r"several runs of dev/.* are running; name one: (ada, bob|bob, ada)$"):
        list(stop(pipeline.stack))
    said = list(stop(pipeline.stack, bob))

    assert said[0] == "stopped the run bob"
    assert (_status(pipeline, ada)["status"], _status(pipeline, bob)["status"]) == ("RUNNING", "ABORTED")
    assert sagemaker.jobs == {"dev-m-1": "InProgress"}


def test_stops_a_job_that_a_run_has_left(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    sagemaker.jobs["dev-m-1"] = "InProgress"

    assert next(iter(stop(pipeline.stack))).startswith("stopped the training job dev-m-1")
    assert sagemaker.jobs == {"dev-m-1": "Stopping"}


def test_says_that_nothing_is_running(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    assert list(stop(pipeline.stack)) == [f"nothing of {pipeline.stack.path} is running, and nothing ever did"]

    pipeline.start(name="ada")
    list(stop(pipeline.stack))
    last = f"nothing of {pipeline.stack.path} is running; the last run, ada, is ABORTED"
    assert list(stop(pipeline.stack)) == [last]


def test_refuses_a_run_that_has_ended_or_never_was(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    pipeline.start(name="ada")
    list(stop(pipeline.stack, "ad"))
    pipeline.start(name="bob")

    for name, said in (("ada", "it has ended, ABORTED"), ("eve", "there is no such run")):
        with pytest.raises(FineTuningError, match=f"RUN is '{name}': {said}; running: bob"):
            list(stop(pipeline.stack, name))


def test_says_that_anendpoint_goes_on_and_how_to_return_it(pipeline: Pipeline, sagemaker: _SageMaker) -> None:
    name = f"{pipeline.stack.stack_name}-r2"
    sagemaker.endpoint = {"EndpointStatus": "Updating", "EndpointConfigName": name}
    pipeline.start()

    said = list(stop(pipeline.stack))

    assert "the endpoint is Updating, which SageMaker ends: look with" in said
    assert said[-2:] == [
        f"the endpoint has {name} already: to return it,",
        f"./jumpstack finetune rollback {pipeline.stack.path} --to r1",
    ]


def test_stops_the_import_of_a_run_and_names_the_job_that_bedrock_goes_on_with(
    pipeline: Pipeline, sagemaker: _SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(pipeline.stack, "model", LLAMA_3_2_3B_10K)
    importing = pipeline.machines.start(pipeline.machines.create(_WAITS))
    started = {"Type": "Pass", "Result": {"execution": importing}, "ResultPath": "$.import", "Next": "Prepare"}
    pipeline.create({"Start the import": started, **_WAITS})
    run = pipeline.start()
    pipeline.machines.wait_for_event(run, "WaitStateEntered")
    bedrock = pipeline.machines.aws("bedrock")
    jobs = {"modelImportJobSummaries": [{"jobName": "dev-m-0123456789ab"}]}
    monkeypatch.setattr(bedrock, "get_paginator", lambda _name: _Pages(jobs))

    said = list(stop(pipeline.stack))

    assert _status(pipeline, importing)["status"] == "ABORTED"
    assert "stopped its import: what Bedrock imports is not served" in said
    assert any(line.startswith("the import job dev-m-0123456789ab goes on") for line in said)


class _Pages:
    def __init__(self, page: dict[str, Any]) -> None:
        self._page = page

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [self._page]
