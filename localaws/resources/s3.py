"""Amazon S3: buckets and their policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    is_true,
    policy_text,
    renamed,
)
from localaws.resources.declared import Declared, Operation

_RULE_NAMES: Final = {
    "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "ExpirationInDays": "Expiration",
    "Id": "ID",
    "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
    "Prefix": "Filter",
    "Status": "Status",
    "Transitions": "Transitions",
}
_ENCRYPTION_NAMES: Final = {
    "BlockedEncryptionTypes": "BlockedEncryptionTypes",
    "BucketKeyEnabled": "BucketKeyEnabled",
    "ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault",
}
_TRANSITION_NAMES: Final = {"StorageClass": "StorageClass", "TransitionInDays": "Days"}
_LOGGING_NAMES: Final = {"DestinationBucketName": "TargetBucket", "LogFilePrefix": "TargetPrefix"}

# The canned ACLs' names in the API, for the two that the CDK still writes (S3 user guide, "Canned ACL").
_CANNED_ACLS: Final = {"Private": "private", "LogDeliveryWrite": "log-delivery-write"}


def _encryption(value: Mapping[str, Any]) -> dict[str, Any]:
    rules = [
        renamed(rule, _ENCRYPTION_NAMES, where="BucketEncryption")
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def _lifecycle(value: Mapping[str, Any]) -> dict[str, Any]:
    rules = []
    for declared in value["Rules"]:
        rule = renamed(declared, _RULE_NAMES, where="LifecycleConfiguration")
        rule["Filter"] = {"Prefix": rule.get("Filter", "")}
        if "Expiration" in rule:
            rule["Expiration"] = {"Days": rule["Expiration"]}
        if "Transitions" in rule:
            rule["Transitions"] = [
                renamed(transition, _TRANSITION_NAMES, where="LifecycleConfiguration/Transitions")
                for transition in rule["Transitions"]
            ]
        rules.append(rule)
    return {"LifecycleConfiguration": {"Rules": rules}}


def _logging(value: Mapping[str, Any]) -> dict[str, Any]:
    enabled = renamed(value, _LOGGING_NAMES, where="LoggingConfiguration")
    return {"BucketLoggingStatus": {"LoggingEnabled": {"TargetPrefix": "", **enabled}}}


def _notification(value: Mapping[str, Any]) -> dict[str, Any]:
    bridge = renamed(value, {"EventBridgeConfiguration": "bridge"}, where="NotificationConfiguration").get("bridge")
    on = bridge is not None and is_true(bridge.get("EventBridgeEnabled", True))
    return {"NotificationConfiguration": {"EventBridgeConfiguration": {}} if on else {}}


def _tagging(value: list[Mapping[str, str]]) -> dict[str, Any]:
    return {"Tagging": {"TagSet": value}}


@dataclass(frozen=True, slots=True)
class _Part:
    """A property of a bucket that has an API operation of its own.

    Attributes:
        put: The operation that sets it.
        remove: Takes the S3 client and the bucket's name and undoes it.
        parameters: Turns the property's value into the operation's parameters.
    """

    put: str
    remove: Callable[[Any, str], object]
    parameters: Callable[[Any], dict[str, Any]]


# In the order in which they are set.
_PARTS: Final[Mapping[str, _Part]] = {
    "BucketEncryption": _Part(
        "put_bucket_encryption",
        lambda s3, bucket: s3.delete_bucket_encryption(Bucket=bucket),
        _encryption,
    ),
    "LifecycleConfiguration": _Part(
        "put_bucket_lifecycle_configuration",
        lambda s3, bucket: s3.delete_bucket_lifecycle(Bucket=bucket),
        _lifecycle,
    ),
    "LoggingConfiguration": _Part(
        "put_bucket_logging",
        lambda s3, bucket: s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={}),
        _logging,
    ),
    "NotificationConfiguration": _Part(
        "put_bucket_notification_configuration",
        lambda s3, bucket: s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={}),
        _notification,
    ),
    "OwnershipControls": _Part(
        "put_bucket_ownership_controls",
        lambda s3, bucket: s3.delete_bucket_ownership_controls(Bucket=bucket),
        lambda value: {"OwnershipControls": value},
    ),
    # After the ownership: where the bucket owner is enforced, S3 refuses ACLs.
    "AccessControl": _Part(
        "put_bucket_acl",
        lambda s3, bucket: s3.put_bucket_acl(Bucket=bucket, ACL="private"),
        lambda value: {"ACL": _CANNED_ACLS.get(value, value)},
    ),
    "PublicAccessBlockConfiguration": _Part(
        "put_public_access_block",
        lambda s3, bucket: s3.delete_public_access_block(Bucket=bucket),
        lambda value: {"PublicAccessBlockConfiguration": value},
    ),
    "Tags": _Part("put_bucket_tagging", lambda s3, bucket: s3.delete_bucket_tagging(Bucket=bucket), _tagging),
    "VersioningConfiguration": _Part(
        "put_bucket_versioning",
        # Versioning cannot be turned off, only suspended (S3 user guide).
        lambda s3, bucket: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}),
        lambda value: {"VersioningConfiguration": value},
    ),
}


class Bucket(Handler):
    """`AWS::S3::Bucket`; only an empty one can be deleted, its versions counted."""

    type_name = "AWS::S3::Bucket"
    applied = frozenset({"BucketName", *_PARTS})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Create the bucket, then set each of its parts."""
        s3 = context.client("s3")
        name = properties.get("BucketName") or context.generated_name(longest=63).lower()
        location = {"CreateBucketConfiguration": {"LocationConstraint": context.region}}
        # The one region that has no location constraint (CreateBucket).
        s3.create_bucket(Bucket=name, **({} if context.region == "us-east-1" else location))
        context.physical_id = name
        self._set_parts(s3, name, {}, properties)
        return self._attributes(context)

    def _set_parts(self, s3: Any, name: str, old: Properties, new: Properties) -> None:
        for key, part in _PARTS.items():
            if old.get(key) == new.get(key):
                continue
            if key in new:
                call(s3, part.put, Bucket=name, **part.parameters(new[key]))
            else:
                part.remove(s3, name)

    def _attributes(self, context: Context) -> Attributes:
        name, region = context.physical_id, context.region
        return {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
        }

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Set or remove each part that changed."""
        self._set_parts(context.client("s3"), context.physical_id or "", old, new)
        return self._attributes(context)

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the bucket; S3 refuses one that is not empty."""
        context.client("s3").delete_bucket(Bucket=context.physical_id)


_PUT_BUCKET_POLICY: Final = Operation(
    "put_bucket_policy",
    lambda bucket, properties: {"Bucket": bucket, "Policy": policy_text(properties["PolicyDocument"])},
)

_BUCKET_POLICY: Final = Declared(
    "AWS::S3::BucketPolicy",
    service="s3",
    applied={"Bucket", "PolicyDocument"},
    create=_PUT_BUCKET_POLICY,
    update=_PUT_BUCKET_POLICY,
    delete=Operation("delete_bucket_policy", lambda bucket, _: {"Bucket": bucket}),
    named_by="Bucket",
)

HANDLERS = (Bucket(), _BUCKET_POLICY)
