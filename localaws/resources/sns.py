"""Amazon SNS: topics and their policies."""

from __future__ import annotations

from typing import Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    policy_text,
)
from localaws.resources.tags import Tagging

# The attributes of SetTopicAttributes, each a property of that name.
_ATTRIBUTES: Final = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_LONGEST_NAME: Final = 256
_TAGGING: Final = Tagging(service="sns", resource="ResourceArn")


class Topic(Handler):
    """`AWS::SNS::Topic`."""

    type_name = "AWS::SNS::Topic"
    applied = frozenset({"Tags", "TopicName", *_ATTRIBUTES})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the topic; its ARN is its physical id."""
        sns = context.client("sns")
        name = properties.get("TopicName") or context.generated_name(_LONGEST_NAME)
        given = {key: str(properties[key]) for key in _ATTRIBUTES if key in properties}
        made = call(sns, "create_topic", Name=name, Attributes=given, Tags=_TAGGING.given(properties))
        context.physical_id = made["TopicArn"]
        return self._attributes(context)

    def _attributes(self, context: Context) -> Attributes:
        arn = str(context.physical_id)
        return {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the attributes and tags."""
        sns, arn = context.client("sns"), context.physical_id
        for key in _ATTRIBUTES:
            if old.get(key) != new.get(key):
                sns.set_topic_attributes(TopicArn=arn, AttributeName=key, AttributeValue=str(new.get(key, "")))
        _TAGGING.change(context, arn, old, new)
        return self._attributes(context)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the topic."""
        context.client("sns").delete_topic(TopicArn=context.physical_id)


class TopicPolicy(Handler):
    """`AWS::SNS::TopicPolicy`; when it is deleted, its topics keep the policy, as in AWS."""

    type_name = "AWS::SNS::TopicPolicy"
    applied = frozenset({"PolicyDocument", "Topics"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Set the policy of every topic."""
        for topic in properties["Topics"]:
            context.client("sns").set_topic_attributes(
                TopicArn=topic, AttributeName="Policy", AttributeValue=policy_text(properties["PolicyDocument"])
            )
        context.physical_id = context.physical_id or context.generated_name()
        return {"Id": context.physical_id}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the new policy."""
        return self.create(context, new)

    def delete(self, context: Context, properties: Properties) -> None:
        """Leave the policy: SNS has no operation that takes it away."""


HANDLERS = (Topic(), TopicPolicy())
