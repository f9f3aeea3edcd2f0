"""The stack of a fine-tuned model that Bedrock serves: where its declaration meets the constructs."""

from dataclasses import replace

from aws_cdk import Stack
from constructs import Construct
from constructs.endpoint.hosting import base_of_tuning
from constructs.fine_tuning.import_serving import ImportServing
from constructs.model_import.import_role import Weights

from catalog import Lock
from catalog.example_prompts import example_prompt
from stacks.declarations import BedrockImport, FineTunedModel
from stacks.environments import Environment
from stacks.parts.fine_tuning import RUNS, data_store, pipeline, training
from stacks.parts.fine_tuning_runs import start_and_clean_up
from stacks.parts.front_door import model_api
from stacks.parts.model_import import import_into_bedrock
from stacks.settings import name_of, place_of


class TunedImportStack(Stack):
    """Everything that one model needs in one environment which is tuned and then imported: pipeline, import and API."""

    def __init__(
        self, scope: Construct, *, environment: Environment, model: FineTunedModel, bedrock: BedrockImport, lock: Lock
    ) -> None:
        """Define the stack.

        Args:
            scope: The environment's stage.
            environment: Where the model is trained and runs.
            model: What is trained.
            bedrock: How it is imported and served.
            lock: The catalogue that pins the base model.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        super().__init__(
            scope,
            model.name,
            stack_name=name_of(environment, model),
            description=f"{model.model_id} {model.version}, tuned, imported into Bedrock, in {environment.name}",
            env=place_of(environment, model),
        )
        deployment = base_of_tuning(
            lock.model(model.model_id, model.version), region=self.region, accept_eula=model.accept_eula
        )
        store = data_store(self, environment=environment, model=model)
        weights = Weights(bucket_name=store.artifacts.bucket.bucket_name, prefix=RUNS, key_arn=store.key.key_arn)
        imported, job = import_into_bedrock(
            self,
            environment=environment,
            model=model,
            declared=_asked_as_tuned(bedrock, model.prompt_template),
            weights=weights,
            encryption_key=store.key,
            import_on_deploy=False,
        )
        # A job reads the weights to its end, which its clean-up waits for.
        job.deployment.resource.node.add_dependency(store.artifacts)
        trained = training(self, environment=environment, model=model, store=store, deployment=deployment)
        tuning = pipeline(
            self,
            environment=environment,
            model=model,
            store=store,
            trained=trained,
            serving=ImportServing(imported, job=job, weights_uri=weights.uri),
        )
        model_api(self, environment=environment, model=model, target=imported, encryption_key=store.key)
        start_and_clean_up(
            self,
            environment=environment,
            model=model,
            store=store,
            trained=trained,
            tuning=tuning,
            # Imported models go when the pipeline has been stopped, so that it imports nothing any more.
            needs=[job.deployment.resource],
        )


def _asked_as_tuned(declared: BedrockImport, prompt_template: str | None) -> BedrockImport:
    """The declaration with a question in the form that the model was tuned on, where it names none."""
    if declared.smoke_prompt is not None or not prompt_template:
        return declared
    return replace(declared, smoke_prompt=example_prompt(prompt_template))
