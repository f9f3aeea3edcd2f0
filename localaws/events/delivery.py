"""One event for one target: permissions, and what the target is asked to do."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from moto.sns.models import sns_backends

from localaws import clients, functions, iam, settings, stepfunctions
from localaws.events import inputs, topics
from localaws.functions import permissions
from localaws.iam.policy import Decision, Principal, Request, evaluate, statements_of

_SERVICE: Final = "events.amazonaws.com"
_KNOWN: Final = ("states", "sns", "lambda")

LOG: Final[deque[dict[str, str]]] = deque(maxlen=1000)
"""Deliveries, the oldest first: `rule`, `target`, and `result` or `error`."""


def is_known(target: Mapping[str, Any]) -> bool:
    """Return whether targets of this kind are delivered to here rather than by moto."""
    return target["Arn"].split(":")[2] in _KNOWN


def deliver(rule: Any, target: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    """Send an event to a target; what goes wrong is logged, as nobody waits for it.

    Args:
        rule: The rule in moto.
        target: The target as PutTargets gave it.
        event: The event as EventBridge writes it.
    """
    entry = {"rule": rule.arn, "target": target["Arn"]}
    try:
        text = inputs.text_for(target, event, rule_arn=rule.arn)
        deliverer = {"states": _start, "sns": _publish, "lambda": _invoke}[target["Arn"].split(":")[2]]
        entry["result"] = deliverer(rule, target, text)
    except (DeliveryError, inputs.InputError) as error:
        entry["error"] = str(error)
    LOG.append(entry)


class DeliveryError(Exception):
    """An event was not delivered."""


def _start(rule: Any, target: Mapping[str, Any], text: str) -> str:
    role_arn, arn = target.get("RoleArn", ""), target["Arn"]
    context = {"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": rule.arn}
    if not iam.can_be_assumed_by(role_arn, _SERVICE, context=context):
        raise DeliveryError(f"the role {role_arn!r} cannot be assumed by {_SERVICE}")
    if not iam.role_may(role_arn, "states:StartExecution", arn):
        raise DeliveryError(f"the role {role_arn} is not authorized to perform: states:StartExecution on {arn}")
    execution_arn = stepfunctions.start_execution(arn, text)
    if execution_arn is None:
        raise DeliveryError(f"State Machine Does Not Exist: '{arn}'")
    return execution_arn


def _publish(rule: Any, target: Mapping[str, Any], text: str) -> str:
    arn = target["Arn"]
    topic = sns_backends[settings.ACCOUNT][arn.split(":")[3]].topics.get(arn)
    if topic is None:
        raise DeliveryError(f"Topic does not exist: {arn}")
    request = Request(
        action="sns:Publish",
        resource=arn,
        principal=Principal(kind="Service", names=(_SERVICE,)),
        context={"aws:SourceAccount": settings.ACCOUNT, "aws:SourceArn": rule.arn},
    )
    if evaluate(statements_of(topic.policy), request) is not Decision.ALLOWED:
        raise DeliveryError(f"the policy of {arn} does not allow sns:Publish to {_SERVICE}")
    _check_key(topic, arn)
    message = clients.client("sns", arn.split(":")[3]).publish(TopicArn=arn, Message=text)
    return str(message["MessageId"])


def _invoke(rule: Any, target: Mapping[str, Any], text: str) -> str:
    """Invoke a function, which nobody waits for."""
    arn = target["Arn"]
    if not permissions.may_invoke(arn, service=_SERVICE, region=arn.split(":")[3], source_arn=rule.arn):
        raise DeliveryError(f"the policy of {arn} does not allow lambda:InvokeFunction to {_SERVICE}")
    threading.Thread(target=functions.invoke, args=(arn, text), name=f"event-{rule.name}", daemon=True).start()
    return "invoked"


def _check_key(topic: Any, arn: str) -> None:
    """Refuse a delivery to an encrypted topic whose key EventBridge may not use.

    The request has the topic's encryption context and neither `aws:SourceArn` nor `aws:SourceAccount` (SNS Developer
    Guide, "Managing Amazon SNS encryption keys and costs", on event sources that publish to encrypted topics).

    Raises:
        DeliveryError: If the key's policy does not allow it.
    """
    key = topics.key_of(topic)
    if key is None:
        return
    for action in topics.ACTIONS:
        request = Request(
            action=action,
            resource=key.arn,
            principal=Principal(kind="Service", names=(_SERVICE,)),
            context=topics.encryption_context(arn),
        )
        if evaluate(statements_of(key.policy), request) is not Decision.ALLOWED:
            raise DeliveryError(f"KMSAccessDenied: the policy of {key.arn} does not allow {action} to {_SERVICE}")
