"""What an environment says of a model, as CDK has it: names, tags, the place, and how long things stay."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import Environment as CdkEnvironment
from aws_cdk import aws_logs as logs

from stacks.declarations import Model
from stacks.environments import Environment, Removal

# CDK's names of the numbers of days that CloudWatch Logs takes.
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


def name_of(environment: Environment, model: Model) -> str:
    """The stack's name, with which the names of all that belongs to the model begin."""
    return f"{environment.name}-{model.name}"


def path_of(environment: Environment, model: Model) -> str:
    """The same as a path, for aliases, parameters and people."""
    return f"{environment.name}/{model.name}"


def tags_of(environment: Environment, model: Model) -> dict[str, str]:
    """The tags of what CloudFormation does not make, and so does not tag."""
    return {**environment.tags, "model": model.name}


def place_of(environment: Environment, model: Model) -> CdkEnvironment:
    """The account and the region of the model's stack."""
    return CdkEnvironment(account=environment.account, region=model.region or environment.region)


def log_retention(environment: Environment) -> logs.RetentionDays:
    """How long an environment's logs are kept."""
    return _RETENTION[environment.log_retention_days]


def removal_policy(environment: Environment) -> RemovalPolicy:
    """What becomes of an environment's stateful resources."""
    return {
        Removal.DESTROY: RemovalPolicy.DESTROY,
        Removal.RETAIN: RemovalPolicy.RETAIN,
    }[environment.removal]


def seconds(number: int | None) -> Duration | None:
    """A declared number of seconds, or None."""
    return None if number is None else Duration.seconds(number)
