"""Stopping the job of an aborted run: its own pipeline's, and only where no other run waits for it."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from training import stop

PIPELINE = "dev-mistral-7b-dolly"
MACHINE = f"arn:aws:states:us-west-2:123456789012:stateMachine:{PIPELINE}"
JOB = f"{PIPELINE}-0123456789ab"
EVENT = {"stateMachine": MACHINE, "execution": f"{MACHINE.replace('stateMachine', 'execution')}:ended"}


class Account:
    """Stubs of Step Functions and SageMaker.

    Attributes:
        states: The stub of Step Functions.
        sagemaker: The stub of SageMaker.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {
            "stepfunctions": boto3.client("stepfunctions", region_name="us-west-2"),
            "sagemaker": boto3.client("sagemaker", region_name="us-west-2"),
        }
        self.states = Stubber(self._clients["stepfunctions"])
        self.sagemaker = Stubber(self._clients["sagemaker"])

    def client(self, service: str) -> Any:
        """Return a stubbed client."""
        return self._clients[service]

    def runs(self, *names: str) -> None:
        """Let executions of these names run."""
        executions = [
            {
                "executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{name}",
                "stateMachineArn": MACHINE,
                "name": name,
                "status": "RUNNING",
                "startDate": "2026-01-01T12:00:00Z",
            }
            for name in names
        ]
        expected = {"stateMachineArn": MACHINE, "statusFilter": "RUNNING"}
        self.states.add_response("list_executions", {"executions": executions}, expected)

    def jobs(self, *names: str) -> None:
        """Let jobs of these names run."""
        for status, listed in (("InProgress", names), ("Stopping", ())):
            summaries = [
                {
                    "TrainingJobName": name,
                    "TrainingJobArn": f"arn:aws:sagemaker:us-west-2:123456789012:training-job/{name}",
                    "CreationTime": "2026-01-01T12:00:00Z",
                    "TrainingJobStatus": status,
                }
                for name in listed
            ]
            expected = {"NameContains": PIPELINE, "StatusEquals": status}
            self.sagemaker.add_response("list_training_jobs", {"TrainingJobSummaries": summaries}, expected)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("NAME_PREFIX", PIPELINE)
    made = Account()
    monkeypatch.setattr(boto3, "client", made.client)
    with made.states, made.sagemaker:
        yield made
        made.states.assert_no_pending_responses()
        made.sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize("listed", [(), ("ended",)])
def test_stops_the_pipelines_job_and_no_other_pipelines(account: Account, listed: tuple[str, ...]) -> None:
    account.runs(*listed)
    account.jobs(JOB, f"{PIPELINE}-large-0123456789ab")
    account.sagemaker.add_response("stop_training_job", {}, {"TrainingJobName": JOB})

    assert stop.handler(EVENT, None) == {"stopped": [JOB]}


def test_leaves_a_job_that_another_run_waits_for(account: Account) -> None:
    account.runs("another")

    assert stop.handler(EVENT, None) == {"stopped": []}


def test_a_job_that_has_ended_meanwhile_is_no_fault(account: Account) -> None:
    account.runs()
    account.jobs(JOB)
    account.sagemaker.add_client_error("stop_training_job", "ValidationException", "the job is in status Completed")

    assert stop.handler(EVENT, None) == {"stopped": [JOB]}


def test_a_refused_stop_fails_so_that_it_is_tried_again(account: Account) -> None:
    account.runs()
    account.jobs(JOB)
    account.sagemaker.add_client_error("stop_training_job", "AccessDeniedException", "no")

    with pytest.raises(ClientError, match="AccessDenied"):
        stop.handler(EVENT, None)
