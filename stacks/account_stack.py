"""Stack of an account's settings in one region, deployed once, whatever runs there."""

from aws_cdk import BootstraplessSynthesizer, DefaultStackSynthesizer, Stack
from aws_cdk import Environment as CdkEnvironment
from constructs import Construct
from constructs.api.api_gateway_account import ApiGatewayAccount

from stacks.placement import account_stack_id


class AccountStack(Stack):
    """Settings that belong to an account and region, not to an environment or a model.

    The CDK CLI deploys it before any model's stack: it is the first in the assembly, and it has no assets to wait for,
    not even its template, which travels in the request. The roles of the bootstrap stack deploy it, as they deploy all
    stacks.
    """

    def __init__(self, scope: Construct, *, account: str | None, region: str) -> None:
        """Define the stack.

        Args:
            scope: The scope of accounts' stacks.
            account: 12 digits, or None for the account of the credentials.
            region: Such as `us-west-2`.
        """
        super().__init__(
            scope,
            account_stack_id(account, region),
            stack_name="jumpstack-account",
            description="settings of this account and region that every model's stack relies on",
            env=CdkEnvironment(account=account, region=region),
            synthesizer=BootstraplessSynthesizer(
                deploy_role_arn=DefaultStackSynthesizer.DEFAULT_DEPLOY_ROLE_ARN,
                cloud_formation_execution_role_arn=DefaultStackSynthesizer.DEFAULT_CLOUDFORMATION_ROLE_ARN,
            ),
        )
        ApiGatewayAccount(self, "ApiGateway")
