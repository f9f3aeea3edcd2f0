"""Changes that a revision makes to a stack: the body of a change set."""

from __future__ import annotations

from typing import Any

from localaws.cloudformation.dependencies import creation_order
from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.evaluation import (
    PlannedSurroundings,
    active_resources,
    check_template,
    evaluator,
    tagged,
)
from localaws.cloudformation.intrinsics import UNKNOWN, Evaluator
from localaws.cloudformation.stack import Revision, Stack, StackResource
from localaws.cloudformation.store import Store
from localaws.cloudformation.template import ResourceDeclaration
from localaws.resources import handler_for

Change = dict[str, Any]
"""A `Change` of the DescribeChangeSet API."""


def plan(*, stack: Stack, revision: Revision, store: Store) -> list[Change]:
    """Return what the revision would add to, modify in and remove from the stack.

    Raises:
        TemplateError: If the revision cannot be deployed.
    """
    template = revision.template
    check_template(template)
    _refuse_type_changes(stack, revision)
    surroundings = PlannedSurroundings(stack=stack, store=store, template=template)
    evaluate = evaluator(stack=stack, revision=revision, surroundings=surroundings)
    active = active_resources(template, evaluate)
    changes = []
    for logical_id in creation_order(template, active):
        declaration = template.resources[logical_id]
        current = stack.resources.get(logical_id)
        if current is None:
            # Only for its errors: an import without export, a missing mapping.
            evaluate.evaluate(dict(declaration.properties))
            changes.append(_change("Add", logical_id=logical_id, resource_type=declaration.type))
            continue
        change = _modification(declaration, current, evaluate, revision)
        if change is not None:
            changes.append(change)
            if change["ResourceChange"]["Replacement"] != "False":
                surroundings.unknown.add(logical_id)
    for logical_id, current in stack.resources.items():
        if logical_id not in active:
            changes.append(
                _change(
                    "Remove",
                    logical_id=logical_id,
                    resource_type=current.type,
                    physical_id=current.physical_id,
                    PolicyAction="Delete" if current.deletion_policy == "Delete" else "Retain",
                )
            )
    return changes


def is_empty(*, stack: Stack, revision: Revision, changes: list[Change]) -> bool:
    """Return whether the revision is what the stack has already."""
    deployed = stack.revision
    return (
        not changes
        and deployed is not None
        and revision.template.outputs == deployed.template.outputs
        and _policies(revision) == _policies(deployed)
        and list(revision.tags) == list(deployed.tags)
    )


def _policies(revision: Revision) -> dict[str, tuple[str, str]]:
    return {
        logical_id: (declaration.deletion_policy, declaration.update_replace_policy)
        for logical_id, declaration in revision.template.resources.items()
    }


def _refuse_type_changes(stack: Stack, revision: Revision) -> None:
    changed = [
        logical_id
        for logical_id, declaration in revision.template.resources.items()
        if logical_id in stack.resources and stack.resources[logical_id].type != declaration.type
    ]
    if changed:
        raise TemplateError(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            f"resources: [{', '.join(changed)}]"
        )


def _modification(
    declaration: ResourceDeclaration, current: StackResource, evaluate: Evaluator, revision: Revision
) -> Change | None:
    new = tagged(declaration, evaluate.evaluate(dict(declaration.properties)), revision.tags)
    changed = sorted(name for name in {*new, *current.properties} if new.get(name) != current.properties.get(name))
    if not changed:
        return None
    replacing = set(handler_for(declaration.type).replacing(current.properties, new))
    unknown = {name for name in changed if UNKNOWN in str(new.get(name))}
    replaced = "Conditional" if replacing <= unknown else "True"
    details = [
        {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if name in replacing else "Never",
            },
            "Evaluation": "Dynamic" if name in unknown else "Static",
            "ChangeSource": "DirectModification",
        }
        for name in changed
    ]
    return _change(
        "Modify",
        logical_id=declaration.logical_id,
        resource_type=declaration.type,
        physical_id=current.physical_id,
        Replacement=replaced if replacing else "False",
        Scope=["Properties"],
        Details=details,
    )


def _change(action: str, *, logical_id: str, resource_type: str, physical_id: str | None = None, **more: Any) -> Change:
    change = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": resource_type, **more}
    if physical_id is not None:
        change["PhysicalResourceId"] = physical_id
    return {"Type": "Resource", "ResourceChange": change}
