"""AWS Systems Manager."""

from __future__ import annotations

from localaws.resources.base import Attributes, Context, Handler, Properties, call, without


class Parameter(Handler):
    """`AWS::SSM::Parameter`."""

    type_name = "AWS::SSM::Parameter"
    applied = frozenset({"AllowedPattern", "DataType", "Description", "Name", "Tags", "Tier", "Type", "Value"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the parameter."""
        return self._put(context, properties, overwrite=False)

    def _put(self, context: Context, properties: Properties, *, overwrite: bool) -> Attributes:
        name = context.physical_id or properties.get("Name") or context.generated_name()
        call(
            context.client("ssm"),
            "put_parameter",
            **{**without(properties, "Tags"), "Name": name, "Overwrite": overwrite},
        )
        context.physical_id = name
        # PutParameter takes tags only where it overwrites nothing. Unlike elsewhere, the property is a map.
        tags = [{"Key": key, "Value": str(value)} for key, value in properties.get("Tags", {}).items()]
        if tags:
            context.client("ssm").add_tags_to_resource(ResourceType="Parameter", ResourceId=name, Tags=tags)
        return {"Type": properties["Type"], "Value": properties["Value"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Overwrite the parameter: with the template's value, whatever it was set to since."""
        gone = sorted(set(old.get("Tags", {})) - set(new.get("Tags", {})))
        if gone:
            context.client("ssm").remove_tags_from_resource(
                ResourceType="Parameter", ResourceId=context.physical_id, TagKeys=gone
            )
        return self._put(context, new, overwrite=True)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the parameter."""
        context.client("ssm").delete_parameter(Name=context.physical_id)


HANDLERS = (Parameter(),)
