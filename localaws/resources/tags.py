"""Tags: one property of nearly every resource type, and a form of its own in nearly every API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localaws.resources.base import Context, Properties


def tag_map(properties: Properties) -> dict[str, str]:
    """Return a Tags property as a mapping."""
    return {tag["Key"]: str(tag["Value"]) for tag in properties.get("Tags", ())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """The form in which a service takes tags.

    Attributes:
        service: Name of the service in boto3.
        resource: The parameter that names the resource; where it begins in lower case, the others do too.
        members: The names of a tag's key and value in a list; None: tags are a mapping.
        add: The operation that sets tags.
        remove: The operation that removes tags by their keys.
    """

    service: str
    resource: str
    members: tuple[str, str] | None = ("Key", "Value")
    add: str = "tag_resource"
    remove: str = "untag_resource"

    def given(self, properties: Properties) -> Any:
        """Return the Tags property as the service takes it; None where there are no tags."""
        tags = tag_map(properties)
        if self.members is None:
            return tags or None
        key, value = self.members
        return [{key: name, value: text} for name, text in tags.items()] or None

    def change(self, context: Context, resource: str | None, old: Properties, new: Properties) -> None:
        """Set the tags of a resource that is there.

        Args:
            context: The operation.
            resource: The resource, as the API names it.
            old: The properties with the tags that the resource has.
            new: The properties with the tags that it gets.
        """
        client = context.client(self.service)
        tags, keys = ("tags", "tagKeys") if self.resource[0].islower() else ("Tags", "TagKeys")
        if gone := sorted(set(tag_map(old)) - set(tag_map(new))):
            getattr(client, self.remove)(**{self.resource: resource, keys: gone})
        if given := self.given(new):
            getattr(client, self.add)(**{self.resource: resource, tags: given})
