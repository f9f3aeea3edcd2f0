"""Resource types that one call creates and one call deletes, declared as a table of operations and parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.resources.base import Attributes, Context, Handler, Properties, call

Parameters = Callable[[str, Properties], Mapping[str, Any]]
"""Returns the parameters of an operation for a physical id and the properties."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A call of a service.

    Attributes:
        name: Name of the operation in boto3.
        parameters: The parameters.
    """

    name: str
    parameters: Parameters


class Declared(Handler):
    """Handles one such type."""

    def __init__(
        self,
        type_name: str,
        *,
        service: str,
        applied: set[str],
        create: Operation,
        delete: Operation,
        update: Operation | None = None,
        named_by: str | None = None,
        answered: str | None = None,
        attribute: str | None = None,
    ) -> None:
        """Declare the type; its physical id is generated unless a property or the answer is it.

        Args:
            type_name: The resource type.
            service: Name of its service in boto3.
            applied: Its properties.
            create: The call that creates it.
            delete: The call that deletes it.
            update: The call that changes it; None: every property takes a new resource.
            named_by: The property that is the physical id.
            answered: The member of the answer to `create` that is the physical id.
            attribute: The attribute that is the physical id, too.
        """
        self.type_name = type_name  # type: ignore[misc] # a class variable of handlers that are classes
        self.applied = frozenset(applied)  # type: ignore[misc] # likewise
        self._service, self._create, self._delete, self._update = service, create, delete, update
        self._named_by, self._answered, self._attribute = named_by, answered, attribute

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the resource."""
        name = properties[self._named_by] if self._named_by else context.generated_name()
        made = self._call(self._create, context, name, properties)
        context.physical_id = str(made[self._answered] if self._answered else name)
        return self._attributes(context)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Change the resource, where there is a call for it."""
        if self._update is not None:
            self._call(self._update, context, str(context.physical_id), new)
        return self._attributes(context)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the resource."""
        self._call(self._delete, context, str(context.physical_id), properties)

    def _call(self, operation: Operation, context: Context, name: str, properties: Properties) -> dict[str, Any]:
        return call(context.client(self._service), operation.name, **operation.parameters(name, properties))

    def _attributes(self, context: Context) -> Attributes:
        return {self._attribute: context.physical_id} if self._attribute else {}
