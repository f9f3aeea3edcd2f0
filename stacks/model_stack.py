"""One model's stack: where a declaration meets the constructs."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import Environment as CdkEnvironment
from aws_cdk import aws_logs as logs
from constructs import Construct
from constructs.artifact_bucket import ArtifactBucket
from constructs.invoke_api import InvokeApi
from constructs.jumpstart_endpoint import JumpStartEndpoint
from constructs.model_key import ModelKey

from catalog import Lock
from stacks.environments import Environment, Removal
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
        api = InvokeApi(
            self,
            "Api",
            endpoint=endpoint,
            model_name=model.name,
            container=endpoint.deployment.container,
            prompt_format=model.prompt_format,
            encryption_key=key,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
            invoke_timeout=Duration.seconds(model.invoke_timeout_seconds),
            reserved_concurrency=environment.reserved_concurrency,
            log_retention=_RETENTION[environment.log_retention_days],
            removal_policy=removal_policy,
        )
        # Instances bill from the endpoint's creation: whatever else may fail should have failed by then.
        endpoint.cfn_endpoint.node.add_dependency(artifacts.bucket, api.rest_api.deployment_stage)

        CfnOutput(
            self,
            "InvokeUrl",
            value=api.url,
            description="where the API answers; OpenAI's base URL is this and v1",
        )
        CfnOutput(
            self,
            "EndpointName",
            value=endpoint.cfn_endpoint.attr_endpoint_name,
            description="the SageMaker endpoint",
        )
        CfnOutput(self, "BucketName", value=artifacts.bucket_name, description="the model's data and artifacts")
        CfnOutput(self, "KeyArn", value=key.key_arn, description="the key of all that the stack stores")


def _seconds(number: int | None) -> Duration | None:
    return None if number is None else Duration.seconds(number)
