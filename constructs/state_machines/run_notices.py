"""Notices about a state machine's executions: a topic, and a rule that notifies it when they end."""

from collections.abc import Sequence

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.permissions.statements import service_principal

TERMINAL_STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""Statuses of executions that have ended (Step Functions API reference, DescribeExecution, `status`)."""
STOPPED_STATUSES = ("TIMED_OUT", "ABORTED")
"""Those that no state of the execution itself can report."""


class RunNotices(Construct):
    """A topic that people subscribe to, which is notified when executions of a state machine end.

    Defines: an encrypted `AWS::SNS::Topic` that takes TLS only; with `watch`, an `AWS::Events::Rule`.

    Data flow: Step Functions sends EventBridge an event when an execution ends, whoever started it; the rule makes it
    a line of text with the status and the execution's ARN.

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
        self.topic = sns.Topic(
            self,
            "Topic",
            display_name=f"JumpStack {subject}",
            master_key=encryption_key,
            enforce_ssl=True,
        )

    def watch(self, state_machine: sfn.StateMachine, *, statuses: Sequence[str] = TERMINAL_STATUSES) -> events.Rule:
        """Notify the topic when executions end with one of `statuses`.

        Args:
            state_machine: The state machine to watch.
            statuses: All terminal statuses by default.
        """
        rule = events.Rule(
            self,
            "Ended",
            description=f"tells of runs of {self._subject} that end as {', '.join(statuses)}",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={"status": list(statuses), "stateMachineArn": [state_machine.state_machine_arn]},
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
        self._key.grant_encrypt_decrypt(service_principal("events.amazonaws.com"))
        return rule
