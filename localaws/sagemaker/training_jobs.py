"""One training job from Starting to its end.

The job is a stand-in: it reads its channels and writes a tiny model, both really and with its role, and rents no
machine. Its statuses, transitions and times are those of DescribeTrainingJob.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from localaws import clients, settings
from localaws.clients import role_client
from localaws.sagemaker import training_behaviour
from localaws.sagemaker.training_data import Reading, RoleBucket, TrainingFailure
from localaws.sagemaker.training_script import channels_read

# The words of the transitions (API reference of SecondaryStatusTransition and what jobs show).
_MESSAGES: Final = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
}
_LOG_GROUP: Final = "/aws/sagemaker/TrainingJobs"
_LONGEST_REASON: Final = 1024
_SPOT_SAVINGS: Final = 0.3
"""Billed part of a spot job's time here; in AWS it depends on the day's price."""


class _Stopped(Exception):  # noqa: N818 - an outcome
    """The job was stopped, or ran into its time limit."""


def now() -> datetime:
    """Return the time to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@dataclass(eq=False, slots=True, kw_only=True)
class TrainingJob:
    """One training job.

    Attributes:
        arn: Its ARN.
        region: Its region.
        request: The request of CreateTrainingJob.
        tags: Its tags, as moto keeps those of other resources.
        status: `InProgress`, `Stopping`, `Completed`, `Failed` or `Stopped`.
        secondary: The secondary status.
        transitions: The history of secondary statuses.
        failure_reason: The reason for its failure.
        created: Time of its creation.
        modified: Time of its last change of status.
        training_started: Time at which its secondary status became Training.
        training_ended: Time of its end, if it had started to train.
        artifacts: The S3 URI of the model, once it is written.
    """

    arn: str
    region: str
    request: Mapping[str, Any]
    tags: list[dict[str, str]]
    status: str = "InProgress"
    secondary: str = "Starting"
    transitions: list[dict[str, Any]] = field(default_factory=list)
    failure_reason: str | None = None
    created: datetime = field(default_factory=now)
    modified: datetime = field(default_factory=now)
    training_started: datetime | None = None
    training_ended: datetime | None = None
    artifacts: str | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The job's name."""
        name: str = self.request["TrainingJobName"]
        return name

    def start(self) -> None:
        """Run in the background."""
        self._enter("Starting")
        threading.Thread(target=self._run, name=f"training-{self.name}", daemon=True).start()

    def stop(self) -> bool:
        """Ask the job to stop; return whether it was still running."""
        with self._lock:
            if self.status not in ("InProgress", "Stopping"):
                return False
            self.status = "Stopping"
        self._stop.set()
        return True

    def _run(self) -> None:
        fault = training_behaviour.take_fault(self.name)
        limit = (self.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds")
        overdue = limit is not None and training_behaviour.seconds() > limit
        try:
            reading = Reading()
            self._require_output_key()
            for stage in training_behaviour.STAGES:
                self._enter(stage)
                if fault is not None and fault.stage == stage:
                    raise TrainingFailure(fault.reason)
                if self._stop.wait(training_behaviour.seconds() / len(training_behaviour.STAGES)):
                    raise _Stopped("Stopped")
                if stage == "Downloading":
                    self._download(reading)
                elif stage == "Training":
                    self._run_script()
                    if overdue:
                        raise _Stopped("MaxRuntimeExceeded")
                elif stage == "Uploading":
                    self._upload(reading)
        except TrainingFailure as failure:
            self._end("Failed", "Failed", str(failure))
        except _Stopped as stopped:
            self._end("Stopped", str(stopped))
        except Exception as error:
            # A fault of this stand-in must end the job, or whoever waits for it would wait for ever.
            self._end("Failed", "Failed", f"InternalServerError: fault of the local AWS: {error!r}")
            raise
        else:
            self._end("Completed", "Completed")

    def _bucket(self) -> RoleBucket:
        return RoleBucket(self.region, self.request["RoleArn"], "SageMaker")

    def _require_output_key(self) -> None:
        """Fail where the role may not use the output's key.

        `kms:Encrypt`: developer guide, "CreateTrainingJob API: execution role permissions", and the API reference of
        `OutputDataConfig`; where SageMaker looks is not documented, nor its words.
        """
        key = self.request["OutputDataConfig"].get("KmsKeyId")
        if key is not None and training_behaviour.output_key_needs_encrypt():
            self._bucket().require_key("kms:Encrypt", key, "Output configuration")

    def _download(self, reading: Reading) -> None:
        """Download all channels, as SageMaker does; what the script does not read leaves no trace in the model."""
        bucket = self._bucket()
        read: frozenset[str] = frozenset()
        with contextlib.suppress(TrainingFailure):
            read = self._run_script()
        for channel in self.request.get("InputDataConfig") or ():
            name = channel["ChannelName"]
            into = reading if name in read else Reading()
            before = into.objects
            bucket.read(channel["DataSource"]["S3DataSource"]["S3Uri"], into)
            self._log(f"channel {name}: {into.objects - before} objects")

    def _run_script(self) -> frozenset[str]:
        """Return the channels that the script reads.

        Raises:
            TrainingFailure: If the script fails for want of its channel.
        """
        if training_behaviour.reads_any_channel():
            return frozenset(channel["ChannelName"] for channel in self.request.get("InputDataConfig") or ())
        return channels_read(self.request)

    def _upload(self, reading: Reading) -> None:
        # Takes a while to import, and few need it.
        from localaws import tiny_model  # noqa: PLC0415 - see above

        hyperparameters = dict(self.request.get("HyperParameters") or {})
        for name in ("sagemaker_job_name", "sagemaker_region"):
            hyperparameters.pop(name, None)
        seed = hashlib.sha256(reading.digest.digest() + json.dumps(hyperparameters, sort_keys=True).encode()).digest()
        contents = tiny_model.files(
            family=json.dumps([self.request.get("Tags"), self.request.get("InputDataConfig"), self.name]),
            sample=reading.sample.decode(errors="ignore"),
            seed=seed,
        )
        output = self.request["OutputDataConfig"]
        target = f"{output['S3OutputPath'].rstrip('/')}/{self.name}/output/"
        if output.get("CompressionType") == "NONE":
            self._bucket().write(f"{target}model/", contents, output.get("KmsKeyId"))
            self.artifacts = f"{target}model/"
        else:
            packed = {"model.tar.gz": tiny_model.archive(contents)}
            self._bucket().write(target, packed, output.get("KmsKeyId"))
            self.artifacts = f"{target}model.tar.gz"

    def _enter(self, stage: str) -> None:
        moment = now()
        with self._lock:
            if self.transitions and self.transitions[-1]["Status"] == stage:
                return
            self._turn(stage, moment)
            if stage == "Training":
                self.training_started = moment
        self._announce()

    def _turn(self, stage: str, moment: datetime) -> None:
        """Add a transition; under the lock."""
        if self.transitions:
            self.transitions[-1].setdefault("EndTime", moment)
        message = _MESSAGES.get(stage) or self.failure_reason or stage
        self.transitions.append({"Status": stage, "StartTime": moment, "StatusMessage": message})
        self.secondary, self.modified = stage, moment

    def _end(self, status: str, secondary: str, reason: str | None = None) -> None:
        self._log(reason or f"training job {status.lower()}")
        moment = now()
        with self._lock:
            self.failure_reason = None if reason is None else reason[:_LONGEST_REASON]
            if self.training_started is not None:
                self.training_ended = moment
            self._turn(secondary, moment)
            self.transitions[-1]["EndTime"] = moment
            # Last: whoever sees it finds the rest written.
            self.status = status
        self._announce()

    def _log(self, message: str) -> None:
        """Log with the job's role; a job whose role may not log runs all the same."""
        with contextlib.suppress(Exception):
            logs = role_client("logs", self.region, self.request["RoleArn"], session_name="SageMaker")
            stream = f"{self.name}/algo-1-{int(self.created.timestamp())}"
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_group(logGroupName=_LOG_GROUP)
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=_LOG_GROUP, logStreamName=stream)
            event = {"timestamp": int(now().timestamp() * 1000), "message": message}
            logs.put_log_events(logGroupName=_LOG_GROUP, logStreamName=stream, logEvents=[event])

    def _announce(self) -> None:
        """Send the job's status to the default event bus, as SageMaker does."""
        detail = json.dumps(self.description(), default=lambda moment: int(moment.timestamp() * 1000))
        with contextlib.suppress(Exception):  # events are delivered on a best-effort basis
            clients.client("events", self.region).put_events(
                Entries=[
                    {
                        "Source": "aws.sagemaker",
                        "DetailType": "SageMaker Training Job State Change",
                        "Detail": detail,
                        "Resources": [self.arn],
                    }
                ]
            )

    def description(self) -> dict[str, Any]:
        """Return the job as DescribeTrainingJob shows it."""
        times: dict[str, Any] = {"TrainingStartTime": self.training_started, "TrainingEndTime": self.training_ended}
        if self.training_started is not None and self.training_ended is not None:
            seconds = int((self.training_ended - self.training_started).total_seconds())
            spot = self.request.get("EnableManagedSpotTraining")
            times["TrainingTimeInSeconds"] = seconds
            times["BillableTimeInSeconds"] = int(seconds * _SPOT_SAVINGS) if spot else seconds
        described = {
            **{name: value for name, value in self.request.items() if name != "Tags"},
            "TrainingJobArn": self.arn,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary,
            "SecondaryStatusTransitions": [dict(transition) for transition in self.transitions],
            "FailureReason": self.failure_reason,
            "ModelArtifacts": None if self.artifacts is None else {"S3ModelArtifacts": self.artifacts},
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **times,
        }
        return {name: value for name, value in described.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """Return the job as ListTrainingJobs shows it."""
        summary = {
            "TrainingJobName": self.name,
            "TrainingJobArn": self.arn,
            "CreationTime": self.created,
            "TrainingEndTime": self.training_ended,
            "LastModifiedTime": self.modified,
            "TrainingJobStatus": self.status,
            "SecondaryStatus": self.secondary,
        }
        return {name: value for name, value in summary.items() if value is not None}


def arn_of(region: str, name: str) -> str:
    """Return the ARN of a job."""
    return f"arn:aws:sagemaker:{region}:{settings.ACCOUNT}:training-job/{name}"
