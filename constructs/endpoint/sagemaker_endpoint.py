"""Grants and metrics of a SageMaker endpoint, whoever created it."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from constructs import Construct
from constructs.values.arns import arn

# The one production variant of our endpoints. The name must stay: an endpoint update refers to it.
VARIANT_NAME = "AllTraffic"


class SageMakerEndpoint(Construct):
    """An endpoint that can be invoked and watched.

    Defines: nothing by itself; it holds the name of an endpoint and derives the ARN, grants and metrics.

    Data flow: none.

    Failures: none at synthesis; an endpoint of that name must exist when it is invoked.

    Prerequisites: the endpoint, in the stack's own account and region.

    Usage::

        endpoint = SageMakerEndpoint.from_endpoint_name(self, "Endpoint", "prod-mistral-7b-instruct")
        endpoint.grant_invoke(function)
    """

    def __init__(self, scope: Construct, construct_id: str, *, endpoint_name: str) -> None:
        """Store the endpoint's name."""
        super().__init__(scope, construct_id)
        self.endpoint_name = endpoint_name

    @staticmethod
    def from_endpoint_name(scope: Construct, construct_id: str, endpoint_name: str) -> "SageMakerEndpoint":
        """Refer to an endpoint that another stack, or nobody's stack, owns."""
        return SageMakerEndpoint(scope, construct_id, endpoint_name=endpoint_name)

    @property
    def endpoint_arn(self) -> str:
        """The endpoint's ARN."""
        # IAM compares ARNs case-sensitively and SageMaker writes endpoint names in lower case there.
        return arn(self, "sagemaker", f"endpoint/{self.endpoint_name.lower()}")

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Grant invoking this endpoint, with and without streaming, and no other."""
        return iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"],
            resource_arns=[self.endpoint_arn],
        )

    def metric(
        self,
        metric_name: str,
        *,
        namespace: str = "AWS/SageMaker",
        statistic: str = "Average",
        period: Duration | None = None,
    ) -> cloudwatch.Metric:
        """Return one of the endpoint's metrics (SageMaker developer guide, "Monitor with CloudWatch").

        Args:
            metric_name: Name such as `Invocations`.
            namespace: `AWS/SageMaker`, or `/aws/sagemaker/Endpoints` for the instances' own metrics.
            statistic: Statistic such as `Sum` or `p99`.
            period: Length of a data point; five minutes by default.
        """
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=metric_name,
            statistic=statistic,
            period=period,
            dimensions_map={"EndpointName": self.endpoint_name, "VariantName": VARIANT_NAME},
        )

    def metric_invocations(self) -> cloudwatch.Metric:
        """Return the number of requests that reached the container."""
        return self.metric("Invocations", statistic="Sum")

    def metric_invocation_4xx_errors(self) -> cloudwatch.Metric:
        """Return the number of requests that the container refused."""
        return self.metric("Invocation4XXErrors", statistic="Sum")

    def metric_invocation_5xx_errors(self) -> cloudwatch.Metric:
        """Return the number of requests that the container failed."""
        return self.metric("Invocation5XXErrors", statistic="Sum")

    def metric_model_latency(self) -> cloudwatch.Metric:
        """Return the time that the container took, in microseconds."""
        return self.metric("ModelLatency", statistic="p50")

    def metric_gpu_utilization(self) -> cloudwatch.Metric:
        """Return the use of all GPUs of an instance, in percent: 100 per GPU."""
        return self.metric("GPUUtilization", namespace="/aws/sagemaker/Endpoints")
