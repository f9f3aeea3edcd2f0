"""Stack of a published model that a SageMaker endpoint serves."""

from constructs import Construct
from constructs.api.invoke_target import EndpointTarget
from constructs.artifact_bucket import ArtifactBucket
from constructs.endpoint.jumpstart_endpoint import JumpStartEndpoint
from constructs.model_key import ModelKey

from catalog import Lock
from catalog.deployment import container_version
from stacks.declarations import JumpStartModel
from stacks.parts.front_door import front_door
from stacks.parts.spoken import spoken
from stacks.placed_stack import PlacedStack, seconds
from stacks.placement import Placement


class EndpointStack(PlacedStack):
    """Key, bucket, endpoint and API of one published model in one environment."""

    def __init__(self, scope: Construct, placement: Placement[JumpStartModel], *, lock: Lock) -> None:
        """Define the stack.

        Args:
            scope: The environment's scope.
            placement: The model and its environment.
            lock: The catalogue that pins the model's image and artifact.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        model = placement.model
        super().__init__(
            scope, placement, description=f"{model.model_id} {model.version} in {placement.environment.name}"
        )
        key = ModelKey(self, "Key", alias=placement.path, removal_policy=self.removal_policy)
        artifacts = ArtifactBucket(
            self,
            "Artifacts",
            encryption_key=key,
            removal_policy=self.removal_policy,
            noncurrent_version_expiration=self.old_version_expiration,
            access_log_expiration=self.access_log_expiration,
            log_retention=self.log_retention,
        )
        endpoint = JumpStartEndpoint(
            self,
            "Endpoint",
            model=lock.model(model.model_id, model.version),
            endpoint_name=placement.name,
            instance_type=model.instance_type,
            allow_unlisted_instance_type=model.unlisted_instance_type is not None,
            instance_count=placement.instance_count,
            environment=model.environment,
            accept_eula=model.accept_eula,
            download_timeout=seconds(model.download_timeout_seconds),
            startup_timeout=seconds(model.startup_timeout_seconds),
            subnet_ids=placement.subnet_ids,
            security_group_ids=placement.security_group_ids,
            encryption_key=key,
        )
        protocol = spoken(endpoint.deployment, model)
        target = EndpointTarget(
            endpoint,
            container=protocol.container,
            task=protocol.task,
            container_version=container_version(endpoint.deployment.image),
            gather_stream=model.gather_stream,
            images=protocol.images,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
        )
        front = front_door(self, placement, target=target, prompt_format=protocol.prompt_format, encryption_key=key)
        # Instances bill from the endpoint's creation: whatever else may fail should have failed by then.
        endpoint.cfn_endpoint.node.add_dependency(artifacts.bucket, *front.parts)
        self.add_outputs(
            {
                "EndpointName": (endpoint.cfn_endpoint.attr_endpoint_name, "the SageMaker endpoint"),
                "BucketName": (artifacts.bucket_name, "the model's data and artifacts"),
                "KeyArn": (key.key_arn, "the key of all that the stack stores"),
            }
        )
