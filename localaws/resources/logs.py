"""Amazon CloudWatch Logs."""

from __future__ import annotations

from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
)
from localaws.resources.tags import Tagging
from localaws.settings import ACCOUNT

_TAGGING: Final = Tagging(service="logs", resource="resourceArn", members=None)


def _arn(context: Context) -> str:
    return f"arn:aws:logs:{context.region}:{ACCOUNT}:log-group:{context.physical_id}"


class LogGroup(Handler):
    """`AWS::Logs::LogGroup`."""

    type_name = "AWS::Logs::LogGroup"
    applied = frozenset({"KmsKeyId", "LogGroupName", "RetentionInDays", "Tags"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the group with its key, then set the retention."""
        logs = context.client("logs")
        name = properties.get("LogGroupName") or context.generated_name(longest=512)
        call(
            logs,
            "create_log_group",
            logGroupName=name,
            kmsKeyId=properties.get("KmsKeyId"),
            tags=_TAGGING.given(properties),
        )
        context.physical_id = name
        self._set_retention(logs, name, properties)
        # The attribute names the group's streams: the trailing ":*" is AWS's.
        return {"Arn": f"{_arn(context)}:*"}

    def _set_retention(self, logs: Any, name: str, properties: Properties) -> None:
        if "RetentionInDays" in properties:
            call(logs, "put_retention_policy", logGroupName=name, retentionInDays=properties["RetentionInDays"])
        else:
            logs.delete_retention_policy(logGroupName=name)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set key, retention and tags."""
        logs, name = context.client("logs"), context.physical_id or ""
        if old.get("KmsKeyId") != new.get("KmsKeyId"):
            if "KmsKeyId" in new:
                logs.associate_kms_key(logGroupName=name, kmsKeyId=new["KmsKeyId"])
            else:
                logs.disassociate_kms_key(logGroupName=name)
        self._set_retention(logs, name, new)
        _TAGGING.change(context, _arn(context), old, new)
        return {"Arn": f"{_arn(context)}:*"}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the group with what was logged."""
        context.client("logs").delete_log_group(logGroupName=context.physical_id)


HANDLERS = (LogGroup(),)
