"""Deletes resources and stacks."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from localaws.cloudformation.errors import reason_of
from localaws.cloudformation.stack import Stack, StackResource
from localaws.cloudformation.store import Store
from localaws.resources import handler_for
from localaws.resources.base import Context, is_missing


def delete(*, stack: Stack, store: Store) -> None:
    """Delete a stack and all its resources but the retained ones."""
    stack.operation_id = str(uuid.uuid4())
    stack.enter("DELETE_IN_PROGRESS", "User Initiated")
    used = store.exports_in_use(stack)
    if used:
        users = ", ".join(sorted({user.name for export in used for user in store.importers(export)}))
        names = ", ".join(export.name for export in used)
        stack.enter("DELETE_FAILED", f"Export {names} cannot be deleted as it is in use by {users}")
        return
    failed = remove_all(stack, creation=False)
    if failed:
        stack.enter("DELETE_FAILED", failed_to_delete(failed))
        return
    stack.outputs = ()
    stack.imports = set()
    stack.deleted = datetime.now(UTC)
    stack.enter("DELETE_COMPLETE")
    store.bury(stack)


def remove(stack: Stack, resource: StackResource, *, retain: bool) -> bool:
    """Delete one resource, unless it is to be retained; return whether it is gone from the stack."""
    event: dict[str, Any] = {
        "logical_id": resource.logical_id,
        "resource_type": resource.type,
        "physical_id": resource.physical_id,
    }
    if retain:
        stack.record(**event, status="DELETE_SKIPPED")
        return True
    stack.record(**event, status="DELETE_IN_PROGRESS")
    try:
        handler_for(resource.type).delete(context_of(stack, resource), resource.properties)
    except Exception as error:
        if not is_missing(error):
            resource.status, resource.reason = "DELETE_FAILED", reason_of(error)
            stack.record(**event, status="DELETE_FAILED", reason=resource.reason)
            return False
    stack.record(**event, status="DELETE_COMPLETE")
    return True


def remove_all(stack: Stack, *, creation: bool) -> list[str]:
    """Delete the stack's resources, the last created first; return the logical ids of those that stay.

    Args:
        stack: The stack of the resources.
        creation: Whether this undoes the stack's creation, when RetainExceptOnCreate deletes.
    """
    keeping = ("Retain",) if creation else ("Retain", "RetainExceptOnCreate")
    failed = []
    for logical_id, resource in reversed(list(stack.resources.items())):
        if remove(stack, resource, retain=resource.deletion_policy in keeping):
            del stack.resources[logical_id]
        else:
            failed.append(logical_id)
    return failed


def failed_to_delete(logical_ids: list[str]) -> str:
    """Return the reason of a stack whose resources could not all be deleted."""
    return f"The following resource(s) failed to delete: [{', '.join(logical_ids)}]."


def context_of(stack: Stack, resource: StackResource) -> Context:
    """Return what the handler of a deployed resource needs to know."""
    return Context(
        stack=stack,
        logical_id=resource.logical_id,
        resource_type=resource.type,
        physical_id=resource.physical_id,
        attributes=dict(resource.attributes),
    )
