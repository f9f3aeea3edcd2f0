"""Encryption, retention and removal of everything that a construct stores."""

from dataclasses import dataclass

from aws_cdk import Aws, Fn, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.values.arns import place_of

# Log groups below it need no line of their own in the account's resource policy for log delivery (Step Functions
# developer guide, "Using CloudWatch Logs to log execution history in Step Functions").
_VENDED = "/aws/vendedlogs/states"


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
    removal_policy: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE

    def log_group(self, scope: Construct, construct_id: str = "Logs", *, name: str | None = None) -> logs.LogGroup:
        """Define a log group with these settings.

        Args:
            scope: The construct that it belongs to.
            construct_id: Its id.
            name: Its name; CloudFormation's by default.
        """
        return logs.LogGroup(
            scope,
            construct_id,
            log_group_name=name,
            encryption_key=self.encryption_key,
            retention=self.log_retention,
            removal_policy=self.removal_policy,
        )

    def state_machine_log_group(self, scope: Construct, *, kind: str) -> logs.LogGroup:
        """Define the log group of a state machine, below AWS's prefix for delivered logs.

        Its name ends in a part of the stack's id, so that a stack that is deployed anew does not meet the log group
        that an earlier one of its name has left.

        Args:
            scope: The construct that it belongs to.
            kind: Part of the name that no other state machine of the stack has.
        """
        # Such as arn:aws:cloudformation:us-west-2:111122223333:stack/NAME/0a1b2c3d-0000-0000-0000-0123456789ab.
        stack_uuid = Fn.select(2, Fn.split("/", Aws.STACK_ID))
        suffix = Fn.select(4, Fn.split("-", stack_uuid))
        return self.log_group(scope, name=f"{state_machine_log_groups(scope)}{kind}-{suffix}")


def state_machine_log_groups(scope: Construct) -> str:
    """Return the beginning of the names of the stack's state machines' log groups."""
    return f"{_VENDED}/{place_of(scope).stack_name}/"
