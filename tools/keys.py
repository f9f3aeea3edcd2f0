"""Keys for the callers of a model. API Gateway makes them; nothing but it and the caller ever stores one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tools.deployed import DeclaredStack, NamedStack, NotDeployedError, outputs
from tools.retired import retired

# Characters that need no quotes in shells and logs; API Gateway takes 1024 characters of any kind.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_NAME_FORM = "1 to 64 letters, digits, dots, hyphens, underscores and @, a letter or digit first"


class ApiKeyError(ValueError):
    """A key cannot be made, shown or revoked as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key without its value.

    Attributes:
        id: API Gateway's id of it.
        name: Its name within the stack.
        created: Time of its creation.
        enabled: Whether it is switched on.
        opens: Whether it is in the stack's usage plan; any other key opens nothing.
        used: Requests today, UTC; None where API Gateway has no figures.
        remaining: Requests that remain of the quota; None without a quota, or where API Gateway has no figures.
    """

    id: str
    name: str
    created: datetime
    enabled: bool
    opens: bool
    used: int | None = None
    remaining: int | None = None


def create(stack: DeclaredStack, name: str) -> str:
    """Make a key and put it into the stack's usage plan.

    Args:
        stack: The stack, deployed.
        name: The key's name within the stack.

    Returns:
        The key.

    Raises:
        ApiKeyError: If the name is wrong or taken, or the stack takes no keys.
        botocore.exceptions.ClientError: If AWS refuses.
    """
    if not _NAME.fullmatch(name):
        raise ApiKeyError(f"name is {name!r}: allowed are {_NAME_FORM}")
    plan_id = _usage_plan(stack)
    gateway = _gateway(stack)
    if any(key.name == name for key in keys(stack)):
        raise ApiKeyError(f"name is {name!r}: {stack.path} has a key of that name; revoke it first, or take another")
    made = gateway.create_api_key(
        name=f"{stack.stack_name}/{name}",
        description=f"calls {stack.path}",
        enabled=True,
        tags={"environment": stack.environment_name, "model": stack.model.name},
    )
    try:
        gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=made["id"], keyType="API_KEY")
    except ClientError:
        gateway.delete_api_key(apiKey=made["id"])
        raise
    return str(made["value"])


def keys(stack: NamedStack) -> list[Key]:
    """List the keys of a stack by their names: those of its usage plan, and those that a destroyed stack left."""
    gateway = _gateway(stack)
    prefix = f"{stack.stack_name}/"
    plan_id = _plan_or_none(stack)
    inside = {one["id"] for one in _pages(gateway, "get_usage_plan_keys", usagePlanId=plan_id)} if plan_id else set()
    usage = _usage(gateway, plan_id) if plan_id else {}
    found = []
    # Values are read for the figures alone, and go no further than this function.
    for one in _pages(gateway, "get_api_keys", includeValues=bool(usage)):
        if one["id"] in inside or str(one.get("name")).startswith(prefix):
            used, remaining = (None, None) if usage is None else _figures(usage, one)
            found.append(
                Key(
                    id=one["id"],
                    name=str(one.get("name")).removeprefix(prefix),
                    created=one["createdDate"],
                    enabled=bool(one.get("enabled")),
                    opens=one["id"] in inside,
                    used=used,
                    remaining=remaining,
                )
            )
    return sorted(found, key=lambda key: key.name)


def left_behind(stack: NamedStack) -> bool:
    """Return whether there are keys of a stack that is gone."""
    pages = _pages(_gateway(stack), "get_api_keys", nameQuery=f"{stack.stack_name}/")
    return any(str(one.get("name")).startswith(f"{stack.stack_name}/") for one in pages)


def revoke(stack: NamedStack, names: list[str] | None = None) -> list[str]:
    """Delete keys of a stack; the stack may be gone already.

    Args:
        stack: The stack.
        names: Names or ids; None for all.

    Returns:
        The names of the deleted keys.

    Raises:
        ApiKeyError: If the stack has no such key; then none is deleted.
    """
    there = keys(stack)
    if names is not None:
        unknown = sorted(set(names) - {key.name for key in there} - {key.id for key in there})
        if unknown:
            known = ", ".join(key.name for key in there) or "none"
            raise ApiKeyError(f"name is {unknown[0]!r}: the keys of {stack.path} are {known}")
        there = [key for key in there if key.name in names or key.id in names]
    gateway, plan_id = _gateway(stack), _plan_or_none(stack)
    for key in there:
        if key.opens:
            gateway.delete_usage_plan_key(usagePlanId=plan_id, keyId=key.id)
        gateway.delete_api_key(apiKey=key.id)
    return [key.name for key in there]


def _gateway(stack: NamedStack) -> Any:
    return boto3.client("apigateway", region_name=stack.region)


def _usage_plan(stack: DeclaredStack) -> str:
    if not stack.takes_keys:
        raise ApiKeyError(
            f"{stack.path} takes IAM credentials, no keys: its environment's front_door declares no api_keys"
        )
    plan_id = outputs(stack).get("UsagePlanId")
    if plan_id is None:
        raise ApiKeyError(f"{stack.path} takes keys, but what is deployed does not yet: deploy it again")
    return plan_id


def _plan_or_none(stack: NamedStack) -> str | None:
    """Return the usage plan's id; None where there is no such stack, or where it takes no keys."""
    try:
        return outputs(stack).get("UsagePlanId")
    except NotDeployedError:
        return None


def _pages(gateway: Any, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    for page in gateway.get_paginator(operation).paginate(**parameters):
        yield from page["items"]


def _usage(gateway: Any, plan_id: str) -> dict[str, tuple[int, int | None]] | None:
    """Return the requests of today and those that remain, by the keys' values or ids.

    botocore says of GetUsage's `items` that a key's value stands there. Nobody has seen it, so that ids are taken, too.
    None where API Gateway has no figures.
    """
    today = datetime.now(UTC).date().isoformat()
    has_quota = "quota" in gateway.get_usage_plan(usagePlanId=plan_id)
    usage = {}
    try:
        for page in gateway.get_paginator("get_usage").paginate(usagePlanId=plan_id, startDate=today, endDate=today):
            for key, days in page.get("items", {}).items():
                used, remaining = days[-1] if days else (0, None)
                usage[key] = (used, remaining if has_quota else None)
    except gateway.exceptions.BadRequestException:
        return None
    return usage


def _figures(usage: dict[str, tuple[int, int | None]], key: dict[str, Any]) -> tuple[int, int | None]:
    """Return the requests of a key and those that remain; 0 and None where the figures do not name it."""
    by_id = usage.get(key["id"], (0, None))
    return usage.get(str(key.get("value")), by_id)


if __name__ == "__main__":
    raise SystemExit(retired("tools.keys"))
