"""The releases of a fine-tuned model that are still there, and going back to one of them."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from model_import.contract import TAG
from model_import.names import is_version_of
from tools.deployed import DeclaredStack
from tools.finetune.pipeline import (
    NONE,
    FineTuningError,
    client,
    endpoint,
    is_imported,
    machine,
    pointed,
    start_execution,
)
from training.contract import RELEASE, ROLLBACK, SERVE, VERSION_DIGITS
from training.releases import release_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release that can be served.

    Attributes:
        name: Its name: a version, and for an endpoint a hash of the serving settings.
        created: The time at which it was registered, or imported.
        served: Whether it is served.
        previous: Whether a rollback would serve it.
        job: The training job of its weights, where it is known.
        data: The data of that job, where it is known.
        arn: ARN of the imported model, where Bedrock serves.
    """

    name: str
    created: datetime
    served: bool
    previous: bool
    job: str | None = None
    data: str | None = None
    arn: str | None = None

    @property
    def role(self) -> str:
        """`served`, `previous` or nothing."""
        return "served" if self.served else "previous" if self.previous else ""

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "release": self.name,
            "created": self.created.astimezone(UTC).isoformat(timespec="seconds"),
            "served": self.served,
            "previous": self.previous,
            "job": self.job,
            "data": self.data,
            "importedModelArn": self.arn,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """Plan of a rollback.

    Attributes:
        served: The release that is served now, `none` where there is none.
        to: The release that will be served.
        forward: Whether that one is newer than the served one: it was rolled back from.
        given: The execution's input.
    """

    served: str
    to: str
    forward: bool
    given: dict[str, str]


def releases(stack: DeclaredStack) -> list[Release]:
    """List the releases that are still there, the newest first.

    Raises:
        FineTuningError: If the stack is none of a fine-tuned model.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    pointers = pointed(stack, "served"), pointed(stack, "previous")
    found = _imported(stack, *pointers) if is_imported(stack) else _registered(stack, *pointers)
    return sorted(found, key=lambda one: one.created, reverse=True)


def plan_rollback(stack: DeclaredStack, *, to: str | None = None) -> Rollback:
    """Work out what a rollback does, and refuse what its run would refuse.

    Args:
        stack: The stack, deployed.
        to: The release to serve, or the beginning of its name; None for the one before.

    Raises:
        FineTuningError: If there is no such release, or it is served already.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    there = releases(stack)
    served, previous = pointed(stack, "served"), pointed(stack, "previous")
    if to is None and previous == NONE:
        what = "nothing is served yet" if served == NONE else f"no release was served before {served}"
        raise FineTuningError(f"{what}{_allowed(stack, there)}")
    found = _find(stack, there, to) if to is not None else next((one for one in there if one.name == previous), None)
    if found is None:
        raise FineTuningError(f"the release before, {previous}, is not there any more{_allowed(stack, there)}")
    if found.name == served and _is_live(stack, served):
        raise FineTuningError(f"release {served} is served already{_allowed(stack, there)}")
    now = next((one for one in there if one.name == served), None)
    forward = now is not None and found.created > now.created
    if to is None or found.name == previous:
        return Rollback(served=served, to=found.name, forward=forward, given={"action": ROLLBACK})
    if not _takes_a_release(stack):
        raise FineTuningError(
            f"--to {found.name}: the deployed pipeline is of an earlier version and goes back to the release before "
            f"only, {previous}: ./jumpstack deploy {stack.path.replace('/', ' ')} updates it"
        )
    return Rollback(served=served, to=found.name, forward=forward, given={"action": SERVE, RELEASE: found.name})


def rollback(stack: DeclaredStack, plan: Rollback | None = None) -> str:
    """Start a run that serves another release, and return its ARN.

    Args:
        stack: The stack, deployed.
        plan: The plan; None plans to go to the release before.

    Raises:
        FineTuningError: If there is no such release.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    return start_execution(stack, (plan or plan_rollback(stack)).given)


def _find(stack: DeclaredStack, there: list[Release], to: str) -> Release:
    exact = [one for one in there if one.name == to]
    found = exact or [one for one in there if to and one.name.startswith(to)]
    if len(found) == 1:
        return found[0]
    what = "several releases begin so" if found else "there is no such release"
    raise FineTuningError(f"--to is {to!r}: {what}{_allowed(stack, there)}")


def _allowed(stack: DeclaredStack, there: list[Release]) -> str:
    names = ", ".join(f"{one.name} ({one.role})" if one.role else one.name for one in there)
    if not names:
        return f"; no release is there: ./jumpstack finetune start {stack.path} trains one"
    again = "one that was deleted comes back by a training with its data and settings, which finds the finished job"
    return f"; there are {names}: ./jumpstack finetune releases {stack.path}\n{again}"


def _is_live(stack: DeclaredStack, release: str) -> bool:
    """Return whether the endpoint has the release: a run that was stopped may have left another there."""
    if is_imported(stack):
        return True
    live = endpoint(stack)
    return live is None or live.get("EndpointConfigName") in (None, f"{stack.stack_name}-{release}")


def _takes_a_release(stack: DeclaredStack) -> bool:
    described = client(stack, "stepfunctions").describe_state_machine(stateMachineArn=machine(stack))
    return f'"$.{RELEASE}"' in described["definition"]


def _registered(stack: DeclaredStack, served: str, previous: str) -> Iterator[Release]:
    sagemaker = client(stack, "sagemaker")
    for name in release_names(sagemaker, stack.stack_name, kind="EndpointConfig"):
        release = name.removeprefix(f"{stack.stack_name}-")
        weights = None
        # A model that is gone, or that the caller may not see, leaves out what it would say.
        with suppress(ClientError):
            container = sagemaker.describe_model(ModelName=name).get("PrimaryContainer", {})
            weights = container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri")
        job = _job_of(stack, weights)
        yield Release(
            name=release,
            created=sagemaker.describe_endpoint_config(EndpointConfigName=name)["CreationTime"],
            served=release == served,
            previous=release == previous,
            job=job,
            data=_data_of(stack, job),
        )


def _imported(stack: DeclaredStack, served: str, previous: str) -> Iterator[Release]:
    bedrock = client(stack, "bedrock")
    pages = bedrock.get_paginator("list_imported_models").paginate(nameContains=stack.stack_name)
    for summary in [one for page in pages for one in page["modelSummaries"]]:
        if not is_version_of(stack.stack_name, summary["modelName"]) or not _is_own(bedrock, stack, summary):
            continue
        release = summary["modelName"][-VERSION_DIGITS:]
        weights = None
        with suppress(ClientError):
            described = bedrock.get_imported_model(modelIdentifier=summary["modelArn"])
            weights = described.get("modelDataSource", {}).get("s3DataSource", {}).get("s3Uri")
        job = _job_of(stack, weights)
        yield Release(
            name=release,
            created=summary["creationTime"],
            served=release == served,
            previous=release == previous,
            job=job,
            data=_data_of(stack, job),
            arn=summary["modelArn"],
        )


def _is_own(bedrock: Any, stack: DeclaredStack, summary: dict[str, Any]) -> bool:
    tags = bedrock.list_tags_for_resource(resourceARN=summary["modelArn"])["tags"]
    return {"key": TAG, "value": stack.stack_name} in tags


def _job_of(stack: DeclaredStack, weights: str | None) -> str | None:
    """Return the job in the prefix of weights, a folder of whose path has the job's name."""
    pattern = re.compile(rf"{re.escape(stack.stack_name)}-[0-9a-f]{{{VERSION_DIGITS}}}(-\d+)?")
    return next((part for part in (weights or "").split("/") if pattern.fullmatch(part)), None)


def _data_of(stack: DeclaredStack, job: str | None) -> str | None:
    if job is None:
        return None
    with suppress(ClientError):
        described = client(stack, "sagemaker").describe_training_job(TrainingJobName=job)
        places = [
            channel["DataSource"]["S3DataSource"]["S3Uri"]
            for channel in described.get("InputDataConfig", [])
            if channel["ChannelName"] in ("training", "train") and "S3DataSource" in channel.get("DataSource", {})
        ]
        return next(iter(places), None)
    return None
