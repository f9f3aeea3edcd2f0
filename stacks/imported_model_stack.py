"""Stack of a model with weights of your own, which Bedrock serves."""

from aws_cdk import Aws
from constructs import Construct
from constructs.model_import.import_role import Weights
from constructs.model_key import ModelKey
from constructs.state_machines.run_notices import RunNotices

from stacks.declarations import ImportedModel, SageMakerWeights
from stacks.parts.front_door import front_door
from stacks.parts.model_import import import_into_bedrock
from stacks.placed_stack import PlacedStack
from stacks.placement import Placement


class ImportedModelStack(PlacedStack):
    """Import, pointer and API of one model with weights of your own in one environment."""

    def __init__(self, scope: Construct, placement: Placement[ImportedModel]) -> None:
        """Define the stack.

        Args:
            scope: The environment's scope.
            placement: The model and its environment.

        Raises:
            ValueError: If the declaration is wrong; the message lists every problem.
        """
        model = placement.model
        super().__init__(
            scope, placement, description=f"{model.name}, imported into Bedrock, in {placement.environment.name}"
        )
        key = ModelKey(self, "Key", alias=placement.path, removal_policy=self.removal_policy)
        declared = model.weights
        source = declared if isinstance(declared, SageMakerWeights) else None
        own = {"account": placement.account or Aws.ACCOUNT_ID, "region": self.region}
        imported, job = import_into_bedrock(
            self,
            placement,
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
        # Imports that a person or a pipeline starts end without anybody waiting for them.
        notices = RunNotices(self, "Notices", subject=f"import of {placement}", encryption_key=key)
        notices.watch(job.state_machine)
        self.add_outputs({"TopicArn": (notices.topic.topic_arn, "tells how imports end: subscribe to it")})
        front = front_door(self, placement, target=imported, prompt_format=model.prompt_format, encryption_key=key)
        # Import last: a version costs storage, so API, keys and notices must exist first.
        job.deployment.resource.node.add_dependency(front.api, *front.parts, notices)
