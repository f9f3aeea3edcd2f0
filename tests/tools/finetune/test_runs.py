"""Runs as executions and their histories show them, and waiting for one's end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tools.finetune.conftest import Pipeline
from tools.finetune import FineTuningError, Run, status, wait
from tools.finetune.runs import last, read

_JOB = "dev-m-0123456789ab"
_PREPARE = {"Type": "Pass", "Result": {"jobName": _JOB}, "ResultPath": "$.run", "Next": "Wait for the training"}
_FAIL = {"Type": "Fail", "Error": "TrainingJobFailed", "Cause": "the training job failed:\nAlgorithmError: no"}


def _training(**then: Any) -> dict[str, Any]:
    return {
        "Prepare": _PREPARE,
        "Wait for the training": {"Type": "Wait", "Seconds": 0, "Next": "Look at the training"},
        "Look at the training": {"Type": "Pass", "Next": "Count the looks"},
        "Count the looks": {"Type": "Pass", "Next": next(iter(then))},
        **then,
    }


def test_reads_where_and_why_a_run_failed_and_its_job(pipeline: Pipeline) -> None:
    pipeline.create(
        _training(
            **{
                "The training failed": {"Type": "Pass", "Next": "Sum up what failed"},
                "Sum up what failed": {"Type": "Pass", "Next": "Failed"},
                "Failed": _FAIL,
            }
        )
    )
    arn = pipeline.start({"dataPrefix": "s3://b/more/"})
    pipeline.machines.ended(arn)

    [run] = last(pipeline.stack, most=5)

    assert (run.arn, run.status, run.state, run.job) == (arn, "FAILED", "The training failed", _JOB)
    assert (run.action, run.data, run.error) == ("train", "s3://b/more/", "TrainingJobFailed")
    assert run.reason == "the training job failed:\nAlgorithmError: no"
    assert run.ended is not None
    assert run.elapsed == run.ended - run.started


def test_reads_the_release_and_the_import_of_a_run(pipeline: Pipeline) -> None:
    serve = {"Type": "Pass", "Result": {"release": "r2"}, "ResultPath": "$.serve", "Next": "Import"}
    started = {"Type": "Pass", "Result": {"execution": "arn:import"}, "ResultPath": "$.import", "Next": "Wait"}
    pipeline.create({"Serve": serve, "Import": started, "Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    arn = pipeline.start({"action": "serve", "release": "r2"})
    pipeline.machines.wait_for_event(arn, "WaitStateEntered")

    run = read(pipeline.machines.states, arn)

    assert (run.status, run.state, run.action) == ("RUNNING", "Wait", "serve")
    assert (run.release, run.import_arn, run.reason) == ("r2", "arn:import", None)


class _Old:
    """Step Functions with a run of an earlier version, whose history says little."""

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return {"status": "FAILED", "startDate": datetime(2026, 11, 30, tzinfo=UTC), "cause": '{"errorMessage": "no"}'}

    def get_execution_history(self, **_: Any) -> dict[str, Any]:
        entered = [
            {"name": "Train", "input": '{"training": {"TrainingJobName": "j"}}'},
            {"name": "Begin", "input": "[1]"},
        ]
        odd = [{"name": "A", "input": "cut {"}, {"name": "B"}]
        return {"events": [{"stateEnteredEventDetails": one} for one in (*odd, *entered)] + [{"type": "Other"}]}


def test_reads_what_an_earlier_version_left(pipeline: Pipeline) -> None:
    run = read(_Old(), "arn:old")

    assert (run.state, run.job, run.reason) == ("A", "j", "no")
    assert run.release is None


def _look(state: str, minutes: int = 0, *, status: str = "RUNNING", job: str | None = None) -> Run:
    begun = datetime(2026, 11, 30, tzinfo=UTC)
    return Run(arn="a", status=status, started=begun, ended=begun + timedelta(minutes=minutes), state=state, job=job)


def _reported(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, *looks: Run) -> list[Run]:
    """Wait for a run that looks so from time to time, and return what is reported."""
    found = iter(looks)
    monkeypatch.setattr("tools.finetune.runs.read", lambda _states, _arn: next(found))
    reported: list[Run] = []
    assert wait(pipeline.stack, "a", report=reported.append, poll_seconds=0) is looks[-1]
    return reported


def test_waiting_reports_each_step_once_and_the_job_with_it(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = ("Train", "Wait for the training", "Look at the training", "Count the looks", "Wait for the training")
    states = ("Prepare", "Prepare", *loop, "Verify", "Watch the endpoint", "In service?")
    jobs = [None, None, *[_JOB] * 8]
    looks = [_look(state, job=job) for state, job in zip(states, jobs, strict=True)]

    reported = _reported(pipeline, monkeypatch, *looks, _look("Succeeded", status="SUCCEEDED"))

    assert [run.state for run in reported] == ["Prepare", "Train", "Verify", "Watch the endpoint"]
    assert reported[1].job == _JOB


def test_waiting_reports_every_few_minutes_that_it_goes_on(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = [_look("Train", minutes) for minutes in (0, 1, 4, 5, 6, 11)]

    reported = _reported(pipeline, monkeypatch, *looks, _look("Train", 12, status="SUCCEEDED"))

    assert [run.elapsed.seconds // 60 for run in reported] == [0, 5, 11]


def test_waiting_for_a_run_that_fails_says_why_and_where_its_logs_are(pipeline: Pipeline) -> None:
    pipeline.create(_training(**{"The training failed": {"Type": "Pass", "Next": "Failed"}, "Failed": _FAIL}))

    with pytest.raises(FineTuningError) as failed:
        wait(pipeline.stack, pipeline.start(), report=lambda _run: None, poll_seconds=0.01)

    first, second, *rest = str(failed.value).splitlines()
    assert first.startswith("the run failed in 'Wait for the training' after 0:00:0")
    assert first.endswith("the training job failed:")
    assert second == "AlgorithmError: no"
    assert f"begin with {_JOB}/" in rest


def test_waiting_for_a_run_that_is_stopped_says_so(pipeline: Pipeline) -> None:
    pipeline.create({"Prepare": {"Type": "Wait", "Seconds": 60, "End": True}})
    arn = pipeline.start()
    pipeline.machines.wait_for_event(arn, "WaitStateEntered")

    def stop(_run: Run) -> None:
        pipeline.machines.states.stop_execution(executionArn=arn, cause="by ada")

    with pytest.raises(FineTuningError, match=r"the run was stopped in 'Prepare' after .*: it was stopped: by ada"):
        wait(pipeline.stack, arn, report=stop, poll_seconds=0.01)


def test_status_says_what_is_served_and_how_the_runs_ended(pipeline: Pipeline) -> None:
    pipeline.point(served="r2", previous="r1", target=pipeline.stack.stack_name)
    pipeline.create({"Prepare": _PREPARE, "Wait for the training": _FAIL})
    pipeline.machines.ended(pipeline.start())

    found = status(pipeline.stack).to_dict()

    assert (found["served"], found["previous"], found["endpoint"]) == ("r2", "r1", "none")
    [run] = found["runs"]
    assert (run["job"], run["status"], run["error"]) == (_JOB, "FAILED", "TrainingJobFailed")
    assert run["reason"] == "the training job failed:\nAlgorithmError: no"
    assert datetime.fromisoformat(run["ended"]) >= datetime.fromisoformat(run["started"])
    assert isinstance(run["elapsedSeconds"], int)
