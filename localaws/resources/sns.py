"""Amazon SNS: topics, their policies and subscriptions."""

from __future__ import annotations

from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    policy_text,
    removed_tags,
    tag_map,
)

# The attributes of SetTopicAttributes, each a property of that name.
_ATTRIBUTES: Final = ("DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig")
_LONGEST_NAME: Final = 256


class Topic(Handler):
    """``AWS::SNS::Topic``."""

    type_name = "AWS::SNS::Topic"
    applied = frozenset({"Subscription", "Tags", "TopicName", *_ATTRIBUTES})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the topic; its ARN is its physical id."""
        sns = context.client("sns")
        name = properties.get("TopicName") or context.generated_name(_LONGEST_NAME)
        given = {key: str(properties[key]) for key in _ATTRIBUTES if key in properties}
        tags = [{"Key": key, "Value": value} for key, value in tag_map(properties).items()]
        context.physical_id = call(sns, "create_topic", Name=name, Attributes=given, Tags=tags)["TopicArn"]
        for subscription in properties.get("Subscription", ()):
            sns.subscribe(TopicArn=context.physical_id, **subscription)
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
        _subscribe(sns, str(arn), old.get("Subscription", []), new.get("Subscription", []))
        if gone := removed_tags(old, new):
            sns.untag_resource(ResourceArn=arn, TagKeys=gone)
        if tags := tag_map(new):
            sns.tag_resource(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        return self._attributes(context)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the topic."""
        context.client("sns").delete_topic(TopicArn=context.physical_id)


def _subscribe(sns: Any, topic: str, old: list[Any], new: list[Any]) -> None:
    for subscription in new:
        if subscription not in old:
            sns.subscribe(TopicArn=topic, **subscription)
    gone = [(entry["Protocol"], entry["Endpoint"]) for entry in old if entry not in new]
    for found in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] if gone else ():
        if (found["Protocol"], found["Endpoint"]) in gone:
            sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])


class TopicPolicy(Handler):
    """``AWS::SNS::TopicPolicy``; when it is deleted, its topics keep the policy, as in AWS."""

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


class Subscription(Handler):
    """``AWS::SNS::Subscription``."""

    type_name = "AWS::SNS::Subscription"
    applied = frozenset({"Endpoint", "FilterPolicy", "Protocol", "RawMessageDelivery", "TopicArn"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Subscribe."""
        given = {
            key: policy_text(properties[key]) if key == "FilterPolicy" else str(properties[key]).lower()
            for key in ("FilterPolicy", "RawMessageDelivery")
            if key in properties
        }
        context.physical_id = call(
            context.client("sns"),
            "subscribe",
            TopicArn=properties["TopicArn"],
            Protocol=properties["Protocol"],
            Endpoint=properties.get("Endpoint"),
            Attributes=given,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        return {"Arn": context.physical_id}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set the attributes; everything else takes a new subscription."""
        sns = context.client("sns")
        for key in ("FilterPolicy", "RawMessageDelivery"):
            if old.get(key) != new.get(key):
                value = policy_text(new.get(key, {})) if key == "FilterPolicy" else str(new.get(key, False)).lower()
                sns.set_subscription_attributes(
                    SubscriptionArn=context.physical_id, AttributeName=key, AttributeValue=value
                )
        return {"Arn": context.physical_id}

    def delete(self, context: Context, properties: Properties) -> None:
        """Unsubscribe."""
        context.client("sns").unsubscribe(SubscriptionArn=context.physical_id)


HANDLERS = (Topic(), TopicPolicy(), Subscription())
