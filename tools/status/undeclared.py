"""Stacks that are deployed and no longer declared: found by name, looked at, and deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from tools import aws
from tools.account import questions
from tools.deployed import (
    DeclaredStack,
    NamedStack,
    UnknownStackError,
    all_declared_stacks,
    declared_stack,
    declared_stacks,
)
from tools.keys import Key, left_behind
from tools.keys import keys as keys_of
from tools.status.found import FoundStack, found_stacks
from tools.status.report import declared_regions, region_option, unknown
from tools.status.serving import Serving, serving

_RETAINING = {"Retain", "RetainExceptOnCreate"}
_POLL_SECONDS = 3.0
# A stack may show the status of before for a moment.
_LOOKS_UNTIL_BEGUN = 2


class RemovalError(RuntimeError):
    """CloudFormation did not delete a stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Consequences of a deletion.

    Attributes:
        resources: Number of its resources.
        kept: Type and name of each resource that its template retains.
        keys: The callers' keys, which belong to no stack.
        serving: What serves the model.
    """

    resources: int
    kept: Sequence[tuple[str, str]]
    keys: Sequence[Key]
    serving: Serving | None


def find(path: str, *, region: str | None = None) -> FoundStack:
    """Find a deployed stack that is not declared there.

    Args:
        path: Such as `dev/mistral-7b-old`.
        region: The region to look at; by default all that the declarations name.

    Raises:
        UnknownStackError: If there is none, or in several regions.
        botocore.exceptions.BotoCoreError: If CloudFormation does not answer.
        botocore.exceptions.ClientError: If it refuses.
    """
    places = [region] if region else declared_regions(aws.account())
    found = [stack for place in places for stack in found_stacks(place, questions.make_client)]
    named = [stack for stack in found if stack.path == path]
    if not named:
        raise unknown(path, found, places)
    if named[1:]:
        regions = " or ".join(f"--region {stack.region}" for stack in named)
        raise UnknownStackError(f"{path!r} is deployed in several regions: name one by {regions}")
    return named[0]


def find_all(environment: str, *, region: str | None = None) -> list[FoundStack]:
    """Find the deployed stacks of an environment that are not declared where they are.

    Args:
        environment: Such as `qa`.
        region: The region to look at; by default all that the declarations name.

    Raises:
        UnknownStackError: If there are none.
        botocore.exceptions.BotoCoreError: If CloudFormation does not answer.
        botocore.exceptions.ClientError: If it refuses.
    """
    places = [region] if region else declared_regions(aws.account())
    found = [stack for place in places for stack in found_stacks(place, questions.make_client)]
    lost = [
        stack
        for stack in found
        if stack.environment_name == environment and declared_there(stack.path, stack.region) is None
    ]
    if not lost:
        raise unknown(environment, found, places)
    return lost


def not_declared(what: str) -> str:
    """Return the sentence that an environment or a path is not declared, with the names that are like it."""
    try:
        if "/" in what:
            declared_stack(what)
        else:
            declared_stacks(what)
    except UnknownStackError as error:
        said = str(error)
        return said if said.endswith("?") else f"{said}."
    return f"{what!r} is declared in another region."


def find_for_keys(path: str, *, region: str | None = None) -> NamedStack:
    """Find a stack whose keys are looked for: a deployed one, or one that is gone and left keys.

    Args:
        path: Such as `dev/mistral-7b-old`.
        region: The region to look at; by default all that the declarations name.

    Raises:
        UnknownStackError: If there is neither a stack nor a key, or in several regions.
        botocore.exceptions.BotoCoreError: If AWS does not answer.
        botocore.exceptions.ClientError: If it refuses.
    """
    try:
        return find(path, region=region)
    except UnknownStackError:
        places = [region] if region else declared_regions(aws.account())
        for place in places:
            gone = NamedStack(path=path, stack_name=path.replace("/", "-", 1), region=place)
            if left_behind(gone):
                return gone
        raise


def declared_there(path: str, region: str | None) -> DeclaredStack | None:
    """Return the declared stack of a path, in a region if one is named; None where none is declared there."""
    return next((one for one in all_declared_stacks() if one.path == path and region in {None, one.region}), None)


def removal(stack: FoundStack) -> Removal:
    """Return what would become of a stack; nothing is changed.

    Raises:
        RemovalError: If its template is none of this app's.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    cloudformation = questions.make_client("cloudformation", region=stack.region)
    template = cloudformation.get_template(StackName=stack.stack_name)["TemplateBody"]
    if not _is_of_the_app(template, stack.model_name):
        raise RemovalError(
            f"{stack.stack_name} has the name and the description of a model's stack, and no resource with the tag "
            "that this app gives its own: nothing was deleted"
        )
    declared: Mapping[str, Any] = template["Resources"]
    there = _resources(cloudformation, stack)
    kept = [
        (row["ResourceType"], row.get("PhysicalResourceId", row["LogicalResourceId"]))
        for row in there
        if declared.get(row["LogicalResourceId"], {}).get("DeletionPolicy") in _RETAINING
    ]
    return Removal(
        resources=len(there), kept=sorted(kept), keys=keys_of(stack), serving=serving(stack, questions.make_client)
    )


def described(stack: FoundStack, found: Removal) -> Iterator[str]:
    """Say what would be deleted with a stack and what would stay, a line each."""
    yield f"{stack.path} is not declared any more; CloudFormation would delete its stack:"
    yield f"  {stack.stack_name} in {stack.region}, account {stack.account}: {found.resources} resources"
    yield f"  {stack.model}: {found.serving or 'nothing serves it'}"
    for kind, name in found.kept:
        yield f"  stays, as its template says: {kind} {name}"
    if found.keys:
        names = ", ".join(key.name for key in found.keys)
        revoke = f"./jumpstack keys revoke {stack.path} --all{region_option(stack)}"
        yield f"  stay, and open nothing then: keys {names}; {revoke} deletes them"
    if found.serving is not None and found.serving.by == "endpoint":
        yield f"  stays: SageMaker's log group /aws/sagemaker/Endpoints/{found.serving.name}"


def delete(
    stack: FoundStack,
    *,
    report: Callable[[str], None],
    poll_seconds: float = _POLL_SECONDS,
) -> None:
    """Delete a stack and wait for the end.

    CloudFormation deletes with the role that deployed the stack: the bootstrap's.

    Args:
        stack: The stack.
        report: Takes a line whenever something has changed.
        poll_seconds: Time between two looks.

    Raises:
        RemovalError: If CloudFormation does not delete all of it.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    cloudformation = questions.make_client("cloudformation", region=stack.region)
    cloudformation.delete_stack(StackName=stack.stack_id)
    said = ""
    for look in count():
        # A stack that is gone is known by its id only.
        now = cloudformation.describe_stacks(StackName=stack.stack_id)["Stacks"][0]
        if now["StackStatus"] == "DELETE_COMPLETE":
            return
        began = look >= _LOOKS_UNTIL_BEGUN or now["StackStatus"] != stack.status
        if began and not now["StackStatus"].endswith("_IN_PROGRESS"):
            raise RemovalError(
                f"{stack.path} is not gone, it is {now['StackStatus']}: {now.get('StackStatusReason', 'no reason')}"
            )
        left = len(_resources(cloudformation, stack))
        if (line := f"{now['StackStatus']}, {left} resources are left") != said:
            said = line
            report(said)
        time.sleep(poll_seconds)


def _is_of_the_app(template: Any, model: str) -> bool:
    # Outputs are no proof: a stack whose creation failed has none, and name and description are anybody's to choose.
    if not isinstance(template, dict):
        return False
    tags = [one.get("Properties", {}).get("Tags", []) for one in template.get("Resources", {}).values()]
    return any(isinstance(group, list) and {"Key": "model", "Value": model} in group for group in tags)


def _resources(cloudformation: Any, stack: FoundStack) -> list[Mapping[str, Any]]:
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.stack_id)
    try:
        rows = [row for page in pages for row in page["StackResourceSummaries"]]
    except ClientError as error:
        # CloudFormation's answer where the stack has just gone.
        if "does not exist" in str(error):
            return []
        raise
    return [row for row in rows if row["ResourceStatus"] != "DELETE_COMPLETE"]
