"""ARNs, written in Python: `Stack.format_arn` would ask Node.js for each."""

from typing import NamedTuple
from weakref import WeakKeyDictionary

from aws_cdk import Stack
from constructs import IConstruct


class Place(NamedTuple):
    """Partition, region, account and name of a stack; each is a token where only a deployment knows it."""

    partition: str
    region: str
    account: str
    stack_name: str


_PLACES: WeakKeyDictionary[IConstruct, Place] = WeakKeyDictionary()


def place_of(scope: IConstruct) -> Place:
    """Return the place of a construct's stack; a stack, or a construct that was asked before, costs no call."""
    found = _PLACES.get(scope)
    if found is None:
        stack = scope if isinstance(scope, Stack) else Stack.of(scope)
        found = _PLACES.get(stack) or Place(stack.partition, stack.region, stack.account, stack.stack_name)
        _PLACES[stack] = _PLACES[scope] = found
    return found


def arn(scope: IConstruct, service: str, resource: str, *, account: str | None = None) -> str:
    """Return the ARN of a resource in the region of a construct's stack.

    Args:
        scope: A construct of the stack.
        service: Such as `sagemaker`.
        resource: Type and name as the service writes them, such as `endpoint/dev-mistral-7b`.
        account: Owner of the resource; the stack's account by default.
    """
    place = place_of(scope)
    return f"arn:{place.partition}:{service}:{place.region}:{place.account if account is None else account}:{resource}"


def bucket_arn(scope: IConstruct, name: str) -> str:
    """Return the ARN of an S3 bucket, which has neither region nor account in it."""
    return f"arn:{place_of(scope).partition}:s3:::{name}"
