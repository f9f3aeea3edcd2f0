"""IAM role that SageMaker assumes to train one model."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from constructs.endpoint.execution_role import (
    DESCRIBE_NETWORK,
    MANAGE_NETWORK_INTERFACES,
    NO_RESOURCE_FOR_CONTAINERS,
    PULL_IMAGE,
    WRITE_LOGS,
)
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import allow, sagemaker_training
from constructs.values.arns import arn, bucket_arn
from constructs.values.s3_location import S3Location

from catalog import Deployment
from catalog.spec import ImageUri

# JumpStart's recipes for language models train in this image (catalogue of the SageMaker SDK 2.257.1).
TRAINING_REPOSITORIES = ("huggingface-pytorch-training",)
# Where JumpStart's public bucket has the scripts of all recipes, and either bucket the weights to train from: such as
# `source-directory-tarballs/huggingface/transfer_learning/llm/prepack/v1.1.1/sourcedir.tar.gz` and
# `huggingface-training/train-huggingface-llm-gemma-7b-instruct.tar.gz`.
_SCRIPTS = "source-directory-tarballs/*"
_WEIGHTS = "*-training/*train-{model_id}*"


class TrainingRole(iam.Role):
    """Least privileges of SageMaker to run the training jobs of one pipeline.

    Defines: an `AWS::IAM::Role` that only SageMaker may assume, for training jobs of this account and region, and its
    one inline policy: read the data and JumpStart's script and weights, write the tuned weights, pull the image, write
    logs and metrics.

    Data flow: SageMaker reads channels, writes output and checkpoints with the role.

    Failures: CreateTrainingJob checks that the role may be assumed; a missing right fails the job.

    Prerequisites: none.

    Usage::

        role = TrainingRole(self, "Role", job_prefix="dev-m", deployment=deployment, data=[S3Location(...)], ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        job_prefix: str,
        deployment: Deployment,
        data: Sequence[S3Location],
        output: S3Location,
        encryption_key: kms.IKey,
        volume_key: bool = False,
        in_vpc: bool = False,
    ) -> None:
        """Define the role.

        Args:
            job_prefix: Beginning of the jobs' names, without the hyphen that follows.
            deployment: The base model, resolved for the stack's region: its registry has the training image, too.
            data: Training and validation data.
            output: Tuned weights and checkpoints.
            encryption_key: Key of the output, and of the stack's own data.
            volume_key: The jobs' volumes are encrypted with it, too.
            in_vpc: The jobs' containers get network interfaces in a VPC.
        """
        super().__init__(
            scope,
            construct_id,
            assumed_by=sagemaker_training(scope),
            description=f"trains {deployment.model_id} {deployment.version}",
        )
        self._wildcards: dict[str, str] = {}
        self._read(deployment, data, S3Location(output.bucket_arn, f"{output.prefix}{job_prefix}-"))
        # kms:Encrypt is for the output's key (SageMaker developer guide, "CreateTrainingJob API: execution role
        # permissions"); S3 itself asks for GenerateDataKey.
        key_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
        allow(self, "UseKey", [*key_actions, *(["kms:CreateGrant"] if volume_key else [])], encryption_key.key_arn)
        self._report(deployment)
        if in_vpc:
            allow(self, "ManageNetworkInterfaces", MANAGE_NETWORK_INTERFACES, "*")
            allow(self, "DescribeNetwork", DESCRIBE_NETWORK, "*")
        acknowledge_wildcards(self, self._wildcards)

    def _wildcard(self, resource: str, reason: str) -> str:
        self._wildcards[resource] = reason
        return resource

    def _read(self, deployment: Deployment, data: Sequence[S3Location], output: S3Location) -> None:
        kinds = ["jumpstart-cache-prod", *(["jumpstart-private-cache-prod"] if deployment.gated else [])]
        caches = [bucket_arn(self, f"{kind}-{deployment.region}") for kind in kinds]
        weights = _WEIGHTS.format(model_id=deployment.model_id)
        recipe_reason = (
            "the recipe names script and weights when a job is prepared; the prefixes hold JumpStart's published "
            "scripts and the weights of this one model"
        )
        data_reason = "the data's objects are named by whoever uploads them, below this prefix"
        output_reason = "SageMaker and the training script name what they write, below the prefix of each job's name"
        allow(self, "ListBuckets", ["s3:ListBucket"], *dict.fromkeys([*caches, *(place.bucket_arn for place in data)]))
        allow(
            self,
            "ReadRecipe",
            ["s3:GetObject"],
            self._wildcard(f"{caches[0]}/{_SCRIPTS}", recipe_reason),
            *(self._wildcard(f"{cache}/{weights}", recipe_reason) for cache in caches),
        )
        objects = [self._wildcard(place.objects, data_reason) for place in data]
        allow(self, "ReadData", ["s3:GetObject"], *objects)
        allow(
            self,
            "WriteOutput",
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            self._wildcard(output.objects, output_reason),
        )

    def _report(self, deployment: Deployment) -> None:
        if deployment.image:
            account = ImageUri.parse(deployment.image).account
            repositories = [arn(self, "ecr", f"repository/{name}", account=account) for name in TRAINING_REPOSITORIES]
            allow(self, "PullImage", PULL_IMAGE, *repositories)
        allow(self, "RegistryToken", ["ecr:GetAuthorizationToken"], "*")
        log_group = arn(self, "logs", "log-group:/aws/sagemaker/TrainingJobs")
        streams = self._wildcard(
            f"{log_group}:*", "all training jobs of an account share SageMaker's one log group, a stream each"
        )
        allow(self, "WriteLogs", WRITE_LOGS, log_group, streams)
        allow(
            self,
            "PutMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            StringLike={"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]},
        )
        self._wildcards["*"] = NO_RESOURCE_FOR_CONTAINERS
