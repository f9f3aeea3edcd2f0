"""An imported model's stack: where its declaration meets the constructs."""

from aws_cdk import Aws, CfnOutput, Stack
from constructs import Construct
from constructs.model_import.import_role import Weights
from constructs.model_key import ModelKey
from constructs.run_notices import RunNotices

from stacks.declarations import ImportedModel, SageMakerWeights
from stacks.environments import Environment
from stacks.parts.front_door import model_api
from stacks.parts.model_import import import_into_bedrock
from stacks.settings import name_of, path_of, place_of, removal_policy


class ImportedStack(Stack):
    """Everything that one imported model needs in one environment: import, pointer and API."""

    def __init__(self, scope: Construct, *, environment: Environment, model: ImportedModel) -> None:
        """Define the stack.

        Args:
            scope: The environment's stage.
            environment: Where the model runs.
            model: What runs there.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        super().__init__(
            scope,
            model.name,
            stack_name=name_of(environment, model),
            description=f"{model.name}, imported into Bedrock, in {environment.name}",
            env=place_of(environment, model),
        )
        key = ModelKey(self, "Key", alias=path_of(environment, model), removal_policy=removal_policy(environment))
        declared = model.weights
        source = declared if isinstance(declared, SageMakerWeights) else None
        own = {"account": environment.account or Aws.ACCOUNT_ID, "region": self.region}
        imported, job = import_into_bedrock(
            self,
            environment=environment,
            model=model,
            declared=model.bedrock,
            weights=Weights(
                bucket_name=declared.bucket.format(**own),
                prefix=declared.prefix,
                account=declared.account,
                key_arn=declared.key_arn,
                sagemaker_model=source.model_name if source else None,
                training_job=source.training_job if source else None,
            ),
            encryption_key=key,
            import_on_deploy=True,
            revision=model.revision,
        )
        # Whoever does not wait for an import, which a person or a pipeline has started, hears of its end.
        notices = RunNotices(self, "Notices", subject=f"import of {environment.name}/{model.name}", encryption_key=key)
        notices.watch(job.state_machine)
        CfnOutput(self, "TopicArn", value=notices.topic.topic_arn, description="tells how imports end: subscribe to it")
        front = model_api(self, environment=environment, model=model, target=imported, encryption_key=key)
        # The last of the stack for the same reason: nobody pays for a model that no API stands in front of.
        job.deployment.resource.node.add_dependency(front.api, *front.parts, notices)
