"""One model's stack: where a declaration meets the constructs."""

from collections.abc import Mapping

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import Environment as CdkEnvironment
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.api_domain import ApiDomain
from constructs.api_keys import ApiKeys
from constructs.artifact_bucket import ArtifactBucket
from constructs.invoke_api import InvokeApi
from constructs.jumpstart_endpoint import JumpStartEndpoint
from constructs.model_key import ModelKey
from constructs.web_acl import WebAcl

from catalog import Lock
from catalog.deployment import container_version
from stacks.environments import ApiKeys as Keys
from stacks.environments import Domain, Environment, Removal
from stacks.environments import WebAcl as WebAclDeclaration
from stacks.models import JumpStartModel

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


class ModelStack(Stack):
    """Everything that one model needs in one environment."""

    def __init__(self, scope: Construct, *, environment: Environment, model: JumpStartModel, lock: Lock) -> None:
        """Define the stack.

        Args:
            scope: The environment's stage.
            environment: Where the model runs.
            model: What runs there.
            lock: The catalogue that pins the model's image and artifact.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        name = f"{environment.name}-{model.name}"
        super().__init__(
            scope,
            model.name,
            stack_name=name,
            description=f"{model.model_id} {model.version} in {environment.name}",
            env=CdkEnvironment(account=environment.account, region=model.region or environment.region),
        )
        removal_policy = {
            Removal.DESTROY: RemovalPolicy.DESTROY,
            Removal.RETAIN: RemovalPolicy.RETAIN,
        }[environment.removal]
        network = environment.network

        key = ModelKey(self, "Key", alias=f"{environment.name}/{model.name}", removal_policy=removal_policy)
        artifacts = ArtifactBucket(self, "Artifacts", encryption_key=key, removal_policy=removal_policy)
        endpoint = JumpStartEndpoint(
            self,
            "Endpoint",
            model=lock.model(model.model_id, model.version),
            endpoint_name=name,
            instance_type=model.instance_type,
            allow_unlisted_instance_type=model.unlisted_instance_type is not None,
            instance_count=environment.instance_count if model.instance_count is None else model.instance_count,
            environment=model.environment,
            accept_eula=model.accept_eula,
            model_data_download_timeout=_seconds(model.download_timeout_seconds),
            container_startup_timeout=_seconds(model.startup_timeout_seconds),
            subnet_ids=network.subnet_ids if network else (),
            security_group_ids=network.security_group_ids if network else (),
            encryption_key=key,
        )
        retention = _RETENTION[environment.log_retention_days]
        door = environment.front_door
        keys = _api_keys(self, door.api_keys, key, retention, removal_policy) if door.api_keys else None
        domain = _domain(self, door.domain, model) if door.domain else None
        api = InvokeApi(
            self,
            "Api",
            endpoint=endpoint,
            model_name=model.name,
            container=endpoint.deployment.container,
            container_version=container_version(endpoint.deployment.image),
            prompt_format=model.prompt_format,
            prompt_template=model.prompt_template,
            encryption_key=key,
            api_keys=keys,
            web_acl_arn=_web_acl_arn(self, door.web_acl) if door.web_acl else None,
            domain=domain,
            gather_stream=model.gather_stream,
            log_prompts=environment.log_prompts,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
            invoke_timeout=Duration.seconds(model.invoke_timeout_seconds),
            reserved_concurrency=environment.reserved_concurrency,
            log_retention=retention,
            removal_policy=removal_policy,
        )
        # Instances bill from the endpoint's creation: whatever else may fail should have failed by then.
        endpoint.cfn_endpoint.node.add_dependency(artifacts.bucket, api.rest_api.deployment_stage)
        for part in (keys, domain, api.web_acl_association):
            if part is not None:
                endpoint.cfn_endpoint.node.add_dependency(part)

        CfnOutput(
            self,
            "InvokeUrl",
            value=api.url,
            description="where the API answers; OpenAI's base URL is this and v1",
        )
        if api.usage_plan:
            CfnOutput(
                self,
                "UsagePlanId",
                value=api.usage_plan.usage_plan_id,
                description="the usage plan that the keys of the API's callers belong to",
            )
        if domain:
            CfnOutput(
                self,
                "DomainTarget",
                value=domain.regional_domain_name,
                description="what the DNS record of the model's name points to",
            )
        CfnOutput(
            self,
            "EndpointName",
            value=endpoint.cfn_endpoint.attr_endpoint_name,
            description="the SageMaker endpoint",
        )
        CfnOutput(self, "BucketName", value=artifacts.bucket_name, description="the model's data and artifacts")
        CfnOutput(self, "KeyArn", value=key.key_arn, description="the key of all that the stack stores")


def _api_keys(
    stack: ModelStack, declared: Keys, key: ModelKey, retention: logs.RetentionDays, removal_policy: RemovalPolicy
) -> ApiKeys:
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


def _web_acl_arn(stack: ModelStack, declared: WebAclDeclaration | Mapping[str, str]) -> str:
    if not isinstance(declared, WebAclDeclaration):
        return declared[stack.region]
    return WebAcl(
        stack,
        "WebAcl",
        managed_rule_groups=declared.managed_rule_groups,
        requests_per_address=declared.requests_per_address,
    ).web_acl_arn


def _domain(stack: ModelStack, declared: Domain, model: JumpStartModel) -> ApiDomain:
    return ApiDomain(
        stack,
        "Domain",
        domain_name=f"{model.name}.{declared.name}",
        certificate_arn=declared.certificates[stack.region],
        hosted_zone_id=declared.hosted_zone_id,
    )


def _seconds(number: int | None) -> Duration | None:
    return None if number is None else Duration.seconds(number)
