"""Runs of a pipeline: executions of its state machine, read from their descriptions and histories."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tools.deployed import DeclaredStack
from tools.finetune.pipeline import FineTuningError, client, machine
from tools.finetune.reasons import failure

RUNNING = "RUNNING"
POLL_SECONDS = 5.0
# A terminal, or a build that ends what is silent, hears of a long wait this often.
_HEARTBEAT = timedelta(minutes=5)
_READ_EVENTS = 100

# The states that follow a failure, which say nothing of where it was.
_ENDS = {
    *("Did a function fail?", "Read the function's error", "Has it a message?", "Take the function's message"),
    *("Sum up what failed", "Tell of failure", "Announce failure", "Failed"),
    *("Refuse the action", "Nothing to roll back to", "The release is gone", "The previous release is gone"),
}
# States of one wait, each by the state that it is reported as.
_LOOPS = {
    **dict.fromkeys(
        (
            *("Train", "Watch the training", "Look at the training", "Has the training ended?", "Count the looks"),
            *("Ask for the reason", "Is there a reason?", "The training failed", "The training was stopped"),
            *("Stop the training", "The training takes too long"),
        ),
        "Wait for the training",
    ),
    **dict.fromkeys(
        (
            *("Start the import", "Look at the import", "Has the import ended?", "The import failed"),
            "The import ended without a reason",
        ),
        "Wait for the import",
    ),
    **dict.fromkeys(("Watch the endpoint", "In service?", "Endpoint failed"), "Wait for the endpoint"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a pipeline.

    Attributes:
        arn: The execution's ARN.
        status: Step Functions' status, such as `RUNNING`.
        started: Time of the start.
        ended: Time of the end; None while it runs.
        state: The present state; of a run that failed the one in which it did.
        action: `train`, or the action of its input: `rollback` or `serve`.
        data: The data that it was given in place of the declared.
        job: Name of its training job, once there is one.
        release: The release that it serves, once it has a name.
        import_arn: ARN of its import's execution, where Bedrock serves.
        error: Name of the error of a run that did not succeed.
        reason: Why it did not succeed, in words; it may have several lines.
    """

    arn: str
    status: str
    started: datetime
    ended: datetime | None = None
    state: str = ""
    action: str = "train"
    data: str | None = None
    job: str | None = None
    release: str | None = None
    import_arn: str | None = None
    error: str | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        """Last part of the ARN."""
        return self.arn.rpartition(":")[2]

    @property
    def elapsed(self) -> timedelta:
        """Time from the start to the end, or to now."""
        return max((self.ended or datetime.now(UTC)) - self.started, timedelta())

    @property
    def failed(self) -> bool:
        """True if it ended without success."""
        return self.status not in (RUNNING, "SUCCEEDED")


def read(states: Any, arn: str) -> Run:
    """Read a run.

    Args:
        states: Client of Step Functions.
        arn: The execution's ARN.
    """
    described = states.describe_execution(executionArn=arn)
    history = states.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=_READ_EVENTS)["events"]
    entered = [one["stateEnteredEventDetails"] for one in history if "stateEnteredEventDetails" in one]
    seen = [_document(one.get("input")) for one in entered]
    given, result = _document(described.get("input")), _document(described.get("output"))
    status = str(described["status"])
    failed = status not in (RUNNING, "SUCCEEDED")
    names = [str(one["name"]) for one in entered]
    error, cause = str(described.get("error") or ""), str(described.get("cause") or "")
    return Run(
        arn=arn,
        status=status,
        started=described["startDate"],
        ended=described.get("stopDate"),
        state=next((name for name in names if not failed or name not in _ENDS), ""),
        action=_text(given, "action") or "train",
        data=_text(given, "dataPrefix"),
        job=next((found for one in seen if (found := _job(one))), None),
        release=_text(result, "outcome", "release")
        or next((found for one in seen if (found := _text(one, "serve", "release"))), None),
        import_arn=next((found for one in seen if (found := _text(one, "import", "execution"))), None),
        error=error or None,
        reason=failure(status, error=error, cause=cause) if failed else None,
    )


def last(stack: DeclaredStack, *, most: int) -> list[Run]:
    """Read a pipeline's last runs, the newest first."""
    states = client(stack, "stepfunctions")
    listed = states.list_executions(stateMachineArn=machine(stack), maxResults=most)["executions"]
    return [read(states, one["executionArn"]) for one in listed]


def running(stack: DeclaredStack) -> list[Run]:
    """Read the runs that have not ended, the newest first."""
    states = client(stack, "stepfunctions")
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine(stack), statusFilter=RUNNING)
    return [read(states, one["executionArn"]) for page in pages for one in page["executions"]]


def wait(stack: DeclaredStack, arn: str, *, report: Callable[[Run], None], poll_seconds: float = POLL_SECONDS) -> Run:
    """Wait for a run's end.

    Args:
        stack: The stack.
        arn: The execution's ARN.
        report: Takes the run whenever it has entered another state or got its job, and every 5 minutes.
        poll_seconds: Seconds between two looks.

    Returns:
        The run, which succeeded.

    Raises:
        FineTuningError: If it does not succeed; the reason is in the message.
    """
    states = client(stack, "stepfunctions")
    reported: tuple[str, str | None] | None = None
    due = timedelta()
    while True:
        run = read(states, arn)
        now = (step(run.state), run.job)
        if run.status == RUNNING and (now != reported or run.elapsed >= due):
            reported, due = now, run.elapsed + _HEARTBEAT
            report(run)
        if run.failed:
            raise FineTuningError("\n".join(failure_lines(run)))
        if run.status != RUNNING:
            return run
        time.sleep(poll_seconds)


def step(state: str) -> str:
    """Return the name under which a state is reported: of the states of one wait always the same."""
    return _LOOPS.get(state, state)


def failure_lines(run: Run) -> Iterator[str]:
    """Iterate over the lines about a run that did not succeed: where, why, and where to read more."""
    where = f" in {step(run.state)!r}" if run.state else ""
    what = {"ABORTED": "was stopped", "TIMED_OUT": "ran out of time"}.get(run.status, "failed")
    why = (run.reason or "").splitlines() or [""]
    yield f"the run {what}{where} after {clock(run.elapsed)}: {why[0]}"
    yield from why[1:]
    if run.job and step(run.state) == "Wait for the training":
        yield from log_lines(run.job)


def log_lines(job: str) -> Iterator[str]:
    """Iterate over the lines about where a training job writes its logs."""
    yield "its logs: CloudWatch's /aws/sagemaker/TrainingJobs, in streams that"
    yield f"begin with {job}/"


def clock(elapsed: timedelta) -> str:
    """Return a duration such as `0:03:12`."""
    return str(timedelta(seconds=round(elapsed.total_seconds())))


def _document(text: Any) -> dict[str, Any]:
    """Return an object of a history, an empty one where there is none to be read."""
    try:
        found = json.loads(text or "{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(document: Any, *names: str) -> str | None:
    for name in names:
        document = document.get(name) if isinstance(document, dict) else None
    return document if isinstance(document, str) and document else None


def _job(document: dict[str, Any]) -> str | None:
    # Earlier pipelines kept the job's description.
    return _text(document, "run", "jobName") or _text(document, "training", "TrainingJobName")
