"""Triggers of a pipeline beside people and deployments: new data, and schedules."""

from collections.abc import Sequence

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.permissions.statements import service_principal

MARKER = "_READY"
"""Name of the object whose upload marks the data as complete; it lies beside the data."""


class PipelineTriggers(Construct):
    """Rules of EventBridge that start executions.

    Defines: a rule for the upload of a marker object, one for each schedule, and the role with which EventBridge
    starts the state machine.

    Data flow: an execution is started with the input `{}`; the pipeline refuses one while another runs.

    Failures: EventBridge drops a start that fails for 24 hours; the rule's metrics show it.

    Prerequisites: for the marker, a bucket that sends its events to EventBridge.

    Usage::

        PipelineTriggers(self, "Triggers", state_machine=..., bucket=bucket, marker_key="training/_READY")
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.StateMachine,
        bucket: s3.IBucket,
        marker_key: str | None = None,
        schedules: Sequence[str] = (),
    ) -> None:
        """Define the rules.

        Args:
            state_machine: The pipeline's state machine.
            bucket: The data's bucket.
            marker_key: Key of the marker object; None starts nothing on new data.
            schedules: Expressions such as `rate(7 days)` or `cron(0 3 ? * SUN *)`, in UTC.
        """
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=service_principal("events.amazonaws.com"),
            description=f"starts {state_machine.node.path}",
        )
        target = targets.SfnStateMachine(state_machine, role=role, input=events.RuleTargetInput.from_object({}))
        self.rules = []
        if marker_key:
            pattern = events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [marker_key]}},
            )
            description = f"new data: the object {marker_key} was written"
            self.rules.append(events.Rule(self, "Marker", description=description, event_pattern=pattern))
        for number, expression in enumerate(schedules):
            schedule = events.Schedule.expression(expression)
            self.rules.append(events.Rule(self, f"Schedule{number}", description=expression, schedule=schedule))
        for rule in self.rules:
            rule.add_target(target)
