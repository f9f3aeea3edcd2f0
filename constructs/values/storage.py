"""Encryption, retention and removal of everything that a construct stores."""

from dataclasses import dataclass

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Settings of log groups, and of environment variables, which are encrypted with the same key.

    Attributes:
        encryption_key: Key of log groups and environment variables.
        log_retention: Age at which log events expire.
        removal_policy: Whether log groups are deleted or retained when they leave the stack.
    """

    encryption_key: kms.IKey
    log_retention: logs.RetentionDays = logs.RetentionDays.ONE_YEAR
    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN

    def log_group(self, scope: Construct, construct_id: str = "Logs") -> logs.LogGroup:
        """Define a log group with these settings."""
        return logs.LogGroup(
            scope,
            construct_id,
            encryption_key=self.encryption_key,
            retention=self.log_retention,
            removal_policy=self.removal_policy,
        )
