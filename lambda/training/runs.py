"""Find other runs: executions that are running, and jobs of earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from training.contract import TO_TRAIN, TRAINED, TRAINING
from training.errors import ConcurrentRunError

_MOST_ATTEMPTS = 99


class Found(NamedTuple):
    """The job of a version.

    Attributes:
        name: Its name, not in use yet if `status` is `TO_TRAIN`.
        status: `TO_TRAIN`, `TRAINING`, or `TRAINED` where it completed and its model is still there.
    """

    name: str
    status: str


def refuse_concurrent(client: Any, *, state_machine: str, execution: str, started_at: str) -> None:
    """Refuse an execution while an older one of the same state machine is running.

    Args:
        client: Client of Step Functions.
        state_machine: ARN of the state machine.
        execution: ARN of this execution.
        started_at: Its start time, ISO 8601 as Step Functions writes it.

    Raises:
        ConcurrentRunError: An older one is running.
    """
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=state_machine, statusFilter="RUNNING")
    running = {one["executionArn"]: one["startDate"] for page in pages for one in page["executions"]}
    # A listing may lag behind an execution that has just started.
    own = running.setdefault(execution, datetime.fromisoformat(started_at))
    older = sorted((start, arn) for arn, start in running.items() if (start, arn) < (own, execution))
    if older:
        start, arn = older[0]
        name = arn.rpartition(":")[2]
        since = start.isoformat(timespec="seconds")
        raise ConcurrentRunError(
            f"execution {name} has been running since {since}: one run at a time; wait for its end, or stop it"
        )


def find_job(sagemaker: Any, name_of: Callable[[int], str], *, has_model: Callable[[str], bool]) -> Found:
    """Find the job of a version that completed or is running, or the next free name.

    Args:
        sagemaker: Client of SageMaker.
        name_of: Returns the name of an attempt, from 1 on.
        has_model: Reports whether the model of a job of this name is still there.

    Raises:
        ConcurrentRunError: A job of the version is being stopped.
    """
    for attempt in range(1, _MOST_ATTEMPTS + 1):
        name = name_of(attempt)
        status = _status(sagemaker, name)
        if status is None:
            return Found(name, TO_TRAIN)
        if status == "InProgress":
            return Found(name, TRAINING)
        if status == "Stopping":
            raise ConcurrentRunError(
                f"training job {name} of the same data and settings is Stopping: wait for its end, and start again"
            )
        if status == "Completed" and has_model(name):
            return Found(name, TRAINED)
    raise ConcurrentRunError(f"all {_MOST_ATTEMPTS} names of the version's jobs are in use, the last is {name}")


def _status(sagemaker: Any, name: str) -> str | None:
    try:
        return str(sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"])
    except ClientError as error:
        # API DescribeTrainingJob lists ResourceNotFound; SageMaker answers with a ValidationException, too.
        code = error.response["Error"]["Code"]
        message = error.response["Error"]["Message"].lower()
        if code == "ResourceNotFound" or (code == "ValidationException" and "not f" in message):
            return None
        raise
