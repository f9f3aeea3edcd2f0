"""All stacks of this process, and what they export to each other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.stack import Output, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A value that a stack offers to the other stacks of its region."""

    name: str
    value: str
    stack: Stack


class Store:
    """Stacks by region and name; deleted ones by id only, as in CloudFormation."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._live: dict[tuple[str, str], Stack] = {}
        self._deleted: dict[str, Stack] = {}

    def find(self, region: str, name_or_id: str) -> Stack:
        """Return the stack of that name in the region, or of that id.

        Raises:
            TemplateError: If there is none.
        """
        with self._lock:
            stack = self._live.get((region, name_or_id)) or self._deleted.get(name_or_id)
            if stack is None:
                stack = next((live for live in self._live.values() if live.id == name_or_id), None)
        if stack is None or stack.region != region:
            raise TemplateError(f"Stack with id {name_or_id} does not exist")
        return stack

    def find_or_none(self, region: str, name_or_id: str) -> Stack | None:
        """Return the live stack of that name or id, or None."""
        try:
            stack = self.find(region, name_or_id)
        except TemplateError:
            return None
        return None if stack.deleted else stack

    def add(self, stack: Stack) -> None:
        """Make the stack known.

        Raises:
            TemplateError: If its region has one of that name.
        """
        with self._lock:
            if (stack.region, stack.name) in self._live:
                raise TemplateError(f"Stack [{stack.name}] already exists")
            self._live[stack.region, stack.name] = stack

    def bury(self, stack: Stack) -> None:
        """Store a deleted stack under its id only."""
        with self._lock:
            self._live.pop((stack.region, stack.name), None)
            self._deleted[stack.id] = stack

    def stacks(self, region: str, *, with_deleted: bool = False) -> list[Stack]:
        """Return the stacks of a region, the oldest first."""
        with self._lock:
            found = [stack for stack in self._live.values() if stack.region == region]
            if with_deleted:
                found += [stack for stack in self._deleted.values() if stack.region == region]
        return sorted(found, key=lambda stack: stack.created)

    def exports(self, region: str) -> list[Export]:
        """Return what the stacks of a region export."""
        return list(self._exports(region))

    def _exports(self, region: str) -> Iterator[Export]:
        for stack in self.stacks(region):
            for output in stack.outputs:
                if output.export_name is not None:
                    yield Export(name=output.export_name, value=output.value, stack=stack)

    def importers(self, export: Export) -> list[Stack]:
        """Return the stacks that use an export."""
        return [stack for stack in self.stacks(export.stack.region) if export.name in stack.imports]

    def imported(self, region: str, export_name: str) -> str:
        """Return the value of an export.

        Raises:
            TemplateError: If nothing is exported under that name.
        """
        for export in self._exports(region):
            if export.name == export_name:
                return export.value
        raise TemplateError(f"No export named {export_name} found.")

    def exports_in_use(self, stack: Stack) -> list[Export]:
        """Return the exports of a stack that other stacks use."""
        return [
            export
            for export in self._exports(stack.region)
            if export.stack is stack and any(user is not stack for user in self.importers(export))
        ]

    def check_exports(self, stack: Stack, outputs: tuple[Output, ...]) -> None:
        """Check the outputs that `stack` is about to have against everything else.

        Raises:
            TemplateError: If an export's name is taken by another stack, or one in use would change or vanish.
        """
        new = {output.export_name: output.value for output in outputs if output.export_name is not None}
        problems = [
            f"Export with name {export.name} is already exported by stack {export.stack.name}. "
            "Rule: Exports must be unique across a given region"
            for export in self._exports(stack.region)
            if export.stack is not stack and export.name in new
        ]
        for export in self.exports_in_use(stack):
            users = ", ".join(user.name for user in self.importers(export))
            if export.name not in new:
                problems.append(f"Export {export.name} cannot be deleted as it is in use by {users}")
            elif new[export.name] != export.value:
                problems.append(f"Export {export.name} cannot be updated as it is in use by {users}")
        if problems:
            raise TemplateError("; ".join(problems))
