"""Stack of a fine-tuned model that Bedrock serves."""

from dataclasses import replace

from constructs import Construct
from constructs.endpoint.hosting import base_of_tuning
from constructs.fine_tuning.import_serving import ImportServing
from constructs.model_import.import_role import Weights

from catalog import Lock
from catalog.example_prompts import example_prompt
from stacks.declarations import BedrockImport, FineTunedModel
from stacks.parts.fine_tuning import RUNS, DataStore, FineTuning
from stacks.parts.front_door import front_door
from stacks.parts.model_import import import_into_bedrock
from stacks.placed_stack import PlacedStack
from stacks.placement import Placement


class FineTunedImportStack(PlacedStack):
    """Pipeline, import and API of one fine-tuned model in one environment; the pipeline imports what it has trained."""

    def __init__(
        self, scope: Construct, placement: Placement[FineTunedModel], *, bedrock: BedrockImport, lock: Lock
    ) -> None:
        """Define the stack.

        Args:
            scope: The environment's scope.
            placement: The model and its environment.
            bedrock: The declaration's part about the import.
            lock: The catalogue that pins the base model.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        model = placement.model
        where = f"imported into Bedrock, in {placement.environment.name}"
        super().__init__(scope, placement, description=f"{model.model_id} {model.version}, tuned, {where}")
        deployment = base_of_tuning(
            lock.model(model.model_id, model.version), region=self.region, accept_eula=model.accept_eula
        )
        store = DataStore.of(self, placement)
        weights = Weights(bucket_name=store.artifacts.bucket.bucket_name, prefix=RUNS, key_arn=store.key.key_arn)
        imported, job = import_into_bedrock(
            self,
            placement,
            declared=_with_smoke_prompt(bedrock, model.prompt_template),
            weights=weights,
            encryption_key=store.key,
            import_on_deploy=False,
        )
        # A job reads the weights to its end, which its clean-up waits for.
        job.deployment.resource.node.add_dependency(store.artifacts)
        recipe_sha256 = lock.recipe_sha256(model.model_id, model.version)
        tuning = FineTuning(self, placement, deployment, store=store, recipe_sha256=recipe_sha256)
        tuning.serve(ImportServing(imported, job=job, weights_uri=weights.uri))
        front_door(self, placement, target=imported, prompt_format=model.prompt_format, encryption_key=store.key)
        # Imported models go when the pipeline has been stopped, so that it imports nothing any more.
        tuning.finish(needs=[job.deployment.resource])


def _with_smoke_prompt(declared: BedrockImport, prompt_template: str | None) -> BedrockImport:
    """Return the declaration with a smoke prompt in the form of the training data, where it names none."""
    if declared.smoke_prompt is not None or not prompt_template:
        return declared
    return replace(declared, smoke_prompt=example_prompt(prompt_template))
