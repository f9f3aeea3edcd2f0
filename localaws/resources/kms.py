"""AWS Key Management Service."""

from __future__ import annotations

from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    policy_text,
)
from localaws.resources.declared import Declared, Operation
from localaws.resources.tags import Tagging

# ScheduleKeyDeletion's default waiting period (its API reference).
_DEFAULT_PENDING_DAYS: Final = 30

_TAGGING: Final = Tagging(service="kms", resource="KeyId", members=("TagKey", "TagValue"))


class Key(Handler):
    """`AWS::KMS::Key`; a deleted key stays, pending deletion, as in AWS."""

    type_name = "AWS::KMS::Key"
    applied = frozenset(
        {
            "Description",
            "Enabled",
            "EnableKeyRotation",
            "KeyPolicy",
            "KeySpec",
            "KeyUsage",
            "MultiRegion",
            "PendingWindowInDays",
            "Tags",
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the key, then set rotation and state."""
        kms = context.client("kms")
        made = call(
            kms,
            "create_key",
            Policy=policy_text(properties["KeyPolicy"]) if "KeyPolicy" in properties else None,
            Description=properties.get("Description"),
            KeySpec=properties.get("KeySpec"),
            KeyUsage=properties.get("KeyUsage"),
            MultiRegion=properties.get("MultiRegion"),
            Tags=_TAGGING.given(properties),
        )["KeyMetadata"]
        context.physical_id = made["KeyId"]
        self._set_state(kms, made["KeyId"], properties)
        return {"Arn": made["Arn"], "KeyId": made["KeyId"]}

    def _set_state(self, kms: Any, key_id: str, properties: Properties) -> None:
        if is_true(properties.get("EnableKeyRotation", False)):
            kms.enable_key_rotation(KeyId=key_id)
        else:
            kms.disable_key_rotation(KeyId=key_id)
        if is_true(properties.get("Enabled", True)):
            kms.enable_key(KeyId=key_id)
        else:
            kms.disable_key(KeyId=key_id)

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set policy, description, tags, rotation and state."""
        kms, key_id = context.client("kms"), context.physical_id or ""
        if old.get("KeyPolicy") != new.get("KeyPolicy") and "KeyPolicy" in new:
            kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=policy_text(new["KeyPolicy"]))
        kms.update_key_description(KeyId=key_id, Description=new.get("Description", ""))
        _TAGGING.change(context, key_id, old, new)
        self._set_state(kms, key_id, new)
        return {"Arn": kms.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"], "KeyId": key_id}

    def delete(self, context: Context, properties: Properties) -> None:
        """Schedule the deletion."""
        call(
            context.client("kms"),
            "schedule_key_deletion",
            KeyId=context.physical_id,
            PendingWindowInDays=properties.get("PendingWindowInDays", _DEFAULT_PENDING_DAYS),
        )


_ALIAS: Final = Declared(
    "AWS::KMS::Alias",
    service="kms",
    applied={"AliasName", "TargetKeyId"},
    create=Operation("create_alias", lambda _, properties: properties),
    update=Operation(
        "update_alias", lambda alias, properties: {"AliasName": alias, "TargetKeyId": properties["TargetKeyId"]}
    ),
    delete=Operation("delete_alias", lambda alias, _: {"AliasName": alias}),
    named_by="AliasName",
)

HANDLERS = (Key(), _ALIAS)
