"""Stop a run, and say what is left of it."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from tools.deployed import DeclaredStack
from tools.finetune.pipeline import (
    NONE,
    FineTuningError,
    client,
    code_of,
    endpoint,
    is_imported,
    machine,
    pointed,
)
from tools.finetune.runs import RUNNING, Run, last, read, running
from training.releases import running_jobs
from training.stop import stop_job

_ERROR = "Stopped"
_CAUSE = "by ./jumpstack finetune stop"
# SageMaker changes an endpoint to the end, whoever asked for it.
_CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")


def stop(stack: DeclaredStack, name: str | None = None) -> Iterator[str]:
    """Stop a run with its training job and its import, or a training job that no run waits for.

    Args:
        stack: The stack, deployed.
        name: The run's name or ARN, or the beginning of its name; None for the only one that runs.

    Yields:
        Lines about what was stopped, and what is left.

    Raises:
        FineTuningError: If there is no such run, it has ended, or several run and none is named.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    found = _find(stack, running(stack), name)
    sagemaker, states = client(stack, "sagemaker"), client(stack, "stepfunctions")
    jobs = running_jobs(sagemaker, stack.stack_name)
    if found is not None:
        states.stop_execution(executionArn=found.arn, error=_ERROR, cause=_CAUSE)
        yield f"stopped the run {found.name}"
    elif not jobs:
        newest = next(iter(last(stack, most=1)), None)
        ended = f"; the last run, {newest.name}, is {newest.status}" if newest else ", and nothing ever did"
        yield f"nothing of {stack.path} is running{ended}"
        return
    # Another run would wait for the job. The pipeline stops that of an aborted run, too.
    for job in jobs if not running(stack) else ():
        stop_job(sagemaker, job)
        status = sagemaker.describe_training_job(TrainingJobName=job)["TrainingJobStatus"]
        billed = ": SageMaker bills until it has ended" if status in ("InProgress", "Stopping") else ""
        yield f"stopped the training job {job}, which is {status}{billed}"
    if found is not None and is_imported(stack):
        yield from _stop_import(stack, states, found)
    yield from _left(stack)


def _find(stack: DeclaredStack, there: list[Run], name: str | None) -> Run | None:
    if name is None:
        if len(there) > 1:
            names = ", ".join(run.name for run in there)
            raise FineTuningError(f"several runs of {stack.path} are running; name one: {names}")
        return next(iter(there), None)
    wanted = name.rpartition(":")[2]
    found = [run for run in there if run.name == wanted] or [run for run in there if run.name.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    raise FineTuningError(_unknown(stack, there, wanted, several=bool(found)))


def _unknown(stack: DeclaredStack, there: list[Run], name: str, *, several: bool) -> str:
    running_now = f"running: {', '.join(run.name for run in there) or 'none'}"
    if several:
        return f"RUN is {name!r}: several begin so; {running_now}"
    arn = f"{machine(stack).replace(':stateMachine:', ':execution:')}:{name}"
    try:
        ended = client(stack, "stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if code_of(error) not in ("ExecutionDoesNotExist", "InvalidArn", "ValidationException"):
            raise
        return f"RUN is {name!r}: there is no such run; {running_now}"
    return f"RUN is {name!r}: it has ended, {ended['status']}; {running_now}"


def _stop_import(stack: DeclaredStack, states: Any, run: Run) -> Iterator[str]:
    if run.import_arn is None:
        return
    described = read(states, run.import_arn)
    if described.status == RUNNING:
        states.stop_execution(executionArn=run.import_arn, error=_ERROR, cause=_CAUSE)
        yield "stopped its import: what Bedrock imports is not served"
    bedrock = client(stack, "bedrock")
    pages = bedrock.get_paginator("list_model_import_jobs").paginate(
        nameContains=stack.stack_name, statusEquals="InProgress"
    )
    for job in [one for page in pages for one in page["modelImportJobSummaries"]]:
        yield f"the import job {job['jobName']} goes on: Bedrock has no way to stop one; a later run takes or removes"
        yield "what it imports"


def _left(stack: DeclaredStack) -> Iterator[str]:
    served = pointed(stack, "served")
    yield "no release is served, as before" if served == NONE else f"serves {served}, as before"
    live = None if is_imported(stack) else endpoint(stack)
    if live is None:
        return
    if live["EndpointStatus"] in _CHANGING:
        yield f"the endpoint is {live['EndpointStatus']}, which SageMaker ends: look with"
        yield f"./jumpstack finetune status {stack.path}"
    if served != NONE and live.get("EndpointConfigName") not in (None, f"{stack.stack_name}-{served}"):
        yield f"the endpoint has {live['EndpointConfigName']} already: to return it,"
        yield f"./jumpstack finetune rollback {stack.path} --to {served}"
