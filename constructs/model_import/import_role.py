"""The IAM role that Bedrock assumes to import the weights of one model."""

from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.statements import allow

# Bedrock User Guide, "Protect custom model import jobs using a VPC".
_MANAGE_NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:CreateTags",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
]
_DESCRIBE_NETWORK = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Where a model's weights are: an S3 prefix of unpacked files, in this account or in another.

    Attributes:
        bucket_name: The bucket; it must be in the stack's region.
        prefix: What the keys begin with, ending in a slash; empty for the whole bucket. For a model that a pipeline
            tunes, what the keys of all its versions begin with.
        account: The bucket's owner; the stack's own account by default. The owner's bucket policy, and the policy of
            its key, must allow the import role, too.
        key_arn: The KMS key of the objects, where they have one.
        sagemaker_model: The name of the SageMaker model of this account and region whose weights these are: it is
            asked for their prefix when they are imported, which must be below `prefix`.
        training_job: The name of the training job that has left them, likewise.
    """

    bucket_name: str
    prefix: str = ""
    account: str | None = None
    key_arn: str | None = None
    sagemaker_model: str | None = None
    training_job: str | None = None

    @property
    def uri(self) -> str:
        """The prefix as Bedrock takes it."""
        return f"s3://{self.bucket_name}/{self.prefix}"

    def source(self, stack: Stack) -> str:
        """What an import of a deployment is given: the ARN of what knows where the weights are, or their prefix."""
        if self.sagemaker_model:
            return _sagemaker_arn(stack, "model", self.sagemaker_model)
        return _sagemaker_arn(stack, "training-job", self.training_job) if self.training_job else self.uri


def read_weights(role: iam.Role, weights: Weights) -> dict[str, str]:
    """Let a role list the bucket, read the weights and decrypt them.

    Bedrock does not document with which prefix it lists, so that listing is not held to one.

    Args:
        role: The role.
        weights: Where the weights are.

    Returns:
        The findings of rule packs that this takes, with their reasons.
    """
    stack = Stack.of(role)
    owner = {"aws:ResourceAccount": weights.account or stack.account}
    bucket = stack.format_arn(service="s3", region="", account="", resource=weights.bucket_name)
    objects = f"{bucket}/{weights.prefix}*"
    allow(role, "ListWeights", ["s3:ListBucket"], bucket, StringEquals=owner)
    allow(role, "ReadWeights", ["s3:GetObject"], objects, StringEquals=owner)
    if weights.key_arn:
        allow(role, "DecryptWeights", ["kms:Decrypt", "kms:DescribeKey"], weights.key_arn)
    return {wildcard_finding(role, objects): "a model is all files below its prefix, whatever their names"}


def describe_weights(role: iam.Role, weights: Weights) -> None:
    """Let a role ask the one SageMaker model or training job that knows where the weights are, if there is one.

    Args:
        role: The role.
        weights: Where the weights are.
    """
    for kind, action, name in (
        ("model", "sagemaker:DescribeModel", weights.sagemaker_model),
        ("training-job", "sagemaker:DescribeTrainingJob", weights.training_job),
    ):
        if name:
            # SageMaker writes the names in ARNs in lower case, which IAM tells from upper case.
            arns = sorted({_sagemaker_arn(Stack.of(role), kind, one) for one in (name, name.lower())})
            allow(role, "DescribeWeights", [action], *arns)


def _sagemaker_arn(stack: Stack, kind: str, name: str) -> str:
    return stack.format_arn(service="sagemaker", resource=kind, resource_name=name)


class ImportRole(iam.Role):
    """The least that Bedrock needs to import one model's weights.

    Defines: an `AWS::IAM::Role` that only `bedrock.amazonaws.com` may assume, for import jobs of this account and
    region (Bedrock User Guide, "Create a service role for model import"), and its one inline policy: read the
    weights, use the keys, and, in a VPC, manage network interfaces.

    Data flow: an import job reads the weights with it.

    Failures: a role that is minutes old may be refused as "The provided role ARN is invalid", which `ModelImportJob`
    waits for; what the role may not read fails the job.

    Prerequisites: for weights in another account, that account's bucket policy and key policy.

    Usage::

        role = ImportRole(self, "Role", model_name="dev-llama-3b", weights=Weights(bucket_name="models", prefix="a/"))
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        model_name: str,
        weights: Weights,
        model_key_arn: str | None = None,
        in_vpc: bool = False,
    ) -> None:
        """Define the role.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            model_name: What the names of the model's versions begin with.
            weights: Where the weights are.
            model_key_arn: The KMS key of the imported model; Bedrock's own by default.
            in_vpc: Whether imports run in a VPC.
        """
        stack = Stack.of(scope)
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {
                        "aws:SourceArn": stack.format_arn(
                            service="bedrock", resource="model-import-job", resource_name="*"
                        )
                    },
                },
            ),
            description=f"imports {model_name}",
        )
        findings = read_weights(self, weights)
        if model_key_arn:
            allow(self, "UseModelKey", USE_MODEL_KEY, model_key_arn)
        if in_vpc:
            allow(self, "ManageNetworkInterfaces", _MANAGE_NETWORK_INTERFACES, "*")
            allow(self, "DescribeNetwork", _DESCRIBE_NETWORK, "*")
            findings["AwsSolutions-IAM5[Resource::*]"] = (
                "ec2:Describe* have no resource in IAM, and Bedrock names the network interfaces as a job starts"
            )
        acknowledge_in_policy(self, findings)


USE_MODEL_KEY = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
"""What the key of an imported model is used for (Bedrock User Guide, "Encryption of custom model import")."""
