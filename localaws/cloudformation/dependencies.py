"""In which order the resources of a template are created."""

from __future__ import annotations

from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter

from localaws.cloudformation.errors import TemplateError
from localaws.cloudformation.intrinsics import references
from localaws.cloudformation.template import Template


def creation_order(template: Template, active: Collection[str]) -> list[str]:
    """Return the logical ids in `active`, each after those it refers to or names in DependsOn.

    Args:
        template: The template.
        active: The logical ids of the resources whose condition holds.

    Raises:
        TemplateError: If resources depend on each other in a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for logical_id in active:
        declaration = template.resources[logical_id]
        needed = references(declaration.properties) | set(declaration.depends_on)
        # Sorted, so that the same template is always deployed in the same order.
        sorter.add(logical_id, *sorted(name for name in needed if name in active))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = ", ".join(dict.fromkeys(error.args[1]))
        raise TemplateError(f"Circular dependency between resources: [{circle}]") from error
