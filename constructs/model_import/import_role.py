"""IAM role that Bedrock assumes to import the weights of one model."""

from dataclasses import dataclass

from aws_cdk import aws_iam as iam
from constructs import Construct, IConstruct
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import allow
from constructs.values.arns import arn, bucket_arn, place_of
from constructs.values.s3_location import S3Location

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
    """Location of a model's weights: an S3 prefix of unpacked files, in this account or in another.

    Attributes:
        bucket_name: The bucket; it must be in the stack's region. prefix: Beginning of the keys, ending in a slash;
        empty for the whole bucket. For a model that a pipeline
            tunes, the common beginning of the keys of all versions.
        account: The bucket's owner; the stack's own account by default. The owner's bucket policy, and the policy of
            its key, must allow the import role, too.
        key_arn: The KMS key of the objects, where they have one. sagemaker_model: Name of the SageMaker model of this
        account and region that has these weights: an import
            looks their prefix up there, which must be below `prefix`.
        training_job: Name of the training job that wrote them, likewise.
    """

    bucket_name: str
    prefix: str = ""
    account: str | None = None
    key_arn: str | None = None
    sagemaker_model: str | None = None
    training_job: str | None = None

    @property
    def uri(self) -> str:
        """URI of the prefix, as Bedrock takes it."""
        return f"s3://{self.bucket_name}/{self.prefix}"

    def source(self, scope: IConstruct) -> str:
        """Return the import's input: the ARN of the model or training job that has the weights, or their prefix."""
        if self.sagemaker_model:
            return arn(scope, "sagemaker", f"model/{self.sagemaker_model}")
        return arn(scope, "sagemaker", f"training-job/{self.training_job}") if self.training_job else self.uri


def read_weights(role: iam.Role, weights: Weights) -> dict[str, str]:
    """Grant a role listing the bucket, reading the weights and decrypting them.

    Bedrock does not document with which prefix it lists, so that listing is not limited to one.

    Args:
        role: The role.
        weights: Location of the weights.

    Returns:
        The ARNs with a wildcard, with the reasons.
    """
    location = S3Location(bucket_arn(role, weights.bucket_name), weights.prefix)
    owner = {"aws:ResourceAccount": weights.account or place_of(role).account}
    allow(role, "ListWeights", ["s3:ListBucket"], location.bucket_arn, StringEquals=owner)
    allow(role, "ReadWeights", ["s3:GetObject"], location.objects, StringEquals=owner)
    if weights.key_arn:
        allow(role, "DecryptWeights", ["kms:Decrypt", "kms:DescribeKey"], weights.key_arn)
    return {location.objects: "a model is all files below its prefix, whatever their names"}


def describe_weights(role: iam.Role, weights: Weights) -> None:
    """Grant a role looking the weights up in their SageMaker model or training job, where they have one.

    Args:
        role: The role.
        weights: Location of the weights.
    """
    for kind, action, name in (
        ("model", "sagemaker:DescribeModel", weights.sagemaker_model),
        ("training-job", "sagemaker:DescribeTrainingJob", weights.training_job),
    ):
        if name:
            # SageMaker writes the names in ARNs in lower case, which IAM distinguishes from upper case.
            arns = sorted({arn(role, "sagemaker", f"{kind}/{one}") for one in (name, name.lower())})
            allow(role, "DescribeWeights", [action], *arns)


class ImportRole(iam.Role):
    """Least privileges of Bedrock to import one model's weights.

    Defines: an `AWS::IAM::Role` that only `bedrock.amazonaws.com` may assume, for import jobs of this account and
    region (Bedrock User Guide, "Create a service role for model import"), and its one inline policy: read the
    weights, use the keys, and, in a VPC, manage network interfaces.

    Data flow: an import job reads the weights with it.

    Failures: a role that is minutes old may be refused as "The provided role ARN is invalid", which `ModelImportJob`
    waits for; a missing right fails the job.

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
            model_name: Beginning of the names of the model's versions.
            weights: Location of the weights.
            model_key_arn: The KMS key of the imported model; Bedrock's own by default.
            in_vpc: Imports run in a VPC.
        """
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal(
                "bedrock.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": place_of(scope).account},
                    "ArnEquals": {"aws:SourceArn": arn(scope, "bedrock", "model-import-job/*")},
                },
            ),
            description=f"imports {model_name}",
        )
        wildcards = read_weights(self, weights)
        if model_key_arn:
            allow(self, "UseModelKey", USE_MODEL_KEY, model_key_arn)
        if in_vpc:
            allow(self, "ManageNetworkInterfaces", _MANAGE_NETWORK_INTERFACES, "*")
            allow(self, "DescribeNetwork", _DESCRIBE_NETWORK, "*")
            wildcards["*"] = (
                "ec2:Describe* have no resource in IAM, and Bedrock names the network interfaces as a job starts"
            )
        acknowledge_wildcards(self, wildcards)


USE_MODEL_KEY = ("kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey")
"""Uses of an imported model's key (Bedrock User Guide, "Encryption of custom model import")."""
