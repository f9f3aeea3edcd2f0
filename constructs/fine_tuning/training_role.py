"""The IAM role that SageMaker assumes to train one model."""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.endpoint.execution_role import DESCRIBE_NETWORK, MANAGE_NETWORK_INTERFACES, PULL_IMAGE, WRITE_LOGS
from constructs.statements import allow

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
    """The least that SageMaker needs to run the training jobs of one pipeline.

    Defines: an `AWS::IAM::Role` that only `sagemaker.amazonaws.com` may assume, and its one inline policy: read the
    data and JumpStart's script and weights, write the tuned weights, pull the image, write logs and metrics.

    Data flow: SageMaker reads channels, writes output and checkpoints with the role.

    Failures: CreateTrainingJob checks that the role may be assumed; what the role may not read fails the job.

    Prerequisites: none.

    Usage::

        role = TrainingRole(self, "Role", deployment=deployment, data=["arn:aws:s3:::b/training/data/*"], ...)
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        data: Sequence[tuple[str, str]],
        output: tuple[str, str],
        encryption_key: kms.IKey,
        volume_key: bool = False,
        in_vpc: bool = False,
    ) -> None:
        """Define the role.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            deployment: The base model, resolved for the stack's region: its registry has the training image, too.
            data: Buckets' ARNs and prefixes with data for training and validation.
            output: Bucket's ARN and prefix for what the jobs make.
            encryption_key: Key of the output, and of the stack's own data.
            volume_key: Whether the jobs' volumes are encrypted with it, too.
            in_vpc: Whether the jobs' containers get network interfaces in a VPC.
        """
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description=f"trains {deployment.model_id} {deployment.version}",
        )
        self._findings: dict[str, str] = {}
        self._read(deployment, data, output)
        key_actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
        allow(self, "UseKey", [*key_actions, *(["kms:CreateGrant"] if volume_key else [])], encryption_key.key_arn)
        self._report(deployment)
        if in_vpc:
            allow(self, "ManageNetworkInterfaces", MANAGE_NETWORK_INTERFACES, "*")
            allow(self, "DescribeNetwork", DESCRIBE_NETWORK, "*")
        acknowledge_in_policy(self, self._findings)

    def _wildcard(self, arn: str, reason: str) -> str:
        self._findings[wildcard_finding(self, arn)] = reason
        return arn

    def _read(self, deployment: Deployment, data: Sequence[tuple[str, str]], output: tuple[str, str]) -> None:
        kinds = ["jumpstart-cache-prod", *(["jumpstart-private-cache-prod"] if deployment.gated else [])]
        caches = [self._bucket(f"{kind}-{deployment.region}") for kind in kinds]
        weights = _WEIGHTS.format(model_id=deployment.model_id)
        recipe_reason = (
            "the recipe names script and weights when a job is prepared; the prefixes hold JumpStart's published "
            "scripts and the weights of this one model"
        )
        data_reason = "the data's objects are named by whoever uploads them, below this prefix"
        output_reason = "SageMaker and the training script name what they write, below this prefix"
        allow(self, "ListBuckets", ["s3:ListBucket"], *dict.fromkeys([*caches, *(bucket for bucket, _ in data)]))
        allow(
            self,
            "ReadRecipe",
            ["s3:GetObject"],
            self._wildcard(f"{caches[0]}/{_SCRIPTS}", recipe_reason),
            *(self._wildcard(f"{cache}/{weights}", recipe_reason) for cache in caches),
        )
        objects = [self._wildcard(f"{bucket}/{prefix}*", data_reason) for bucket, prefix in data]
        allow(self, "ReadData", ["s3:GetObject"], *objects)
        bucket, prefix = output
        allow(
            self,
            "WriteOutput",
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            self._wildcard(f"{bucket}/{prefix}*", output_reason),
        )

    def _bucket(self, name: str) -> str:
        return Stack.of(self).format_arn(service="s3", region="", account="", resource=name)

    def _report(self, deployment: Deployment) -> None:
        stack = Stack.of(self)
        if deployment.image:
            account = ImageUri.parse(deployment.image).account
            repositories = [
                stack.format_arn(service="ecr", account=account, resource="repository", resource_name=name)
                for name in TRAINING_REPOSITORIES
            ]
            allow(self, "PullImage", PULL_IMAGE, *repositories)
        allow(self, "RegistryToken", ["ecr:GetAuthorizationToken"], "*")
        log_group = stack.format_arn(service="logs", resource="log-group:/aws/sagemaker/TrainingJobs")
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
        self._findings["AwsSolutions-IAM5[Resource::*]"] = (
            "IAM offers no resource for ecr:GetAuthorizationToken and cloudwatch:PutMetricData (which a condition "
            "holds to SageMaker's namespaces), nor, in a VPC, one that is known beforehand for ec2:Describe* and the "
            "actions on network interfaces"
        )
