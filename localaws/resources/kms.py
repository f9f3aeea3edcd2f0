"""AWS Key Management Service."""

from __future__ import annotations

from typing import Any

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    policy_text,
    removed_tags,
    tag_map,
)

# ScheduleKeyDeletion's default waiting period (its API reference).
_DEFAULT_PENDING_DAYS = 30


def _tags(properties: Properties) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in tag_map(properties).items()]


class Key(Handler):
    """``AWS::KMS::Key``; a deleted key stays, pending deletion, as in AWS."""

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
            Tags=_tags(properties) or None,
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
        if gone := removed_tags(old, new):
            kms.untag_resource(KeyId=key_id, TagKeys=gone)
        if _tags(new):
            kms.tag_resource(KeyId=key_id, Tags=_tags(new))
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


class Alias(Handler):
    """``AWS::KMS::Alias``."""

    type_name = "AWS::KMS::Alias"
    applied = frozenset({"AliasName", "TargetKeyId"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the alias."""
        context.client("kms").create_alias(AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
        context.physical_id = properties["AliasName"]
        return {}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Point the alias to another key."""
        context.client("kms").update_alias(AliasName=context.physical_id, TargetKeyId=new["TargetKeyId"])
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the alias."""
        context.client("kms").delete_alias(AliasName=context.physical_id)


HANDLERS = (Key(), Alias())
