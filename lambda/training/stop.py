"""*Stop*: stop the training job of a run that was aborted, or ran out of time, unless another run waits for it.

EventBridge invokes it when such a run ends. A run that failed leaves its job to the next run of the same data, which
waits for it. The function may: `states:ListExecutions` on the state machine; `sagemaker:ListTrainingJobs`;
`sagemaker:StopTrainingJob` on the pipeline's jobs.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import ClientError

from training.releases import running_jobs


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[str]]:
    """Stop the pipeline's jobs that no run waits for.

    Args:
        event: `stateMachine` and `execution`, the ARNs of the pipeline's state machine and of the run that has ended.

    Returns:
        `stopped`, the jobs' names.
    """
    states: Any = boto3.client("stepfunctions")
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=event["stateMachine"], statusFilter="RUNNING"
    )
    # A listing may lag behind an execution that has just ended.
    others = [one for page in pages for one in page["executions"] if one["executionArn"] != event["execution"]]
    sagemaker = boto3.client("sagemaker")
    jobs = [] if others else running_jobs(sagemaker, os.environ["NAME_PREFIX"])
    for name in jobs:
        stop_job(sagemaker, name)
    print(json.dumps({"stopped": jobs}))
    return {"stopped": jobs}


def stop_job(sagemaker: Any, name: str) -> None:
    """Stop a training job, unless it ended, or was stopped, after it was listed."""
    try:
        sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
