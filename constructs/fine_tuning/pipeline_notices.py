"""How a pipeline tells that it has ended: a topic, and an event on the account's bus."""

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.run_notices import RunNotices
from constructs.step_tasks import StepTasks


class PipelineNotices(RunNotices):
    """A topic that people subscribe to, and the states that write to it and to EventBridge.

    Defines: what `RunNotices` does, which tells of executions that end without a state of their own: aborted, or out
    of time.

    Data flow: `$.outcome` becomes an event's detail, a line of text the message.

    Failures: a notice that cannot be sent does not change what the execution ends with.

    Prerequisites: none; subscriptions are made by hand, because they name people.

    Usage::

        notices = PipelineNotices(self, "Notices", subject="dev/mistral-7b-dolly", event_source=..., encryption_key=key)
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, subject: str, event_source: str, encryption_key: kms.Key
    ) -> None:
        """Define the topic.

        Args:
            scope: Parent construct.
            construct_id: Id within the parent.
            subject: What the notices are about; their subjects begin with it.
            event_source: `Source` of the events, such as `jumpstack.finetuning`.
            encryption_key: Key of the topic.
        """
        super().__init__(scope, construct_id, subject=subject, encryption_key=encryption_key)
        self._source = event_source

    def states(self, tasks: StepTasks, *, outcome: str, message: str, end: sfn.IChainable) -> sfn.IChainable:
        """Make the states that tell of one outcome, and then end.

        Args:
            tasks: Makes the states.
            outcome: Such as `success`; part of the states' names, of the subject and of the event's type.
            message: The message, as an intrinsic function.
            end: The last state.
        """
        bus = Stack.of(self).format_arn(service="events", resource="event-bus", resource_name="default")
        tell = tasks.call(
            f"Tell of {outcome}",
            "sns:publish",
            {
                "TopicArn": self.topic.topic_arn,
                "Subject": f"{self._subject}: {outcome}"[:100],
                "Message.$": message,
            },
            allow=[
                (["sns:Publish"], [self.topic.topic_arn]),
                (["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn]),
            ],
        )
        entry: dict[str, Any] = {
            "Source": self._source,
            "DetailType": f"Fine-Tuning {outcome.capitalize()}",
            "Detail.$": "States.JsonToString($.outcome)",
        }
        announce = tasks.call(
            f"Announce {outcome}",
            "events:putEvents",
            {"Entries": [entry]},
            allow=[(["events:PutEvents"], [bus])],
        )
        announce.next(end)
        announce.add_catch(end, result_path="$.unannounced")
        tell.next(announce)
        tell.add_catch(announce, result_path="$.untold")
        return tell
