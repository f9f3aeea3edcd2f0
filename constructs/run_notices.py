"""How people hear of a state machine's runs: a topic, and a rule that tells it how executions end."""

from collections.abc import Sequence

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

ENDS = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""How an execution may end (Step Functions API reference, DescribeExecution, `status`)."""
UNFINISHED = ("TIMED_OUT", "ABORTED")
"""The ends that no state of the execution itself can tell of."""


class RunNotices(Construct):
    """A topic that people subscribe to, which is told how executions of a state machine end.

    Defines: an encrypted `AWS::SNS::Topic` that takes TLS only; with `watch`, an `AWS::Events::Rule`.

    Data flow: Step Functions tells EventBridge of every execution's end, whoever started it; the rule makes it a line
    of text with the status and the execution's ARN.

    Failures: EventBridge tries for a day to deliver a notice, then it is lost.

    Prerequisites: none; subscriptions are made by hand, because they name people.

    Usage::

        notices = RunNotices(self, "Notices", subject="dev/llama-3b", encryption_key=key)
        notices.watch(state_machine)
    """

    def __init__(self, scope: Construct, construct_id: str, *, subject: str, encryption_key: kms.Key) -> None:
        """Define the topic.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            subject: What the notices are about; they begin with it.
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

    def watch(self, state_machine: sfn.StateMachine, *, statuses: Sequence[str] = ENDS) -> events.Rule:
        """Tell of executions that end so.

        Args:
            state_machine: Whose executions.
            statuses: Which ends are told; all by default.
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
        self._key.grant_encrypt_decrypt(iam.ServicePrincipal("events.amazonaws.com"))
        return rule
