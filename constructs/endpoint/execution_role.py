"""IAM role that SageMaker assumes to run one model."""

from urllib.parse import urlsplit

from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.permissions.acknowledgements import acknowledge_wildcards
from constructs.permissions.statements import allow, sagemaker_hosting
from constructs.values.arns import arn, bucket_arn

from catalog import Deployment
from catalog.spec import ImageUri

# Rights of CreateModel's execution role, and further ones in a VPC (SageMaker developer guide, "How to use SageMaker AI
# execution roles", section "CreateModel API: execution role permissions").
PULL_IMAGE = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
MANAGE_NETWORK_INTERFACES = [
    "ec2:CreateNetworkInterface",
    "ec2:CreateNetworkInterfacePermission",
    "ec2:DeleteNetworkInterface",
    "ec2:DeleteNetworkInterfacePermission",
]
DESCRIBE_NETWORK = [
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]

NO_RESOURCE_FOR_CONTAINERS = (
    "IAM offers no resource for ecr:GetAuthorizationToken and cloudwatch:PutMetricData (which a condition holds to "
    "SageMaker's namespaces), nor, in a VPC, one that is known beforehand for ec2:Describe* and the actions on network "
    "interfaces"
)
"""Reason for `*` as a resource in policies of SageMaker's containers, for rule packs."""


class ExecutionRole(iam.Role):
    """Least privileges of SageMaker to pull one image, read one model's artifact and write logs and metrics.

    Defines: an `AWS::IAM::Role` that only SageMaker may assume, for this account and region, and its one inline
    policy.

    Data flow: SageMaker reads the artifact, and additional model data such as a draft model, from JumpStart's buckets
    and the image from the registry, and writes the container's logs and metrics. A model package holds image and
    artifact, so that its role may only write logs and metrics.

    Failures: CreateModel checks this role when a stack is deployed, so whatever creates the model must wait for
    the role's policy: `model.node.add_dependency(role)`.

    Prerequisites: none; JumpStart's buckets and AWS's image registries are readable from any account.

    Usage::

        role = ExecutionRole(self, "Role", deployment=deployment, endpoint_name="dev-mistral-7b-instruct")
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        deployment: Deployment,
        endpoint_name: str,
        in_vpc: bool = False,
    ) -> None:
        """Define the role.

        Args:
            deployment: The model, resolved for the stack's region.
            endpoint_name: The endpoint whose log group the role writes.
            in_vpc: The model's containers get network interfaces in a VPC.
        """
        super().__init__(
            scope,
            construct_id,
            assumed_by=sagemaker_hosting(scope),
            description=f"runs {deployment.model_id} {deployment.version}",
        )
        self._read_model_data(deployment)
        if deployment.image:
            self._pull_image(deployment.image)
        self._report(endpoint_name)
        if in_vpc:
            self._join_vpc()

    def _read_model_data(self, deployment: Deployment) -> None:
        """Grant reading the artifact and all additional model data, one bucket and one object or prefix each."""
        sources = [(source.uri, source.data_type == "S3Prefix") for source in deployment.additional_model_data]
        if deployment.model_data:
            sources.insert(0, (deployment.model_data, not deployment.compressed))
        if not sources:
            # The image and the artifact of a model package are its owner's, who grants SageMaker access.
            return
        buckets: dict[str, None] = {}
        objects: dict[str, bool] = {}
        for uri, prefix in sources:
            location = urlsplit(uri)
            bucket = bucket_arn(self, location.netloc)
            data = bucket + location.path + ("*" if prefix else "")
            buckets[bucket] = None
            objects[data] = prefix
        allow(self, "ListArtifacts", ["s3:ListBucket"], *buckets)
        allow(self, "ReadArtifact", ["s3:GetObject"], *objects)
        reason = (
            "the artifact is an S3 prefix: only JumpStart knows the names of its objects, and the prefix holds this "
            "one artifact"
        )
        if wildcards := {data: reason for data, prefix in objects.items() if prefix}:
            acknowledge_wildcards(self, wildcards)

    def _pull_image(self, uri: str) -> None:
        image = ImageUri.parse(uri)
        repository = arn(self, "ecr", f"repository/{image.repository}", account=image.account)
        allow(self, "PullImage", PULL_IMAGE, repository)
        allow(self, "RegistryToken", ["ecr:GetAuthorizationToken"], "*")

    def _report(self, endpoint_name: str) -> None:
        log_group = arn(self, "logs", f"log-group:/aws/sagemaker/Endpoints/{endpoint_name}")
        log_streams = f"{log_group}:*"
        allow(self, "WriteLogs", WRITE_LOGS, log_group, log_streams)
        allow(
            self,
            "PutMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            StringLike={"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]},
        )
        reason = "the log streams of this endpoint's own log group: SageMaker names them as instances start"
        acknowledge_wildcards(self, {"*": NO_RESOURCE_FOR_CONTAINERS, log_streams: reason})

    def _join_vpc(self) -> None:
        allow(self, "ManageNetworkInterfaces", MANAGE_NETWORK_INTERFACES, "*")
        allow(self, "DescribeNetwork", DESCRIBE_NETWORK, "*")
