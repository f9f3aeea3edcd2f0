"""API Gateway's settings of one account and region."""

from aws_cdk import Stack
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding


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
        """Define the setting.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
        """
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            description="writes the logs of all API Gateway stages of the region",
        )
        log_groups = Stack.of(self).format_arn(service="logs", resource="log-group:*")
        role.add_to_policy(
            iam.PolicyStatement(
                sid="WriteLogs",
                # The actions of AWS's managed policy AmazonAPIGatewayPushToCloudWatchLogs.
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogGroups",
                    "logs:DescribeLogStreams",
                    "logs:FilterLogEvents",
                    "logs:GetLogEvents",
                    "logs:PutLogEvents",
                ],
                resources=[log_groups],
            )
        )
        account = apigateway.CfnAccount(self, "Resource", cloud_watch_role_arn=role.role_arn)
        # API Gateway tries the role when it is set.
        account.node.add_dependency(role)
        acknowledge_in_policy(
            role,
            {
                wildcard_finding(role, log_groups): (
                    "the setting is the account's: API Gateway writes with it into the log group of every stage"
                )
            },
        )
