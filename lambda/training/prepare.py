"""*Prepare*: refuse wrong data and settings before an instance is billed, and write the training job's request.

The function may: `states:ListExecutions` on the state machine; `s3:ListBucket` and `s3:GetObject` for data;
`s3:ListBucket` and `s3:PutObject` for the output's prefix, and `s3:GetObject` for its record of recipes, with
`kms:GenerateDataKey` and `kms:Decrypt` on its key; `sagemaker:DescribeTrainingJob` on the pipeline's jobs. JumpStart's
public cache needs no permission.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import boto3

from catalog.training.channels import VALIDATION
from catalog.training.request import model_prefix
from training.contract import RUN_INPUT, TO_TRAIN
from training.dataset import DataError, Options, Report, S3Prefix, check
from training.errors import InputError
from training.jobs import job_of, named, options_for, request_of
from training.pins import refuse_other_than_first_seen, refuse_unpinned
from training.recipes import public_client, recipe_of
from training.runs import Found, find_job, refuse_concurrent
from training.settings import Settings
from training.versions import job_name, version_of

# The check of the data gives up this long before the function's timeout, so that its reason is still reported.
_MARGIN_SECONDS = 20.0
# The state machine reads these members of the request by JSONPath, which fails on a missing one.
_DEFAULTS: Mapping[str, Any] = {
    "EnableInterContainerTrafficEncryption": False,
    "EnableManagedSpotTraining": False,
    "EnableNetworkIsolation": False,
    "Environment": {},
}


@dataclass(frozen=True, slots=True)
class Clients:
    """boto3's clients that a run needs.

    Attributes:
        s3: For data, reports and requests.
        public: For JumpStart's public cache, with unsigned requests.
        sagemaker: For jobs.
        states: For executions.
    """

    s3: Any
    public: Any
    sagemaker: Any
    states: Any

    @classmethod
    def of(cls, region: str) -> Clients:
        """Make the clients of a region."""
        return cls(
            boto3.client("s3", region_name=region),
            public_client(region),
            boto3.client("sagemaker", region_name=region),
            boto3.client("stepfunctions", region_name=region),
        )


class _Lineage(NamedTuple):
    """URIs of a version's report and request, which record a model's lineage."""

    report: str
    request: str

    @classmethod
    def of(cls, settings: Settings, version: str) -> _Lineage:
        folder = f"{settings.output_prefix}{version}/"
        return cls(f"{folder}report.json", f"{folder}request.json")


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Prepare one run.

    Args:
        event: `execution` and `stateMachine`, their ARNs; `startedAt`, the execution's start time (ISO 8601);
            `input`, the execution's input: `{}` or `{"dataPrefix": "s3://..."}`.
        context: Lambda's; its remaining time bounds the check of the data.

    Returns:
        - `version`: 12 hexadecimal digits, the same for the same data and settings.
        - `status`: `train`, `training` where a job of the version runs, or `trained` where one has completed.
        - `jobName`: The job to start, the one that runs, or the one that has completed.
        - `request`: The CreateTrainingJob request, complete; members that may be empty are never left out.
        - `modelData`: `s3://` prefix at which the job leaves the model.
        - `report`: `s3://` URI of the report on the data.
        - `dataSha256`: SHA-256 of the data.
        - `samples`: Number of good samples for training.

    Raises:
        SettingsError: The environment is not usable.
        ConcurrentRunError: An older execution is running, or a job of the same version is being stopped.
        InputError: The execution's input is not understood.
        RecipeError: There is no recipe, it is not the pinned one, or the declaration conflicts with it.
        HyperparameterError: Declared hyperparameters are wrong.
        training.dataset.DataError: The data is bad; the report is written all the same.
        training.dataset.SourceError: The data cannot be read.
    """
    settings = Settings.from_environment(os.environ)

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000 - _MARGIN_SECONDS

    prepared = prepare(settings, Clients.of(settings.region), event, seconds_left=seconds_left)
    logged = {name: prepared[name] for name in ("version", "status", "jobName", "report", "samples")}
    print(json.dumps({"prepared": logged}))
    return prepared


def prepare(
    settings: Settings, clients: Clients, event: Mapping[str, Any], *, seconds_left: Callable[[], float] | None = None
) -> dict[str, Any]:
    """Prepare one run; see `handler`."""
    data_prefix = _data_prefix(settings, event.get("input") or {})
    refuse_concurrent(
        clients.states,
        state_machine=event["stateMachine"],
        execution=event["execution"],
        started_at=event["startedAt"],
    )
    recipe = recipe_of(
        clients.public, region=settings.region, model_id=settings.model_id, version=settings.model_version
    )
    refuse_unpinned(settings, recipe)
    refuse_other_than_first_seen(
        settings, recipe, clients.s3, put=lambda uri, document: _put(settings, clients, uri, document)
    )
    job = job_of(settings, recipe, data_prefix)
    prefixes = [data_prefix, *([job.channels[VALIDATION]] if VALIDATION in job.channels else [])]
    report = _checked(settings, clients, options_for(settings, recipe, job), prefixes, seconds_left)
    version = version_of(
        request_of(recipe, job),
        model_id=settings.model_id,
        model_version=settings.model_version,
        data_sha256=report.sha256,
    )
    found = _found(settings, clients, version)
    job = named(settings, job, found.name)
    request = request_of(recipe, job)
    lineage = _Lineage.of(settings, version)
    if found.status == TO_TRAIN:
        # The report and the request of a job that exists are never overwritten.
        _put(settings, clients, lineage.report, report.to_dict())
        _put(settings, clients, lineage.request, request)
    return {
        "version": version,
        "status": found.status,
        "jobName": found.name,
        "request": {**_DEFAULTS, **request},
        "modelData": job.model_data,
        "report": lineage.report,
        "dataSha256": report.sha256,
        "samples": report.train.count,
    }


def _data_prefix(settings: Settings, given: Any) -> str:
    if not isinstance(given, dict):
        raise InputError(f"the input is a {type(given).__name__}, must be an object")
    unknown = sorted(set(given) - set(RUN_INPUT))
    if unknown:
        raise InputError(f"the input has {', '.join(unknown)}; allowed: {', '.join(RUN_INPUT)}, action")
    prefix = given.get("dataPrefix", settings.data_prefix)
    if not isinstance(prefix, str) or not prefix.startswith("s3://"):
        raise InputError(f"dataPrefix is {prefix!r}, must be an s3:// prefix")
    # Without the slash, `data` would include `database/` as well.
    return f"{prefix.rstrip('/')}/"


def _checked(
    settings: Settings,
    clients: Clients,
    options: Options,
    prefixes: Sequence[str],
    seconds_left: Callable[[], float] | None,
) -> Report:
    training, *validation = (S3Prefix(clients.s3, prefix) for prefix in prefixes)
    report = check(training, options, validation=next(iter(validation), None), seconds_left=seconds_left)
    if not report.ok:
        where = f"{settings.output_prefix}refused-{report.sha256[:12]}/report.json"
        _put(settings, clients, where, report.to_dict())
        refused = DataError(report)
        refused.args = (f"{refused}\nthe whole report: {where}",)
        raise refused
    return report


def _found(settings: Settings, clients: Clients, version: str) -> Found:
    def has_model(name: str) -> bool:
        bucket, prefix = _split(model_prefix(settings.output_prefix, name))
        listed = clients.s3.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        return bool(listed.get("KeyCount"))

    return find_job(
        clients.sagemaker, lambda attempt: job_name(settings.pipeline, version, attempt), has_model=has_model
    )


def _put(settings: Settings, clients: Clients, uri: str, document: Mapping[str, Any]) -> None:
    bucket, key = _split(uri)
    clients.s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=json.dumps(document, indent=2, sort_keys=True).encode(),
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=settings.key_arn,
    )


def _split(uri: str) -> tuple[str, str]:
    """Split an `s3://` URI into bucket and key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
