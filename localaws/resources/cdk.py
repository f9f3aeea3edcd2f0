"""Resources of the CDK itself."""

from __future__ import annotations

from typing import ClassVar

from localaws.resources.base import Attributes, Context, Handler, Properties


class Metadata(Handler):
    """`AWS::CDK::Metadata`: a resource of the template only; it reports to AWS which constructs were used."""

    type_name = "AWS::CDK::Metadata"
    applied = frozenset()
    without_effect: ClassVar = {"Analytics": "counted by AWS, which is not asked here"}

    def problems(self, properties: Properties) -> list[str]:
        """Return the unknown properties; the type has no schema."""
        return [f"[#: extraneous key [{name}] is not permitted]" for name in properties if name != "Analytics"]

    def replacing(self, old: Properties, new: Properties) -> list[str]:
        """Return nothing: it is always updated in place."""
        return []

    def identifier(self) -> tuple[str, ...]:
        """Return nothing: it has no name of its own."""
        return ()

    def attribute_names(self) -> frozenset[str] | None:
        """Return nothing: it has no attributes."""
        return frozenset()

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Give it an id."""
        context.physical_id = context.generated_name()
        return {}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Change nothing."""
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Change nothing."""


HANDLERS = (Metadata(),)
