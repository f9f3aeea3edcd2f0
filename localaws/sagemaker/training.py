"""The operations of training jobs: what each takes, refuses and answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.exceptions import ResourceInUseException, ValidationError
from moto.sagemaker.responses import SageMakerResponse

from localaws.moto_patches import add, replace
from localaws.sagemaker import listing, models
from localaws.sagemaker.endpoints import has_local_storage
from localaws.sagemaker.requests import authorize, checked
from localaws.sagemaker.training_data import RoleBucket, missing_data
from localaws.sagemaker.training_jobs import TrainingJob, arn_of

_SERVICE: Final = "sagemaker.amazonaws.com"
_S3_URI: Final = re.compile(r"s3://[a-z0-9.-]{3,63}(/.*)?")
_SORT_KEYS: Final = {"Name": "TrainingJobName", "CreationTime": "CreationTime", "Status": "TrainingJobStatus"}


def install() -> None:
    """Replace moto's handlers by this module's: moto's jobs are complete at once."""
    for handler in (_create_training_job, _describe_training_job, _list_training_jobs):
        replace(SageMakerResponse, handler.__name__.removeprefix("_"), handler)
    add(SageMakerResponse, "stop_training_job", _stop_training_job)


def _create_training_job(response: Any) -> ActionResult:
    parameters = checked("CreateTrainingJob", response)
    role_arn, jobs = parameters["RoleArn"], response.sagemaker_backend.training_jobs
    authorize(response, "iam:PassRole", role_arn, **{"iam:PassedToService": _SERVICE})
    arn = arn_of(response.region, parameters["TrainingJobName"])
    if parameters.get("Tags"):
        authorize(response, "sagemaker:AddTags", arn)
    if parameters["TrainingJobName"] in jobs:
        raise ResourceInUseException(
            "Training job names must be unique within an AWS account and region, and a training job with this name "
            f"already exists ({arn})",
        )
    problem = _problem(parameters, region=response.region)
    if problem is not None:
        raise ValidationError(problem)
    job = TrainingJob(
        arn=arn, region=response.region, request=dict(parameters), tags=list(parameters.get("Tags") or [])
    )
    jobs[job.name] = job
    job.start()
    return ActionResult({"TrainingJobArn": arn})


def _problem(parameters: Mapping[str, Any], *, region: str) -> str | None:
    """Return why CreateTrainingJob refuses `parameters` beyond their constraints, or None."""
    role_arn = parameters["RoleArn"]
    image = (parameters.get("AlgorithmSpecification") or {}).get("TrainingImage", "")
    problem = (
        models.role_problem(role_arn, source=arn_of(region, parameters["TrainingJobName"]))
        or models.image_problem(image, role_arn=role_arn, region=region)
        or _resource_problem(parameters.get("ResourceConfig") or {})
        or _time_problem(parameters)
        or _licence_problem(parameters.get("Environment") or {})
    )
    if problem is not None:
        return problem
    output = parameters["OutputDataConfig"]["S3OutputPath"]
    channels = parameters.get("InputDataConfig") or []
    for uri in (output, *(_uri(channel) for channel in channels)):
        if not _S3_URI.fullmatch(uri):
            return f"The S3 URI {uri!r} is malformed: s3://bucket/prefix"
    names = [channel["ChannelName"] for channel in channels]
    if len(names) != len(set(names)):
        return f"Channel names must be unique: {', '.join(names)}"
    bucket = RoleBucket(region, role_arn, "SageMaker")
    return missing_data(bucket, channels, role_arn=role_arn, region=region)


def _uri(channel: Mapping[str, Any]) -> str:
    return str(((channel.get("DataSource") or {}).get("S3DataSource") or {}).get("S3Uri", ""))


def _resource_problem(config: Mapping[str, Any]) -> str | None:
    """Return why ResourceConfig is refused (API reference), or None; the words are a guess."""
    if not config.get("InstanceType") or not config.get("InstanceCount"):
        return "ResourceConfig must have InstanceType and InstanceCount"
    if not config.get("VolumeSizeInGB"):
        return "ResourceConfig must have VolumeSizeInGB"
    if config.get("VolumeKmsKeyId") and has_local_storage(config["InstanceType"]):
        return f"VolumeKmsKeyId is not supported for {config['InstanceType']}: it has local storage"
    return None


def _time_problem(parameters: Mapping[str, Any]) -> str | None:
    """Return why managed spot training is refused (API reference of StoppingCondition), or None; users' words."""
    condition = parameters.get("StoppingCondition") or {}
    wait = condition.get("MaxWaitTimeInSeconds")
    if not parameters.get("EnableManagedSpotTraining"):
        if wait is not None:
            return "MaxWaitTimeInSeconds is supported only when EnableManagedSpotTraining is set to true"
        return None
    if wait is None or wait < condition.get("MaxRuntimeInSeconds", 86400):
        return "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to MaxRuntimeInSeconds"
    return None


def _licence_problem(environment: Mapping[str, str]) -> str | None:
    """Return why a gated model is refused, or None; the words are a guess.

    One environment variable names the gated model, another accepts its licence.
    """
    if environment.get("SageMakerGatedModelS3Uri") and environment.get("accept_eula", "").lower() != "true":
        return (
            f"The model at {environment['SageMakerGatedModelS3Uri']} has an end-user license agreement: the "
            "environment variable accept_eula must be 'true'"
        )
    return None


def _describe_training_job(response: Any) -> ActionResult:
    return ActionResult(_job(response).description())


def _stop_training_job(response: Any) -> EmptyResult:
    job = _job(response)
    if not job.stop():
        raise ValidationError(f"The request was rejected because the training job is in status {job.status}.")
    return EmptyResult()


def _job(response: Any) -> TrainingJob:
    name = response._get_param("TrainingJobName")
    job: TrainingJob | None = response.sagemaker_backend.training_jobs.get(name)
    if job is None:
        raise ValidationError("Requested resource not found.")
    return job


def _list_training_jobs(response: Any) -> ActionResult:
    parameters = checked("ListTrainingJobs", response)
    jobs = [job.summary() for job in response.sagemaker_backend.training_jobs.values()]
    found = listing.page(
        [job for job in jobs if _is_listed(job, parameters)],
        {**parameters, "SortBy": _SORT_KEYS[parameters.get("SortBy", "CreationTime")]},
        newest_first=False,
    )
    return ActionResult({"TrainingJobSummaries": found.pop("entries"), **found})


def _is_listed(job: Mapping[str, Any], parameters: Mapping[str, Any]) -> bool:
    for key in ("CreationTime", "LastModifiedTime"):
        after, before = (listing.moment(parameters.get(f"{key}{end}")) for end in ("After", "Before"))
        if (after and job[key] <= after) or (before and job[key] >= before):
            return False
    status = parameters.get("StatusEquals")
    return parameters.get("NameContains", "") in job["TrainingJobName"] and status in (None, job["TrainingJobStatus"])
