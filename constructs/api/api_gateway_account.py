"""API Gateway's settings of one account and region."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import allow, service_principal
from constructs.values.arns import arn

# The actions of AWS's managed policy AmazonAPIGatewayPushToCloudWatchLogs without `logs:DescribeLogGroups`, which has a
# statement of its own below.
_WRITE_LOGS = [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:PutLogEvents",
]


class ApiGatewayAccount(Construct):
    """The role with which API Gateway writes logs, for all APIs of an account in a region.

    Defines: an `AWS::ApiGateway::Account` and the role that it names.

    Data flow: API Gateway writes access and execution logs of every stage in the region with this role.

    Failures: there is one such setting per account and region. Where another stack of the account manages it
    already, the two would overwrite each other: then leave this one out.

    Prerequisites: none.

    Usage::

        ApiGatewayAccount(self, "ApiGateway")
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        """Define the setting."""
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=service_principal("apigateway.amazonaws.com"),
            description="writes the logs of all API Gateway stages of the region",
        )
        log_groups = arn(self, "logs", "log-group:*")
        allow(role, "WriteLogs", _WRITE_LOGS, log_groups)
        # Not every copy of the service authorization reference has a resource for it, and API Gateway refuses a role
        # that lacks a right.
        allow(role, "ListLogGroups", ["logs:DescribeLogGroups"], "*")
        account = apigateway.CfnAccount(self, "Resource", cloud_watch_role_arn=role.role_arn)
        # API Gateway tries the role when it is set.
        account.node.add_dependency(role)
        reason = "the setting is the account's: API Gateway writes with it into the log group of every stage"
        listing = "logs:DescribeLogGroups lists the log groups of an account: it may have no resource in IAM"
        acknowledge_wildcards(role, {log_groups: reason, "*": listing})
