"""Imports into Bedrock in an account: room for models, jobs under way, and the weights."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from catalog.limits import model_import as limits
from stacks.declarations import ImportedModel, S3Weights, SageMakerWeights
from stacks.placement import AnyPlacement
from stacks.preflight.findings import Finding, Level
from tools.account.questions import (
    DENIALS,
    Asked,
    ClientFactory,
    NotAnsweredError,
    ask,
    grouped,
    places,
)

_LAMBDA = Path(__file__).resolve().parents[2] / "lambda"
_QUOTA = f"quota 'Imported models per account' ({limits.MODELS_QUOTA_CODE})"
# A version's name ends in the hash of its content (lambda/model_import/names.py).
_VERSION = r"-[0-9a-f]{12}"
_ABSENCES = {"404", "NoSuchBucket", "NotFound"}
_UNKNOWN_QUOTA = "NoSuchResourceException"


def imported_models(asked: Sequence[Asked], client: ClientFactory) -> Iterator[Finding]:
    """Compare the declared models with the account's quota, and with the models imported there already.

    An update needs two versions of its own beside all others: it removes old versions of its own model only.
    """
    for region, users in grouped(asked, lambda one: one.place.region).items():
        try:
            quota = _quota(client("service-quotas", region=region))
        except NotAnsweredError as error:
            yield Finding(level=Level.NOT_CHECKED, place=places(users), message=f"{_QUOTA} in {region}: {error}")
            continue
        for environment in {one.place.environment.name: one.place.environment for one in users}.values():
            if environment.imported_models > quota:
                text = f"imported_models is {environment.imported_models}: the {_QUOTA} in {region} is {quota}"
                yield Finding(level=Level.WARNING, place=environment.name, message=text)
        try:
            names = _imported(client("bedrock", region=region))
        except NotAnsweredError as error:
            yield Finding(level=Level.NOT_CHECKED, place=places(users), message=f"imported models in {region}: {error}")
            continue
        yield from _room(region, users, quota, names)
        yield from _left_behind(region, users, names)


def imports_under_way(asked: Sequence[Asked], client: ClientFactory) -> Iterator[Finding]:
    """Report imports that a deployment's would wait for: an account runs one at a time."""
    for region, users in grouped(asked, lambda one: one.place.region).items():
        bedrock = client("bedrock", region=region)
        try:
            answer = ask("bedrock:ListModelImportJobs", bedrock.list_model_import_jobs, statusEquals="InProgress")
        except NotAnsweredError as error:
            yield Finding(level=Level.NOT_CHECKED, place=places(users), message=f"imports in {region}: {error}")
            continue
        for job in answer["modelImportJobSummaries"]:
            text = f"import {job['jobName']} is under way in {region}: others wait for it, one at a time an account"
            yield Finding(level=Level.HINT, place=places(users), message=text)


def import_weights(asked: Sequence[Asked], client: ClientFactory) -> Iterator[Finding]:
    """Look whether the weights of imported models are there, in their region, as files that Bedrock reads.

    Names are listed and nothing is read; `./jumpstack artifacts check` looks into the files.
    """
    for one in asked:
        model = one.place.model
        if isinstance(model, ImportedModel):
            try:
                yield from _weights(one.place, model.weights, client)
            except NotAnsweredError as error:
                yield Finding(level=Level.NOT_CHECKED, place=str(one.place), message=f"weights: {error}")


def _quota(service: Any) -> int:
    """Return the applied quota, or the default where none is applied or Service Quotas does not know this one."""
    code = {"ServiceCode": "bedrock", "QuotaCode": limits.MODELS_QUOTA_CODE}
    for action, operation in (
        ("servicequotas:GetServiceQuota", "get_service_quota"),
        ("servicequotas:GetAWSDefaultServiceQuota", "get_aws_default_service_quota"),
    ):
        try:
            return int(ask(action, getattr(service, operation), **code)["Quota"]["Value"])
        except NotAnsweredError as error:
            if error.code != _UNKNOWN_QUOTA:
                raise
    return limits.MODELS_QUOTA


def _imported(bedrock: Any) -> list[str]:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = ask("bedrock:ListImportedModels", bedrock.list_imported_models, **token)
        found += [summary["modelName"] for summary in page["modelSummaries"]]
        if not page.get("nextToken"):
            return found
        token = {"nextToken": page["nextToken"]}


def _base(place: AnyPlacement) -> str:
    return place.name


def _others(users: Sequence[Asked], names: Sequence[str]) -> list[str]:
    """Return the imported models that are no version of a declared one."""
    own = [re.compile(re.escape(_base(one.place)) + _VERSION) for one in users]
    return sorted(name for name in names if not any(pattern.fullmatch(name) for pattern in own))


def _room(region: str, users: Sequence[Asked], quota: int, names: Sequence[str]) -> Iterator[Finding]:
    others = _others(users, names)
    kept = [one.place.bedrock.keep_versions for one in users if one.place.bedrock]
    beside = f", beside {len(others)} of others ({', '.join(others)})" if others else ""
    text = f"{_QUOTA} in {region} is {quota}"
    if len(kept) + len(others) > quota:
        needed = f"needed are {len(kept)}{beside}, ask for an increase, or delete what nobody needs"
        yield Finding(level=Level.ERROR, place=places(users), message=f"{text}: {needed}")
    elif (needed_later := limits.models_for_update(kept)) + len(others) > quota:
        needed = f"enough for a version of each, not for an update, which may take {needed_later}{beside}"
        yield Finding(level=Level.WARNING, place=places(users), message=f"{text}: {needed}")


def _left_behind(region: str, users: Sequence[Asked], names: Sequence[str]) -> Iterator[Finding]:
    for environment in {one.place.environment.name for one in users}:
        left = re.compile(f"{re.escape(environment)}-.+{_VERSION}")
        for name in _others(users, names):
            if left.fullmatch(name):
                text = f"imported model {name} in {region} is of no model that is declared, and costs storage"
                yield Finding(level=Level.HINT, place=environment, message=text)


def _weights(place: AnyPlacement, weights: S3Weights, client: ClientFactory) -> Iterator[Finding]:
    sts = client("sts", region=place.region)
    account = place.environment.account or ask("sts:GetCallerIdentity", sts.get_caller_identity)["Account"]
    bucket = weights.bucket.replace("{account}", account).replace("{region}", place.region)
    uri = f"s3://{bucket}/{weights.prefix}"
    if isinstance(weights, SageMakerWeights):
        found = _of_sagemaker(place, weights, uri, account, client)
        if isinstance(found, Finding):
            yield found
            return
        uri = found
    owner = weights.account or account
    s3 = client("s3", region=place.region)
    try:
        region = _bucket_region(s3, bucket, owner)
        if region != place.region:
            text = f"weights {uri}: the bucket is in {region}, needed is one in {place.region}"
            yield Finding(level=Level.ERROR, place=str(place), message=text)
            return
        names = _files(s3, uri, owner)
    except NotAnsweredError as error:
        absent = error.code in _ABSENCES
        text = "the bucket is not there" if absent else str(error)
        if error.code in DENIALS:
            text += f", or the bucket is not of account {owner}"
        yield Finding(
            level=Level.ERROR if absent else Level.NOT_CHECKED, place=str(place), message=f"weights {uri}: {text}"
        )
        return
    if problem := _problem(names):
        yield Finding(level=Level.ERROR, place=str(place), message=f"weights {uri}: {problem}")


def _of_sagemaker(
    place: AnyPlacement, weights: SageMakerWeights, readable: str, account: str, client: ClientFactory
) -> str | Finding:
    """Return the prefix that SageMaker names, by the same rule as when the import runs."""
    if str(_LAMBDA) not in sys.path:
        sys.path.append(str(_LAMBDA))
    sources = import_module("model_import.sources")
    kind, name = ("model", weights.model_name) if weights.model_name else ("training-job", weights.training_job)
    try:
        uri = sources.resolve(
            f"arn:aws:sagemaker:{place.region}:{account}:{kind}/{name}",
            sagemaker=client("sagemaker", region=place.region),
            readable=readable,
        )
    except sources.FolderError as error:
        level = Level.NOT_CHECKED if error.rule == "access" else Level.ERROR
        return Finding(level=level, place=str(place), message=f"weights: {error.problem}; allowed: {error.allowed}")
    return str(uri)


def _bucket_region(s3: Any, bucket: str, owner: str) -> str:
    answer: Mapping[str, Any] = ask("s3:ListBucket", s3.head_bucket, Bucket=bucket, ExpectedBucketOwner=owner)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    return str(answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or s3.meta.region_name)


def _files(s3: Any, uri: str, owner: str) -> list[str]:
    """Return the names of the files directly below a prefix."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    names: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = ask(
            "s3:ListBucket",
            s3.list_objects_v2,
            Bucket=bucket,
            Prefix=prefix,
            Delimiter="/",
            ExpectedBucketOwner=owner,
            **token,
        )
        names += [found["Key"].removeprefix(prefix) for found in page.get("Contents", [])]
        if not page.get("IsTruncated"):
            return [name for name in names if name]
        token = {"ContinuationToken": page["NextContinuationToken"]}


def _problem(names: Sequence[str]) -> str:
    """Return the problem with a model's files; empty for none."""
    packed = [name for name in names if name.endswith((".tar.gz", ".tgz"))]
    missing = [] if "config.json" in names else ["config.json"]
    missing += [] if any(name.endswith(".safetensors") for name in names) else ["*.safetensors"]
    if not names:
        return "there are no files below it"
    if missing and packed:
        return f"{packed[0]} is packed: unpack it, and declare where the files are"
    return f"there is no {' and no '.join(missing)} directly below it" if missing else ""
