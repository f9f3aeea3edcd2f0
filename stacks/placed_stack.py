"""Base of the models' stacks: names, account, region, tag and outputs of a placement, and its settings in CDK's types.

The four kinds of stacks are a table of two by two, by the weights and by what serves them:

| weights                        | SageMaker endpoint       | Bedrock                |
|--------------------------------|--------------------------|------------------------|
| published, or your own         | `EndpointStack`          | `ImportedModelStack`   |
| tuned by the stack's pipeline  | `FineTunedEndpointStack` | `FineTunedImportStack` |

An endpoint takes weights that JumpStart publishes, and an import weights that you have.
"""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, Tags
from aws_cdk import Environment as CdkEnvironment
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.values.durations import seconds as duration
from constructs.values.storage import Storage

from stacks.environments import Removal
from stacks.placement import AnyPlacement

# CDK's names for the numbers of days that CloudWatch Logs takes.
_RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    2192: logs.RetentionDays.SIX_YEARS,
    2557: logs.RetentionDays.SEVEN_YEARS,
    2922: logs.RetentionDays.EIGHT_YEARS,
    3288: logs.RetentionDays.NINE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
_REMOVAL_POLICIES = {
    Removal.DESTROY: RemovalPolicy.DESTROY,
    # A first deployment that fails removes what it made; only an update and a deletion retain.
    Removal.RETAIN: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
}

POINTER_TYPE = "AWS::SSM::Parameter"
"""Type of a served pointer's parameters, which have the names of environment and model for tags, and never others.

CloudFormation would write `none` over the served version where an environment's tag changes.
"""


class PlacedStack(Stack):
    """The stack of one model in one environment.

    Attributes:
        removal_policy: Fate of stateful resources that leave the stack, or whose stack is deleted.
        log_retention: Time that logs are stored.
    """

    removal_policy: RemovalPolicy
    log_retention: logs.RetentionDays

    def __init__(self, scope: Construct, placement: AnyPlacement, *, description: str) -> None:
        """Define an empty stack with the placement's name, account, region and tag.

        Args:
            scope: The environment's scope.
            placement: The model and its environment.
            description: The stack's description.
        """
        super().__init__(
            scope,
            placement.model.name,
            stack_name=placement.name,
            description=description,
            env=CdkEnvironment(account=placement.account, region=placement.region),
        )
        Tags.of(self).add("model", placement.model.name)
        Tags.of(self).add("environment", placement.environment.name, include_resource_types=[POINTER_TYPE])
        self.removal_policy = _REMOVAL_POLICIES[placement.environment.removal]
        self.log_retention = _RETENTION[placement.environment.log_retention_days]
        self.access_log_expiration = Duration.days(placement.environment.access_log_days)
        self.old_version_expiration = Duration.days(placement.environment.old_version_days)

    def storage(self, encryption_key: kms.IKey) -> Storage:
        """Return the settings of logs and environment variables that are encrypted with a key."""
        return Storage(
            encryption_key=encryption_key, log_retention=self.log_retention, removal_policy=self.removal_policy
        )

    def add_outputs(self, outputs: Mapping[str, tuple[str, str]]) -> None:
        """Define outputs.

        Args:
            outputs: Value and description by the output's name.
        """
        for name, (value, description) in outputs.items():
            CfnOutput(self, name, value=value, description=description)


def seconds(number: int | None) -> Duration | None:
    """Return a declared number of seconds as a duration, or None for None."""
    return None if number is None else duration(number)
