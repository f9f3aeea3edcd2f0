"""Amazon EventBridge: rules and their targets."""

from __future__ import annotations

import json
from typing import Final

from localaws.cloudformation.errors import ResourceError
from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
)
from localaws.resources.tags import Tagging

_TAGGING: Final = Tagging(service="events", resource="ResourceARN")


class Rule(Handler):
    """`AWS::Events::Rule`; on the default bus only."""

    type_name = "AWS::Events::Rule"
    applied = frozenset(
        {
            *("Description", "EventBusName", "EventPattern", "Name", "RoleArn", "ScheduleExpression", "State"),
            *("Tags", "Targets"),
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the rule, then its targets."""
        name = properties.get("Name") or context.generated_name()
        arn = self._put(context, name, properties)
        _TAGGING.change(context, arn, {}, properties)
        context.physical_id = name
        self._put_targets(context, {}, properties)
        return {"Arn": arn}

    def _put(self, context: Context, name: str, properties: Properties) -> str:
        if properties.get("EventBusName", "default") != "default":
            raise ResourceError("EventBusName: the local AWS deploys rules on the default bus only")
        pattern = properties.get("EventPattern")
        answer = call(
            context.client("events"),
            "put_rule",
            Name=name,
            EventPattern=pattern if pattern is None or isinstance(pattern, str) else json.dumps(pattern),
            **{
                key: properties.get(key)
                for key in ("Description", "RoleArn", "ScheduleExpression", "State")
                if key in properties
            },
        )
        return str(answer["RuleArn"])

    def _put_targets(self, context: Context, old: Properties, new: Properties) -> None:
        events, name = context.client("events"), context.physical_id
        kept = {target["Id"] for target in new.get("Targets", ())}
        gone = [target["Id"] for target in old.get("Targets", ()) if target["Id"] not in kept]
        if gone:
            events.remove_targets(Rule=name, Ids=gone)
        if new.get("Targets"):
            answer = call(events, "put_targets", Rule=name, Targets=new["Targets"])
            if answer["FailedEntryCount"]:
                raise ResourceError(f"Targets: {answer['FailedEntries']}")

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the rule, its targets and tags."""
        arn = self._put(context, str(context.physical_id), new)
        self._put_targets(context, old, new)
        _TAGGING.change(context, arn, old, new)
        return {"Arn": arn}

    def delete(self, context: Context, properties: Properties) -> None:
        """Remove the targets, then the rule: EventBridge keeps one that has targets."""
        self._put_targets(context, properties, {})
        context.client("events").delete_rule(Name=context.physical_id)


HANDLERS = (Rule(),)
