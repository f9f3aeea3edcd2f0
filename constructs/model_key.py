"""The KMS key of one model."""

from string import ascii_uppercase

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from constructs.permissions.statements import service_principal
from constructs.values.arns import arn, place_of
from constructs.values.storage import state_machine_log_groups

# KMS lets a deleted key be recovered for 7 to 30 days (API ScheduleKeyDeletion, PendingWindowInDays).
_SHORTEST_PENDING_WINDOW = Duration.days(7)
_LONGEST_PENDING_WINDOW = Duration.days(30)
# The principal has its region and its partition's domain in its name: `amazonaws.com.cn` in China.
_LOGS = f"logs.{Aws.REGION}.{Aws.URL_SUFFIX}"


class ModelKey(kms.Key):
    """One customer managed key for everything that a model's stack stores.

    Defines: a symmetric `AWS::KMS::Key` that rotates every year, and its alias.

    Data flow: buckets, log groups and the invoke shim's environment variables are encrypted with it. CloudWatch
    Logs may use it only for log groups whose names begin with the stack's name, as CloudFormation names the log
    groups of the stack, or with AWS's prefix of state machines' logs and that name.

    Failures: an alias outside `alias/[a-zA-Z0-9/_-]+` is refused by CDK at synthesis. With the removal policy
    `DESTROY` the key is scheduled for deletion after 7 days; what was encrypted with it is lost then.

    Prerequisites: none.

    Usage::

        key = ModelKey(self, "Key", alias="dev/mistral-7b-instruct")
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        alias: str,
        removal_policy: RemovalPolicy = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    ) -> None:
        """Define the key.

        Args:
            alias: Name without the `alias/` prefix.
            removal_policy: Whether the key is deleted or retained when it leaves the stack.
        """
        super().__init__(
            scope,
            construct_id,
            alias=f"alias/{alias}",
            description=f"encrypts what the stack of {alias} stores",
            enable_key_rotation=True,
            removal_policy=removal_policy,
            pending_window=(
                _SHORTEST_PENDING_WINDOW if removal_policy == RemovalPolicy.DESTROY else _LONGEST_PENDING_WINDOW
            ),
        )
        # CloudFormation names a log group after its stack and its logical id, which begins with a capital letter. Names
        # of stacks have none, so that no pattern covers a log group of a stack whose name begins with this one's.
        log_groups = [
            *(arn(scope, "logs", f"log-group:{place_of(scope).stack_name}-{one}*") for one in ascii_uppercase),
            arn(scope, "logs", f"log-group:{state_machine_log_groups(scope)}*"),
        ]
        self.add_to_resource_policy(
            iam.PolicyStatement(
                sid="CloudWatchLogs",
                principals=[service_principal(_LOGS)],
                actions=[
                    "kms:Decrypt",
                    "kms:DescribeKey",
                    "kms:Encrypt",
                    "kms:GenerateDataKey*",
                    "kms:ReEncrypt*",
                ],
                resources=["*"],
                conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
            )
        )
