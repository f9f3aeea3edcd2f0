"""Stack of a fine-tuned model that a SageMaker endpoint serves."""

from constructs import Construct
from constructs.api.invoke_target import EndpointTarget
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.endpoint_serving import EndpointServing
from constructs.served_pointer import ServedPointer

from catalog import Lock
from catalog.deployment import container_version
from stacks.declarations import FineTunedModel
from stacks.parts.fine_tuning import DataStore, FineTuning
from stacks.parts.front_door import front_door
from stacks.parts.spoken import spoken
from stacks.placed_stack import PlacedStack, seconds
from stacks.placement import Placement


class FineTunedEndpointStack(PlacedStack):
    """Pipeline, pointer and API of one fine-tuned model in one environment; the pipeline creates the endpoint."""

    def __init__(self, scope: Construct, placement: Placement[FineTunedModel], *, lock: Lock) -> None:
        """Define the stack.

        Args:
            scope: The environment's scope.
            placement: The model and its environment.
            lock: The catalogue that pins the base model's container.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        model = placement.model
        super().__init__(
            scope, placement, description=f"{model.model_id} {model.version}, tuned, in {placement.environment.name}"
        )
        store = DataStore.of(self, placement)
        endpoint = FineTunedEndpoint(
            self,
            "Endpoint",
            model=lock.model(model.model_id, model.version),
            endpoint_name=placement.name,
            weights=store.runs,
            encryption_key=store.key,
            instance_type=model.instance_type,
            allow_unlisted_instance_type=model.unlisted_instance_type is not None,
            instance_count=placement.instance_count,
            environment=model.environment,
            accept_eula=model.accept_eula,
            subnet_ids=placement.subnet_ids,
            security_group_ids=placement.security_group_ids,
            download_timeout=seconds(model.download_timeout_seconds),
            startup_timeout=seconds(model.startup_timeout_seconds),
        )
        deployment = endpoint.deployment
        pointer = ServedPointer(self, "Served", path=placement.path)
        recipe_sha256 = lock.recipe_sha256(model.model_id, model.version)
        tuning = FineTuning(self, placement, deployment, store=store, recipe_sha256=recipe_sha256)
        serving = EndpointServing(
            endpoint,
            pointer=pointer,
            verify=tuning.functions.verify(endpoint, prompt_template=model.prompt_template),
            prune=tuning.functions.prune(pointer),
            tags=placement.tags,
        )
        tuning.serve(serving)
        protocol = spoken(deployment, model)
        target = EndpointTarget(
            endpoint,
            container=protocol.container,
            task=protocol.task,
            container_version=container_version(deployment.image),
            pointer=pointer,
            gather_stream=model.gather_stream,
            images=protocol.images,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
        )
        front_door(self, placement, target=target, prompt_format=protocol.prompt_format, encryption_key=store.key)
        self.add_outputs({"EndpointName": (placement.name, "the SageMaker endpoint, once a first version is served")})
        tuning.finish(needs=[endpoint, pointer], endpoint_name=placement.name)
