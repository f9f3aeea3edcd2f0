"""The resource policy by which services deliver logs into log groups of an account and region.

A service that is told to log, such as Step Functions, appends the log group to one policy, which has a limit of its
length; nothing removes it when the service's resource goes. Log groups below `/aws/vendedlogs/` need no line of their
own: CloudWatch Logs has one for all of them.

Source: Step Functions developer guide, "Using CloudWatch Logs to log execution history in Step Functions", section on
the size of resource policies; CloudWatch Logs user guide, "Enable logging from AWS services", section on the same. The
policy's name and statement are those that accounts have.
"""

from __future__ import annotations

import json
from typing import Any, Final

from moto.logs.models import logs_backends

from localaws.iam.policy import matches
from localaws.settings import ACCOUNT

POLICY_NAME: Final = "AWSLogDeliveryWrite20150319"
# CloudWatch Logs user guide, "CloudWatch Logs quotas": 5120 characters a resource policy.
_LONGEST_POLICY: Final = 5120
_VENDED: Final = "arn:*:logs:*:*:log-group:/aws/vendedlogs/*"


class DeliveryError(Exception):
    """The resource policy is full."""


def deliver_to(log_group_arn: str, region: str) -> None:
    """Let log delivery write into a log group, and never remove that again.

    Raises:
        DeliveryError: If the policy would be longer than allowed.
    """
    if matches(_VENDED, log_group_arn):
        return
    backend = logs_backends[ACCOUNT][region]
    known = backend.resource_policies.get(POLICY_NAME)
    resource = f"{log_group_arn.removesuffix(':*')}:log-stream:*"
    resources: list[str] = json.loads(known.policy_document)["Statement"][0]["Resource"] if known else []
    if resource in resources:
        return
    document = json.dumps(_policy([*resources, resource], region), separators=(",", ":"))
    if len(document) > _LONGEST_POLICY:
        raise DeliveryError
    backend.put_resource_policy(POLICY_NAME, document)


def _policy(resources: list[str], region: str) -> dict[str, Any]:
    statement = {
        "Sid": "AWSLogDeliveryWrite",
        "Effect": "Allow",
        "Principal": {"Service": "delivery.logs.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": resources,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": [ACCOUNT]},
            "ArnLike": {"aws:SourceArn": [f"arn:aws:logs:{region}:{ACCOUNT}:*"]},
        },
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
