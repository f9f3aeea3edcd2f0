"""Creates, updates and rolls back stacks.

A stack's resources are worked on one after the other: each takes milliseconds here, and the events stay readable.
Stacks are independent of each other and may be worked on at the same time.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localaws.cloudformation.deletion import context_of, failed_to_delete, remove, remove_all
from localaws.cloudformation.dependencies import creation_order
from localaws.cloudformation.errors import CloudFormationError, ResourceError, reason_of
from localaws.cloudformation.evaluation import StackSurroundings, active_resources, evaluator, tagged
from localaws.cloudformation.intrinsics import Evaluator
from localaws.cloudformation.stack import Output, Revision, Stack, StackResource
from localaws.cloudformation.store import Store
from localaws.cloudformation.template import ResourceDeclaration
from localaws.resources import handler_for
from localaws.resources.base import Context, Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """A resource that a deployment changed: `before` is None for a new one."""

    before: StackResource | None
    after: StackResource

    @property
    def is_replacement(self) -> bool:
        return self.before is not None and self.before.physical_id != self.after.physical_id


class Deployment:
    """One create or update operation on one stack."""

    def __init__(self, *, stack: Stack, revision: Revision, store: Store) -> None:
        self._stack = stack
        self._revision = revision
        self._store = store
        self._surroundings = StackSurroundings(stack=stack, store=store)
        self._steps: list[_Step] = []
        self._creating = stack.revision is None
        self._order: list[str] = []

    def run(self) -> None:
        """Bring the stack to the revision, or, if anything fails, back to where it was."""
        stack = self._stack
        verb = "CREATE" if self._creating else "UPDATE"
        stack.operation_id = str(uuid.uuid4())
        if not self._creating:
            stack.updated = datetime.now(UTC)
        stack.enter(f"{verb}_IN_PROGRESS", "User Initiated")
        try:
            evaluate = evaluator(stack=stack, revision=self._revision, surroundings=self._surroundings)
            self._apply(evaluate)
            outputs = self._outputs(evaluate)
            self._store.check_exports(stack, outputs)
        except Exception as error:
            if self._creating:
                self._roll_back_creation(reason_of(error))
            else:
                self._roll_back_update(reason_of(error))
            return
        self._finish(verb, outputs)

    def _apply(self, evaluate: Evaluator) -> None:
        template = self._revision.template
        self._order = creation_order(template, active_resources(template, evaluate))
        for logical_id in self._order:
            declaration = template.resources[logical_id]
            try:
                self._converge(declaration, self._properties(declaration, evaluate))
            except Exception as error:
                verb = "create" if self._creating else "update"
                raise ResourceError(f"The following resource(s) failed to {verb}: [{logical_id}].") from error

    def _properties(self, declaration: ResourceDeclaration, evaluate: Evaluator) -> dict[str, Any]:
        try:
            return tagged(declaration, evaluate.evaluate(dict(declaration.properties)), self._revision.tags)
        except Exception as error:
            status = "UPDATE_FAILED" if declaration.logical_id in self._stack.resources else "CREATE_FAILED"
            self._record(declaration, "", status, reason_of(error))
            raise

    def _converge(self, declaration: ResourceDeclaration, properties: dict[str, Any]) -> None:
        current = self._stack.resources.get(declaration.logical_id)
        if current is None:
            self._create(declaration, properties, before=None)
        elif current.properties == properties:
            return
        elif handler_for(declaration.type).replacing(current.properties, properties):
            self._create(declaration, properties, before=current)
        else:
            self._update(declaration, properties, current)

    def _create(
        self, declaration: ResourceDeclaration, properties: dict[str, Any], *, before: StackResource | None
    ) -> None:
        verb = "CREATE" if before is None else "UPDATE"
        context = Context(stack=self._stack, logical_id=declaration.logical_id, resource_type=declaration.type)
        if before is None:
            self._record(declaration, "", "CREATE_IN_PROGRESS")
        else:
            self._record(
                declaration,
                before.physical_id,
                "UPDATE_IN_PROGRESS",
                "Requested update requires the creation of a new physical resource; hence creating one.",
            )
        try:
            handler = _checked(declaration, properties)
            if before is not None:
                _refuse_same_name(handler, before, properties)
            attributes = handler.create(context, properties)
        except Exception as error:
            if context.physical_id is not None:
                failed = _deployed(declaration, context.physical_id, properties, context.attributes, f"{verb}_FAILED")
                self._note(before, failed)
            self._record(declaration, context.physical_id or "", f"{verb}_FAILED", reason_of(error))
            raise
        if context.physical_id is None:
            raise ResourceError(f"the handler of {declaration.type} has set no physical id")
        self._note(before, _deployed(declaration, context.physical_id, properties, attributes, f"{verb}_COMPLETE"))
        self._record(declaration, context.physical_id, f"{verb}_COMPLETE")

    def _update(self, declaration: ResourceDeclaration, properties: dict[str, Any], current: StackResource) -> None:
        self._record(declaration, current.physical_id, "UPDATE_IN_PROGRESS")
        context = context_of(self._stack, current)
        try:
            attributes = _checked(declaration, properties).update(context, current.properties, properties)
        except Exception as error:
            failed = _deployed(declaration, current.physical_id, properties, current.attributes, "UPDATE_FAILED")
            self._note(current, failed)
            self._record(declaration, current.physical_id, "UPDATE_FAILED", reason_of(error))
            raise
        # A custom resource may answer with another physical id: it has replaced itself.
        physical_id = context.physical_id or current.physical_id
        self._note(current, _deployed(declaration, physical_id, properties, attributes, "UPDATE_COMPLETE"))
        self._record(declaration, physical_id, "UPDATE_COMPLETE")

    def _note(self, before: StackResource | None, after: StackResource) -> None:
        self._steps.append(_Step(before=before, after=after))
        self._stack.resources[after.logical_id] = after

    def _record(
        self, declaration: ResourceDeclaration, physical_id: str, status: str, reason: str | None = None
    ) -> None:
        self._stack.record(
            logical_id=declaration.logical_id,
            resource_type=declaration.type,
            physical_id=physical_id,
            status=status,
            reason=reason,
        )

    def _outputs(self, evaluate: Evaluator) -> tuple[Output, ...]:
        outputs = []
        for key, entry in self._revision.template.outputs.items():
            if "Condition" in entry and not evaluate.condition(entry["Condition"]):
                continue
            value = evaluate.evaluate(entry["Value"])
            if isinstance(value, dict | list):
                raise CloudFormationError(f"Template format error: the Value of output {key} must evaluate to text")
            name = evaluate.evaluate(entry["Export"]["Name"]) if "Export" in entry else None
            outputs.append(Output(key=key, value=str(value), description=entry.get("Description"), export_name=name))
        return tuple(outputs)

    def _finish(self, verb: str, outputs: tuple[Output, ...]) -> None:
        stack = self._stack
        stack.outputs = outputs
        stack.imports = self._surroundings.imports
        stack.revision = self._revision
        gone = [resource for logical_id, resource in reversed(stack.resources.items()) if logical_id not in self._order]
        # In the order of this template, whose reverse is the order of deletion, and with its policies.
        stack.resources = {logical_id: stack.resources[logical_id] for logical_id in self._order}
        for logical_id, resource in stack.resources.items():
            declaration = self._revision.template.resources[logical_id]
            resource.deletion_policy = declaration.deletion_policy
            resource.update_replace_policy = declaration.update_replace_policy
        replaced = [step.before for step in reversed(self._steps) if step.before and step.is_replacement]
        if gone or replaced:
            stack.enter(f"{verb}_COMPLETE_CLEANUP_IN_PROGRESS")
        # A clean-up that fails leaves the resource behind but the update stands, as in CloudFormation.
        for old in replaced:
            remove(stack, old, retain=old.update_replace_policy != "Delete")
        for old in gone:
            remove(stack, old, retain=old.deletion_policy != "Delete")
        stack.enter(f"{verb}_COMPLETE")

    def _roll_back_creation(self, reason: str) -> None:
        stack = self._stack
        stack.revision = self._revision
        stack.enter("ROLLBACK_IN_PROGRESS", f"{reason} Rollback requested by user.")
        failed = remove_all(stack, creation=True)
        if failed:
            stack.enter("ROLLBACK_FAILED", failed_to_delete(failed))
        else:
            stack.enter("ROLLBACK_COMPLETE")

    def _roll_back_update(self, reason: str) -> None:
        stack = self._stack
        stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason)
        superfluous: list[StackResource] = []
        failed: list[str] = []
        for step in reversed(self._steps):
            if step.before is None:
                del stack.resources[step.after.logical_id]
                superfluous.append(step.after)
                continue
            if step.is_replacement:
                superfluous.append(step.after)
            elif not self._restore(before=step.before, after=step.after):
                failed.append(step.after.logical_id)
            stack.resources[step.before.logical_id] = step.before
        stack.enter("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        for new in superfluous:
            remove(stack, new, retain=new.deletion_policy == "Retain")
        if failed:
            stack.enter("UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{', '.join(failed)}].")
        else:
            stack.enter("UPDATE_ROLLBACK_COMPLETE")

    def _restore(self, *, before: StackResource, after: StackResource) -> bool:
        """Give an updated resource its old properties again; False if that fails."""
        event: dict[str, Any] = {
            "logical_id": before.logical_id,
            "resource_type": before.type,
            "physical_id": before.physical_id,
        }
        self._stack.record(**event, status="UPDATE_IN_PROGRESS")
        try:
            handler = handler_for(before.type)
            handler.update(context_of(self._stack, before), after.properties, before.properties)
        except Exception as error:
            self._stack.record(**event, status="UPDATE_FAILED", reason=reason_of(error))
            return False
        self._stack.record(**event, status="UPDATE_COMPLETE")
        return True


def _deployed(
    declaration: ResourceDeclaration,
    physical_id: str,
    properties: Mapping[str, Any],
    attributes: Mapping[str, Any],
    status: str,
) -> StackResource:
    return StackResource(
        logical_id=declaration.logical_id,
        type=declaration.type,
        physical_id=physical_id,
        properties=properties,
        attributes=attributes,
        deletion_policy=declaration.deletion_policy,
        update_replace_policy=declaration.update_replace_policy,
        status=status,
    )


def _refuse_same_name(handler: Handler, current: StackResource, properties: Mapping[str, Any]) -> None:
    names = handler.identifier()
    if names and all(name in properties and properties[name] == current.properties.get(name) for name in names):
        raise ResourceError(
            "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
            f"Rename {current.physical_id} and update the stack again."
        )


def _checked(declaration: ResourceDeclaration, properties: Mapping[str, Any]) -> Handler:
    """Return the handler of a resource whose properties are in order.

    Raises:
        ResourceError: With everything that is wrong with the properties.
    """
    handler = handler_for(declaration.type)
    problems = handler.problems(properties)
    if problems:
        listed = "\n".join(problems)
        raise ResourceError(
            f"Properties validation failed for resource {declaration.logical_id} with message:\n{listed}"
        )
    return handler
