"""The S3 bucket of one model's data and artifacts."""

from typing import cast

from aws_cdk import CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

# Where CDK puts the function that empties buckets, once a stack.
_AUTO_DELETE_PROVIDER = "Custom::S3AutoDeleteObjectsCustomResourceProvider"
_UNFINISHED_UPLOADS = Duration.days(7)
_NONCURRENT_VERSIONS = Duration.days(90)
_ACCESS_LOGS = Duration.days(365)
_PRIVATE = s3.BlockPublicAccess.BLOCK_ALL


class ArtifactBucket(Construct):
    """A private, versioned bucket that speaks TLS only and logs every access.

    Defines: the bucket, encrypted with the given KMS key (one S3 bucket key per object batch keeps KMS requests
    cheap); a second bucket that takes its server access logs, encrypted with S3's own key because log delivery
    does not support customer managed keys on the target; both block public access, refuse plain HTTP and clean
    up unfinished uploads.

    Data flow: training data, tuned weights and reports go in and out of `bucket`; S3 writes access logs into
    `access_logs`.

    Failures: with the removal policy `DESTROY` both buckets are emptied and deleted with the stack, by CDK's
    custom resource. Otherwise they stay, with their policies, and must be deleted by hand; with
    `RETAIN_ON_UPDATE_OR_DELETE` a first deployment that fails removes them, unless they hold objects already.

    Prerequisites: none.

    Usage::

        artifacts = ArtifactBucket(self, "Artifacts", encryption_key=key)
        artifacts.bucket.grant_read(role)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        noncurrent_version_expiration: Duration | None = None,
        access_log_expiration: Duration | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        event_bridge: bool = False,
    ) -> None:
        """Define the two buckets.

        Args:
            encryption_key: Key of the bucket's objects.
            removal_policy: Whether both buckets and their objects are deleted or retained when they leave the stack.
            noncurrent_version_expiration: Age at which replaced and deleted objects expire; 90 days by default.
            access_log_expiration: Age at which access logs expire; 365 days by default.
            log_retention: Age at which logs of CDK's emptying function expire, which the first bucket of a stack sets.
            event_bridge: Whether the bucket sends events of its objects to EventBridge.
        """
        super().__init__(scope, construct_id)
        destroyed = removal_policy == RemovalPolicy.DESTROY
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=_PRIVATE,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=removal_policy,
            auto_delete_objects=destroyed,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-access-logs",
                    expiration=access_log_expiration or _ACCESS_LOGS,
                    abort_incomplete_multipart_upload_after=_UNFINISHED_UPLOADS,
                )
            ],
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=encryption_key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            block_public_access=_PRIVATE,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="s3/",
            removal_policy=removal_policy,
            auto_delete_objects=destroyed,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire-noncurrent-versions",
                    noncurrent_version_expiration=noncurrent_version_expiration or _NONCURRENT_VERSIONS,
                    abort_incomplete_multipart_upload_after=_UNFINISHED_UPLOADS,
                )
            ],
        )

        if event_bridge:
            # CDK's own switch is a custom resource, which a property of the bucket makes needless.
            cfn_bucket = cast("s3.CfnBucket", self.bucket.node.default_child)
            cfn_bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            )
        if destroyed:
            self._log_auto_delete(encryption_key, log_retention)
            return
        for bucket in (self.access_logs, self.bucket):
            # A bucket without its policy takes plain HTTP, and access logs are no more delivered.
            cast("s3.BucketPolicy", bucket.policy).apply_removal_policy(removal_policy)

    def _log_auto_delete(self, encryption_key: kms.IKey, retention: logs.RetentionDays) -> None:
        """Define a log group of the stack's own for CDK's emptying function.

        Without one, Lambda creates a log group that nobody owns: it stays when the stack is gone.
        """
        provider = cast("Construct", Stack.of(self).node.find_child(_AUTO_DELETE_PROVIDER))
        if provider.node.try_find_child("Logs"):
            return
        log_group = logs.LogGroup(
            provider,
            "Logs",
            encryption_key=encryption_key,
            retention=retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        handler = cast("CfnResource", provider.node.find_child("Handler"))
        handler.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self.bucket.bucket_name

    def grant_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant listing the bucket, reading its objects and decrypting them."""
        return self.bucket.grant_read(grantee)

    def grant_read_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant listing, reading, writing and deleting objects, with the use of the key that this needs."""
        return self.bucket.grant_read_write(grantee)
