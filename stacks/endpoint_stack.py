"""One model's stack: where a declaration meets the constructs."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct
from constructs.api.invoke_target import EndpointTarget
from constructs.artifact_bucket import ArtifactBucket
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint
from constructs.model_key import ModelKey

from catalog import Lock
from catalog.deployment import container_version
from stacks.declarations import JumpStartModel
from stacks.environments import Environment
from stacks.parts.front_door import model_api
from stacks.settings import name_of, path_of, place_of, removal_policy, seconds


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
        name = name_of(environment, model)
        super().__init__(
            scope,
            model.name,
            stack_name=name,
            description=f"{model.model_id} {model.version} in {environment.name}",
            env=place_of(environment, model),
        )
        removal = removal_policy(environment)
        network = environment.network

        key = ModelKey(self, "Key", alias=path_of(environment, model), removal_policy=removal)
        artifacts = ArtifactBucket(self, "Artifacts", encryption_key=key, removal_policy=removal)
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
            download_timeout=seconds(model.download_timeout_seconds),
            startup_timeout=seconds(model.startup_timeout_seconds),
            subnet_ids=network.subnet_ids if network else (),
            security_group_ids=network.security_group_ids if network else (),
            encryption_key=key,
        )
        target = EndpointTarget(
            endpoint,
            container=endpoint.deployment.container,
            container_version=container_version(endpoint.deployment.image),
            gather_stream=model.gather_stream,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
        )
        front = model_api(self, environment=environment, model=model, target=target, encryption_key=key)
        # Instances bill from the endpoint's creation: whatever else may fail should have failed by then.
        endpoint.cfn_endpoint.node.add_dependency(artifacts.bucket, *front.parts)

        CfnOutput(
            self,
            "EndpointName",
            value=endpoint.cfn_endpoint.attr_endpoint_name,
            description="the SageMaker endpoint",
        )
        CfnOutput(self, "BucketName", value=artifacts.bucket_name, description="the model's data and artifacts")
        CfnOutput(self, "KeyArn", value=key.key_arn, description="the key of all that the stack stores")
