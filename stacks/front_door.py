"""What stands in front of a model in an environment, and the environment's settings as CDK has them."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs.api_domain import ApiDomain
from constructs.api_keys import ApiKeys
from constructs.invoke_api import InvokeApi
from constructs.model_key import ModelKey
from constructs.web_acl import WebAcl

from stacks.environments import ApiKeys as Keys
from stacks.environments import Domain, Environment, Removal
from stacks.environments import WebAcl as WebAclDeclaration
from stacks.models import JumpStartModel

RETENTION = {
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
"""CDK's names of the numbers of days that CloudWatch Logs takes."""


def removal_policy(environment: Environment) -> RemovalPolicy:
    """What becomes of an environment's stateful resources."""
    return {
        Removal.DESTROY: RemovalPolicy.DESTROY,
        Removal.RETAIN: RemovalPolicy.RETAIN,
    }[environment.removal]


def seconds(number: int | None) -> Duration | None:
    """A declared number of seconds, or None."""
    return None if number is None else Duration.seconds(number)


def api_keys(
    stack: Stack, declared: Keys, key: ModelKey, retention: logs.RetentionDays, removal_policy: RemovalPolicy
) -> ApiKeys:
    """Define the callers' keys."""
    throttle, quota = declared.throttle, declared.quota
    return ApiKeys(
        stack,
        "Keys",
        encryption_key=key,
        requests_per_second=throttle.requests_per_second if throttle else None,
        burst=throttle.burst if throttle else None,
        quota=quota.requests if quota else None,
        quota_period=quota.per if quota else "MONTH",
        log_retention=retention,
        removal_policy=removal_policy,
    )


def web_acl_arn(stack: Stack, declared: WebAclDeclaration | Mapping[str, str]) -> str:
    """Define a web ACL, or name the existing one of the region."""
    if not isinstance(declared, WebAclDeclaration):
        return declared[stack.region]
    return WebAcl(
        stack,
        "WebAcl",
        managed_rule_groups=declared.managed_rule_groups,
        requests_per_address=declared.requests_per_address,
    ).web_acl_arn


def api_domain(stack: Stack, declared: Domain, model: JumpStartModel) -> ApiDomain:
    """Define the name under which the model answers."""
    return ApiDomain(
        stack,
        "Domain",
        domain_name=f"{model.name}.{declared.name}",
        certificate_arn=declared.certificates[stack.region],
        hosted_zone_id=declared.hosted_zone_id,
    )


def api_outputs(stack: Stack, api: InvokeApi, domain: ApiDomain | None) -> None:
    """Tell where the API answers, and what its callers and its name need."""
    CfnOutput(
        stack,
        "InvokeUrl",
        value=api.url,
        description="where the API answers; OpenAI's base URL is this and v1",
    )
    if api.usage_plan:
        CfnOutput(
            stack,
            "UsagePlanId",
            value=api.usage_plan.usage_plan_id,
            description="the usage plan that the keys of the API's callers belong to",
        )
    if domain:
        CfnOutput(
            stack,
            "DomainTarget",
            value=domain.regional_domain_name,
            description="what the DNS record of the model's name points to",
        )
