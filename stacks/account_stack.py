"""Stack of an account's settings in one region, deployed once, whatever runs there."""

from aws_cdk import Environment as CdkEnvironment
from aws_cdk import Stack
from constructs import Construct
from constructs.api.api_gateway_account import ApiGatewayAccount


class AccountStack(Stack):
    """Settings that belong to an account and region, not to an environment or a model."""

    def __init__(self, scope: Construct, *, account: str | None, region: str) -> None:
        """Define the stack.

        Args:
            scope: The stage of account stacks.
            account: 12 digits, or None for the account of the credentials.
            region: Such as `us-west-2`.
        """
        super().__init__(
            scope,
            f"{account}-{region}" if account else region,
            stack_name="jumpstack-account",
            description="settings of this account and region that every model's stack relies on",
            env=CdkEnvironment(account=account, region=region),
        )
        ApiGatewayAccount(self, "ApiGateway")
