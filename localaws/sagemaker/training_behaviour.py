"""The behaviour of training jobs, which tests and demos change on `/_localaws/sagemaker/training`.

The body of a PUT::

{
"seconds": 0.2,
"reads_any_channel": false,
"faults": [{"stage": "Training", "reason": "AlgorithmError: ...", "times": 1, "job_name_contains": "mistral"}]
}
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Final

from localaws import steering

STAGES: Final = ("Starting", "Downloading", "Training", "Uploading")
"""The secondary statuses that a job goes through, in their order."""

_LOCK: Final = threading.Lock()


@dataclass(kw_only=True)
class TrainingFault:
    """A failure of training jobs.

    Attributes:
        reason: The job's `FailureReason`.
        stage: The stage that fails, one of `STAGES`.
        times: The number of jobs that fail; None: all.
        job_name_contains: A part of the names of the jobs that fail.
    """

    reason: str = field(metadata=steering.read_by(steering.text))
    stage: str = field(default="Training", metadata=steering.read_by(steering.one_of(STAGES)))
    times: int | None = field(default=None, metadata=steering.read_by(steering.number(whole=True, null="all jobs")))
    job_name_contains: str = field(default="", metadata=steering.read_by(steering.text))


@dataclass(kw_only=True)
class Behaviour:
    """The behaviour of training jobs.

    Attributes:
        seconds: The time that a job takes, in equal parts for its stages; in AWS some 10 minutes before training
            starts.
        reads_any_channel: Whether scripts take their data from any channel, which AWS's are not known to do: for
            deployments of releases that named it wrong.
        output_key_needs_encrypt: Whether a job with a key for its output needs `kms:Encrypt` on it, as AWS documents;
            releases that lack the right are deployed without this rule.
        faults: Failures of the next jobs.
    """

    seconds: float = 0.4
    reads_any_channel: bool = field(default=False, metadata=steering.read_by(steering.one_of((True, False))))
    output_key_needs_encrypt: bool = field(default=True, metadata=steering.read_by(steering.one_of((True, False))))
    faults: list[TrainingFault] = field(
        default_factory=list, metadata=steering.read_by(steering.list_of(steering.object_of(TrainingFault)))
    )


_STEERED: Final = steering.Steered(Behaviour)

ROUTE: Final = _STEERED.route("/_localaws/sagemaker/training")


def seconds() -> float:
    """Return how long a job takes."""
    return _STEERED.of().seconds


def reads_any_channel() -> bool:
    """Return whether scripts take their data from any channel."""
    return _STEERED.of().reads_any_channel


def output_key_needs_encrypt() -> bool:
    """Return whether a job with a key for its output needs `kms:Encrypt` on it."""
    return _STEERED.of().output_key_needs_encrypt


def take_fault(job_name: str) -> TrainingFault | None:
    """Return the failure of a job that starts now, or None."""
    with _LOCK:
        for fault in _STEERED.of().faults:
            if fault.job_name_contains not in job_name or fault.times == 0:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
    return None
