"""Finding a version's job, and refusing an execution while an older one is running."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from training.contract import TO_TRAIN, TRAINED, TRAINING
from training.errors import ConcurrentRunError
from training.runs import Found, find_job, refuse_concurrent

MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:dev-mistral-7b-dolly"
MOMENT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@cache
def _sagemaker() -> Any:
    session = botocore.session.get_session()
    return session.create_client(
        "sagemaker", region_name="us-west-2", aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def _execution(name: str) -> str:
    return f"{MACHINE}:{name}".replace("stateMachine", "execution")


def _refuse(own: str, started_at: datetime, running: dict[str, datetime]) -> None:
    """Check an execution against the listed ones: start times by names."""
    session = botocore.session.get_session()
    client = session.create_client(
        "stepfunctions", region_name="us-west-2", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    listed = [
        {
            "executionArn": _execution(name),
            "stateMachineArn": MACHINE,
            "name": name,
            "status": "RUNNING",
            "startDate": start,
        }
        for name, start in running.items()
    ]
    with Stubber(client) as stubber:
        stubber.add_response(
            "list_executions", {"executions": listed}, {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
        )
        refuse_concurrent(client, state_machine=MACHINE, execution=_execution(own), started_at=started_at.isoformat())


def test_of_two_executions_that_started_at_the_same_time_exactly_one_goes_on() -> None:
    running = {"a": MOMENT, "b": MOMENT}
    _refuse("a", MOMENT, running)
    with pytest.raises(ConcurrentRunError, match="execution a has been running since 2026-01-01T12:00:00"):
        _refuse("b", MOMENT, running)


def test_goes_on_beside_a_younger_execution_and_refuses_beside_an_older_one() -> None:
    _refuse("a", MOMENT, {"a": MOMENT, "b": MOMENT + timedelta(milliseconds=1)})
    with pytest.raises(ConcurrentRunError, match="execution b has been running"):
        _refuse("a", MOMENT, {"a": MOMENT, "b": MOMENT - timedelta(milliseconds=1)})


def test_an_execution_that_is_not_listed_yet_has_the_start_time_of_its_event() -> None:
    _refuse("a", MOMENT, {"b": MOMENT + timedelta(seconds=1)})
    with pytest.raises(ConcurrentRunError, match="execution b has been running"):
        _refuse("a", MOMENT, {"b": MOMENT - timedelta(seconds=1)})


def test_names_the_oldest_of_several_executions() -> None:
    running = {"c": MOMENT, "b": MOMENT - timedelta(seconds=1), "a": MOMENT}
    with pytest.raises(ConcurrentRunError, match="execution b has been running"):
        _refuse("c", MOMENT, running)


def _attempts(statuses: list[str], *, models: tuple[str, ...] = ()) -> Found:
    """Find a version's job where the first attempts have these statuses, and some still have their models."""
    client = _sagemaker()
    with Stubber(client) as stubber:
        for number, status in enumerate(statuses, 1):
            stubber.add_response(
                "describe_training_job",
                {
                    "TrainingJobName": f"job-{number}",
                    "TrainingJobArn": f"arn:aws:sagemaker:us-west-2:123456789012:training-job/job-{number}",
                    "ModelArtifacts": {"S3ModelArtifacts": "s3://own-bucket/model/"},
                    "TrainingJobStatus": status,
                    "SecondaryStatus": "Completed",
                    "AlgorithmSpecification": {"TrainingInputMode": "File"},
                    "ResourceConfig": {"VolumeSizeInGB": 1},
                    "StoppingCondition": {},
                    "CreationTime": MOMENT,
                },
                {"TrainingJobName": f"job-{number}"},
            )
        if len(statuses) < 99:
            stubber.add_client_error("describe_training_job", "ResourceNotFound", "not found")
        return find_job(client, lambda attempt: f"job-{attempt}", has_model=lambda name: name in models)


def test_takes_the_first_job_that_completed_and_has_its_model() -> None:
    assert _attempts(["Failed", "Completed", "Completed"], models=("job-3",)) == Found("job-3", TRAINED)
    assert _attempts(["Failed", "Completed", "Stopped"]) == Found("job-4", TO_TRAIN)


def test_takes_no_model_of_a_job_that_did_not_complete() -> None:
    assert _attempts(["Stopped"], models=("job-1",)) == Found("job-2", TO_TRAIN)


def test_takes_over_a_job_of_the_version_that_runs() -> None:
    assert _attempts(["Failed", "InProgress"]) == Found("job-2", TRAINING)


def test_refuses_to_train_beside_a_job_of_the_version_that_is_being_stopped() -> None:
    with pytest.raises(ConcurrentRunError, match="job-2 of the same data and settings is Stopping"):
        _attempts(["Failed", "Stopping"])


def test_a_version_has_99_names() -> None:
    assert _attempts(["Failed"] * 98) == Found("job-99", TO_TRAIN)
    with pytest.raises(ConcurrentRunError, match="all 99 names of the version's jobs are in use, the last is job-99"):
        _attempts(["Failed"] * 99)


def _find(client: Any) -> Found:
    return find_job(client, lambda attempt: f"job-{attempt}", has_model=lambda _: True)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ResourceNotFound", "Requested resource not found."),
        ("ValidationException", "Requested resource not found."),
        ("ValidationException", "Could not find training job 'job-1'."),
    ],
)
def test_takes_a_name_that_no_job_has(code: str, message: str) -> None:
    client = _sagemaker()
    with Stubber(client) as stubber:
        stubber.add_client_error("describe_training_job", code, message)
        assert _find(client) == Found("job-1", TO_TRAIN)


@pytest.mark.parametrize(
    ("code", "message"),
    [("ThrottlingException", "Rate exceeded"), ("ValidationException", "1 validation error detected: name")],
)
def test_does_not_take_any_error_for_a_free_name(code: str, message: str) -> None:
    client = _sagemaker()
    with Stubber(client) as stubber:
        stubber.add_client_error("describe_training_job", code, message)
        with pytest.raises(ClientError, match=message):
            _find(client)
