"""CloudWatch dashboard of one imported model."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct
from constructs.values.arns import place_of

from invoke_shim.contract import METRICS_NAMESPACE, MODEL_DIMENSION, STACK_DIMENSION

_PERIOD = Duration.minutes(5)
_INTERVAL = Duration.hours(12)
_NOTES = """\
## {model}: Bedrock Custom Model Import

| limit (AWS's) | value |
|---|---|
| requests at a time | 16 a copy; more are throttled (429) until Bedrock has started another copy |
| copies | 0 to 3, started and stopped by Bedrock; 0 after 5 minutes without a request |
| invocations | 100 a second, all imported models of the account together |
| imported models | 3 an account and region (L-45B04988, adjustable) |
| imports | 1 at a time (L-5F098EFA, not adjustable); others wait |

A copy is billed in windows of 5 minutes from its first invocation on; every imported version costs storage, also \
when nobody asks it. A request that finds no copy waits until one is loaded: *cold waits*.
"""


class ImportDashboard(Construct):
    """Copies, invocations, throttles, latency and cold waits of an imported model, with the limits beside them.

    Defines: an `AWS::CloudWatch::Dashboard`. Bedrock's metrics have the ARN of a version as their dimension, which is
    known only after its import, and holds nothing of the model's name; a search finds them, which shows all imported
    models of the account and region, as the titles say: they share its quotas. The shim's are this stack's alone.

    Data flow: Bedrock's metrics (namespace `AWS/Bedrock`) and the invoke shim's (`JumpStack/Invoke`).

    Failures: none; a graph is empty while nobody invokes the model.

    Prerequisites: none.

    Usage::

        ImportDashboard(self, "Dashboard", model_name="dev-llama-3b", client_model_name="llama-3b")
    """

    def __init__(self, scope: Construct, construct_id: str, *, model_name: str, client_model_name: str) -> None:
        """Define the dashboard.

        Args:
            model_name: Beginning of the names of the model's versions; the dashboard's name ends in it.
            client_model_name: The model's name to clients, a dimension of the shim's metrics.
        """
        super().__init__(scope, construct_id)
        place = place_of(self)
        self._region = place.region
        self._stack_name = place.stack_name
        self._client = client_model_name
        self.dashboard = cloudwatch.Dashboard(
            self, "Resource", dashboard_name=f"imported-{model_name}", default_interval=_INTERVAL
        )
        self.dashboard.add_widgets(
            cloudwatch.TextWidget(markdown=_NOTES.format(model=model_name), width=24, height=7),
        )
        self.dashboard.add_widgets(
            self._bedrock("Copies", "ModelCopy", "Maximum"),
            self._bedrock("Invocations", "Invocations", "Sum"),
            self._bedrock("Throttles", "InvocationThrottles", "Sum"),
        )
        self.dashboard.add_widgets(
            self._bedrock("Latency", "InvocationLatency", "p90"),
            self._shim("Cold waits", ("ColdWaitSeconds", "Maximum"), ("ColdWaitSeconds", "SampleCount")),
            self._shim("Requests and errors", ("Requests", "Sum"), ("Errors", "Sum")),
        )

    def _bedrock(self, title: str, metric: str, statistic: str) -> cloudwatch.GraphWidget:
        search = f"SEARCH('{{AWS/Bedrock,ModelId}} MetricName=\"{metric}\" \"imported-model\"', '{statistic}', 300)"
        return cloudwatch.GraphWidget(
            title=f"{title} of all imported models ({metric}, {statistic})",
            left=[cloudwatch.MathExpression(expression=search, label="", period=_PERIOD)],
            left_y_axis=cloudwatch.YAxisProps(min=0),
            region=self._region,
            width=8,
        )

    def _shim(self, title: str, *metrics: tuple[str, str]) -> cloudwatch.GraphWidget:
        return cloudwatch.GraphWidget(
            title=title,
            left=[
                cloudwatch.Metric(
                    namespace=METRICS_NAMESPACE,
                    metric_name=name,
                    statistic=statistic,
                    period=_PERIOD,
                    label=f"{name} ({statistic})",
                    dimensions_map={MODEL_DIMENSION: self._client, STACK_DIMENSION: self._stack_name},
                )
                for name, statistic in metrics
            ],
            left_y_axis=cloudwatch.YAxisProps(min=0),
            region=self._region,
            width=8,
        )
