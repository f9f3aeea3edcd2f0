"""The stack of a fine-tuned model that an endpoint serves: where its declaration meets the constructs."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct
from constructs.api.invoke_target import EndpointTarget
from constructs.endpoint.fine_tuned_endpoint import FineTunedEndpoint
from constructs.fine_tuning.endpoint_serving import EndpointServing
from constructs.served_pointer import ServedPointer

from catalog import Lock
from catalog.deployment import container_version
from stacks.declarations import FineTunedModel
from stacks.environments import Environment
from stacks.parts.fine_tuning import data_store, pipeline, training
from stacks.parts.fine_tuning_runs import start_and_clean_up
from stacks.parts.front_door import model_api
from stacks.settings import name_of, path_of, place_of, seconds, tags_of


class FineTunedStack(Stack):
    """Everything that one fine-tuned model needs in one environment: pipeline, pointer and API."""

    def __init__(self, scope: Construct, *, environment: Environment, model: FineTunedModel, lock: Lock) -> None:
        """Define the stack.

        Args:
            scope: The environment's stage.
            environment: Where the model is trained and runs.
            model: What is trained and runs there.
            lock: The catalogue that pins the base model's container.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        name = name_of(environment, model)
        super().__init__(
            scope,
            model.name,
            stack_name=name,
            description=f"{model.model_id} {model.version}, tuned, in {environment.name}",
            env=place_of(environment, model),
        )
        network = environment.network
        store = data_store(self, environment=environment, model=model)
        endpoint = FineTunedEndpoint(
            self,
            "Endpoint",
            model=lock.model(model.model_id, model.version),
            endpoint_name=name,
            weights=store.runs,
            encryption_key=store.key,
            instance_type=model.instance_type,
            allow_unlisted_instance_type=model.unlisted_instance_type is not None,
            instance_count=environment.instance_count if model.instance_count is None else model.instance_count,
            environment=model.environment,
            accept_eula=model.accept_eula,
            subnet_ids=network.subnet_ids if network else (),
            security_group_ids=network.security_group_ids if network else (),
            download_timeout=seconds(model.download_timeout_seconds),
            startup_timeout=seconds(model.startup_timeout_seconds),
        )
        deployment = endpoint.deployment
        pointer = ServedPointer(self, "Served", path=path_of(environment, model))
        trained = training(self, environment=environment, model=model, store=store, deployment=deployment)
        serving = EndpointServing(
            endpoint,
            pointer=pointer,
            functions=trained.functions.for_endpoint(endpoint, pointer=pointer, prompt_template=model.prompt_template),
            tags=tags_of(environment, model),
        )
        tuning = pipeline(self, environment=environment, model=model, store=store, trained=trained, serving=serving)
        target = EndpointTarget(
            endpoint,
            container=deployment.container,
            container_version=container_version(deployment.image),
            pointer=pointer,
            gather_stream=model.gather_stream,
            max_input_tokens=endpoint.max_input_tokens,
            max_total_tokens=endpoint.max_total_tokens,
        )
        model_api(self, environment=environment, model=model, target=target, encryption_key=store.key)
        CfnOutput(
            self, "EndpointName", value=name, description="the SageMaker endpoint, once a first version is served"
        )
        start_and_clean_up(
            self,
            environment=environment,
            model=model,
            store=store,
            trained=trained,
            tuning=tuning,
            needs=[endpoint, pointer],
            endpoint_name=name,
        )
