"""Amazon CloudWatch: alarms and dashboards."""

from __future__ import annotations

from typing import Final

from localaws.resources.base import (
    Attributes,
    Context,
    Handler,
    Properties,
    call,
    policy_text,
    without,
)
from localaws.resources.tags import Tagging
from localaws.settings import ACCOUNT

_LONGEST_NAME: Final = 255
_TAGGING: Final = Tagging(service="cloudwatch", resource="ResourceARN")


class Alarm(Handler):
    """`AWS::CloudWatch::Alarm`; it keeps the state that SetAlarmState gives it, as no metric is evaluated here."""

    type_name = "AWS::CloudWatch::Alarm"
    applied = frozenset(
        {
            *("ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator"),
            *("DatapointsToAlarm", "Dimensions", "EvaluateLowSampleCountPercentile", "EvaluationPeriods"),
            *("ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace", "OKActions"),
            *("Period", "Statistic", "Tags", "Threshold", "ThresholdMetricId", "TreatMissingData", "Unit"),
        }
    )

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the alarm."""
        name = context.physical_id or properties.get("AlarmName") or context.generated_name(_LONGEST_NAME)
        call(
            context.client("cloudwatch"),
            "put_metric_alarm",
            AlarmName=name,
            Tags=_TAGGING.given(properties),
            **without(properties, "AlarmName", "Tags"),
        )
        context.physical_id = name
        return {"Arn": f"arn:aws:cloudwatch:{context.region}:{ACCOUNT}:alarm:{name}"}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Put the alarm again, and set its tags."""
        attributes = self.create(context, without(new, "Tags"))
        _TAGGING.change(context, attributes["Arn"], old, new)
        return attributes

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the alarm."""
        context.client("cloudwatch").delete_alarms(AlarmNames=[context.physical_id])


class Dashboard(Handler):
    """`AWS::CloudWatch::Dashboard`."""

    type_name = "AWS::CloudWatch::Dashboard"
    applied = frozenset({"DashboardBody", "DashboardName", "Tags"})

    def create(self, context: Context, properties: Properties) -> Attributes:
        """Put the dashboard, and tag it."""
        self._put(context, properties)
        _TAGGING.change(context, self._arn(context), {}, properties)
        return {}

    def update(self, context: Context, old: Properties, new: Properties) -> Attributes:
        """Put the new body, and set the tags."""
        self._put(context, new)
        _TAGGING.change(context, self._arn(context), old, new)
        return {}

    def delete(self, context: Context, properties: Properties) -> None:
        """Delete the dashboard."""
        context.client("cloudwatch").delete_dashboards(DashboardNames=[context.physical_id])

    def _put(self, context: Context, properties: Properties) -> None:
        name = context.physical_id or properties.get("DashboardName") or context.generated_name(_LONGEST_NAME)
        context.client("cloudwatch").put_dashboard(
            DashboardName=name, DashboardBody=policy_text(properties["DashboardBody"])
        )
        context.physical_id = name

    def _arn(self, context: Context) -> str:
        # Dashboards have no region.
        return f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{context.physical_id}"


HANDLERS = (Alarm(), Dashboard())
