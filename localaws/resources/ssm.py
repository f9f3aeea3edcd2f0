"""AWS Systems Manager."""

from __future__ import annotations

from localaws.resources.base import Attributes, Context, Handler, Properties, call


class Parameter(Handler):
    """``AWS::SSM::Parameter``."""

    type_name = "AWS::SSM::Parameter"
    applied = frozenset({"AllowedPattern", "DataType", "Description", "Name", "Tier", "Type", "Value"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the parameter."""
        return self._put(context, properties, overwrite=False)

    def _put(self, context: Context, properties: Properties, *, overwrite: bool) -> Attributes:
        name = context.physical_id or properties.get("Name") or context.generated_name()
        call(context.client("ssm"), "put_parameter", **{**properties, "Name": name, "Overwrite": overwrite})
        context.physical_id = name
        return {"Type": properties["Type"], "Value": properties["Value"]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Overwrite the parameter."""
        return self._put(context, new, overwrite=True)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the parameter."""
        context.client("ssm").delete_parameter(Name=context.physical_id)


HANDLERS = (Parameter(),)
