"""The IAM role that SageMaker assumes to run one model."""

from urllib.parse import urlsplit

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.acknowledgements import acknowledge_in_policy, wildcard_finding
from constructs.statements import allow

from catalog import Deployment
from catalog.spec import ImageUri

# What CreateModel's execution role needs, and what it needs more in a VPC, by SageMaker's developer guide
# ("How to use SageMaker AI execution roles", section "CreateModel API: execution role permissions").
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


class ExecutionRole(iam.Role):
    """The least that SageMaker needs to pull one image, read one model's artifact and report.

    Defines: an `AWS::IAM::Role` that only `sagemaker.amazonaws.com` may assume, and its one inline policy.

    Data flow: SageMaker reads the artifact, and additional model data such as a draft model, from JumpStart's
    buckets and the image from the registry, and writes the container's logs and metrics. A model package brings
    image and artifact along, so that its role may only report.

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
            scope: Parent construct.
            construct_id: Id within the parent.
            deployment: The model, resolved for the stack's region.
            endpoint_name: The endpoint whose log group the role writes.
            in_vpc: Whether the model's containers get network interfaces in a VPC.
        """
        super().__init__(
            scope,
            construct_id,
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com"),
            description=f"runs {deployment.model_id} {deployment.version}",
        )
        self._read_model_data(deployment)
        if deployment.image:
            self._pull_image(deployment.image)
        self._report(endpoint_name)
        if in_vpc:
            self._join_vpc()

    def _read_model_data(self, deployment: Deployment) -> None:
        """Allows the artifact and all additional model data, one bucket and one object or prefix each."""
        sources = [(source.uri, source.data_type == "S3Prefix") for source in deployment.additional_model_data]
        if deployment.model_data:
            sources.insert(0, (deployment.model_data, not deployment.compressed))
        if not sources:
            # The image and the artifact of a model package are its owner's, who lets SageMaker read them.
            return
        stack = Stack.of(self)
        buckets: dict[str, None] = {}
        objects: dict[str, bool] = {}
        for uri, prefix in sources:
            location = urlsplit(uri)
            bucket = stack.format_arn(service="s3", region="", account="", resource=location.netloc)
            data = bucket + location.path + ("*" if prefix else "")
            buckets[bucket] = None
            objects[data] = prefix
        allow(self, "ListArtifacts", ["s3:ListBucket"], *buckets)
        allow(self, "ReadArtifact", ["s3:GetObject"], *objects)
        reason = (
            "the artifact is an S3 prefix: only JumpStart knows the names of its objects, and the prefix holds this "
            "one artifact"
        )
        findings = {wildcard_finding(self, data): reason for data, prefix in objects.items() if prefix}
        if findings:
            acknowledge_in_policy(self, findings)

    def _pull_image(self, uri: str) -> None:
        image = ImageUri.parse(uri)
        arn = Stack.of(self).format_arn(
            service="ecr", account=image.account, resource="repository", resource_name=image.repository
        )
        allow(self, "PullImage", PULL_IMAGE, arn)
        allow(self, "RegistryToken", ["ecr:GetAuthorizationToken"], "*")

    def _report(self, endpoint_name: str) -> None:
        stack = Stack.of(self)
        log_group = stack.format_arn(service="logs", resource=f"log-group:/aws/sagemaker/Endpoints/{endpoint_name}")
        log_streams = f"{log_group}:*"
        allow(self, "WriteLogs", WRITE_LOGS, log_group, log_streams)
        allow(
            self,
            "PutMetrics",
            ["cloudwatch:PutMetricData"],
            "*",
            StringLike={"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]},
        )
        acknowledge_in_policy(
            self,
            {
                "AwsSolutions-IAM5[Resource::*]": (
                    "IAM offers no resource for ecr:GetAuthorizationToken and cloudwatch:PutMetricData (which a "
                    "condition holds to SageMaker's namespaces), nor, in a VPC, one that is known beforehand for "
                    "ec2:Describe* and the actions on network interfaces"
                ),
                wildcard_finding(self, log_streams): (
                    "the log streams of this endpoint's own log group: SageMaker names them as instances start"
                ),
            },
        )

    def _join_vpc(self) -> None:
        allow(self, "ManageNetworkInterfaces", MANAGE_NETWORK_INTERFACES, "*")
        allow(self, "DescribeNetwork", DESCRIBE_NETWORK, "*")
