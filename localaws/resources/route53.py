"""Amazon Route 53: records in a hosted zone that there is."""

from __future__ import annotations

from typing import Any

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import Attributes, Context, Handler, Properties, is_true


class RecordSet(Handler):
    """`AWS::Route53::RecordSet` by the zone's id; alias records and plain ones, without routing policies."""

    type_name = "AWS::Route53::RecordSet"
    applied = frozenset({"AliasTarget", "HostedZoneId", "Name", "ResourceRecords", "TTL", "Type"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the record."""
        if "HostedZoneId" not in properties:
            raise ResourceError("a record without a HostedZoneId is not supported here")
        self._change(context, "CREATE", properties)
        context.physical_id = properties["Name"]
        return {}

    def _change(self, context: Context, action: str, properties: Properties) -> None:
        record: dict[str, Any] = {"Name": properties["Name"], "Type": properties["Type"]}
        if "AliasTarget" in properties:
            alias = properties["AliasTarget"]
            record["AliasTarget"] = {**alias, "EvaluateTargetHealth": is_true(alias.get("EvaluateTargetHealth", False))}
        else:
            record["TTL"] = int(properties["TTL"])
            record["ResourceRecords"] = [{"Value": value} for value in properties["ResourceRecords"]]
        context.client("route53").change_resource_record_sets(
            HostedZoneId=properties["HostedZoneId"],
            ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
        )

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Replace the record."""
        if (old["Name"], old["Type"]) != (new["Name"], new["Type"]):
            self._change(context, "DELETE", old)
        self._change(context, "UPSERT", new)
        context.physical_id = new["Name"]
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the record."""
        self._change(context, "DELETE", properties)


HANDLERS = (RecordSet(),)
