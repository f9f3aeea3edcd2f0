"""Notices about a state machine's executions: a topic, and a rule that notifies it when they end."""

from typing import Any, cast

from aws_cdk import CfnElement, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.permissions.statements import service_principal
from constructs.values.arns import arn, place_of

TERMINAL_STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""Statuses of executions that have ended (Step Functions API reference, DescribeExecution, `status`)."""

# TIMED_OUT and ABORTED end an execution outside of its states. FAILED may be an error of Step Functions itself that no
# catcher took: `States.ALL` takes neither `States.Runtime` nor `States.DataLimitExceeded`, and only Task, Map and
# Parallel have catchers (developer guide, "Handling errors in Step Functions workflows"). Events name the error; one
# without it is reported rather than missed.
_STOPPED = ["TIMED_OUT", "ABORTED"]
_UNCAUGHT_PREFIX = "States."


class RunNotices(Construct):
    """A topic that people subscribe to, which is notified when executions of a state machine end.

    Defines: an encrypted `AWS::SNS::Topic` that takes TLS only; with `watch`, an `AWS::Events::Rule`.

    Data flow: Step Functions sends EventBridge an event when an execution ends, whoever started it; the rule makes it
    a line of text with the status and the execution's ARN.

    EventBridge may use the key for this topic alone. SNS supports neither `aws:SourceArn` nor `aws:SourceAccount` in a
    key's policy for EventBridge's messages to an encrypted topic (SNS developer guide, "Key management"): a condition
    on them would silence all notices.

    Failures: EventBridge tries for a day to deliver a notice, then it is lost.

    Prerequisites: none; subscriptions are made by hand, because they name people.

    Usage::

        notices = RunNotices(self, "Notices", subject="dev/llama-3b", encryption_key=key)
        notices.watch(state_machine)
    """

    def __init__(self, scope: Construct, construct_id: str, *, subject: str, encryption_key: kms.Key) -> None:
        """Define the topic.

        Args:
            subject: Beginning of the notices, such as the model's path.
            encryption_key: Key of the topic.
        """
        super().__init__(scope, construct_id)
        self._subject = subject
        self._key = encryption_key
        # As one that CDK does not own: a rule's target would add a right for EventBridge without a condition.
        topic_key = kms.Key.from_key_arn(self, "TopicKey", encryption_key.key_arn)
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"JumpStack {subject}",
            master_key=topic_key,
            enforce_ssl=True,
        )
        # The topic names its key, so that the key's policy cannot refer to the topic: CloudFormation names it after the
        # stack and its logical id.
        place = place_of(self)
        logical_id = Stack.of(self).get_logical_id(cast("CfnElement", self.topic.node.default_child))
        encryption_key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="NoticesFromEventBridge",
                principals=[service_principal("events.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:sns:topicArn": arn(self, "sns", f"{place.stack_name}-{logical_id}-*")
                    }
                },
            )
        )

    def watch(self, state_machine: sfn.StateMachine, *, unreported_only: bool = False) -> events.Rule:
        """Notify the topic when executions end.

        Args:
            state_machine: The state machine to watch.
            unreported_only: Only of ends that no state of the execution has reported. A failure whose error is of Step
                Functions itself, such as `States.Timeout` of a task, is reported again where a catcher took it: from
                outside it looks like one that no catcher takes.
        """
        ends = _unreported() if unreported_only else {"status": list(TERMINAL_STATUSES)}
        which = "unreported ends of" if unreported_only else "ends of"
        rule = events.Rule(
            self,
            "Ended",
            description=f"reports {which} runs of {self._subject}",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={**ends, "stateMachineArn": [state_machine.state_machine_arn]},
            ),
        )
        rule.add_target(
            targets.SnsTopic(
                self.topic,
                message=events.RuleTargetInput.from_text(
                    f"{self._subject}: {events.EventField.from_path('$.detail.status')}: "
                    f"{events.EventField.from_path('$.detail.executionArn')}"
                ),
            )
        )
        return rule


def _unreported() -> dict[str, Any]:
    """Return the part of a rule's pattern for the ends that no state of an execution reports."""
    match = events.Match
    uncaught = match.any_of(match.prefix(_UNCAUGHT_PREFIX), match.null_value(), match.does_not_exist())
    return {"$or": [{"status": _STOPPED}, {"status": ["FAILED"], "error": uncaught}]}
