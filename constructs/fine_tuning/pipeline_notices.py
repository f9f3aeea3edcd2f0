"""Notices about a pipeline's end: a topic, and an event on the account's bus."""

from typing import Any

from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from constructs.state_machines.run_notices import RunNotices
from constructs.state_machines.step_tasks import TASK_FAILED, StepTasks
from constructs.values.arns import arn


class PipelineNotices(RunNotices):
    """A topic that people subscribe to, and the states that write to it and to EventBridge.

    Defines: the resources of `RunNotices`, which reports executions that end without a state of their own: aborted, out
    of time, or by an error that no catcher takes.

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
            subject: Beginning of the notices' subjects, such as the model's path.
            event_source: `Source` of the events, such as `jumpstack.finetuning`.
            encryption_key: Key of the topic.
        """
        super().__init__(scope, construct_id, subject=subject, encryption_key=encryption_key)
        self._source = event_source

    def states(self, tasks: StepTasks, *, outcome: str, message: str, end: sfn.IChainable) -> sfn.IChainable:
        """Build the states that report one outcome, and then end.

        Args:
            tasks: Builds the states.
            outcome: Such as `success`; part of the states' names, of the subject and of the event's type.
            message: The message, as an intrinsic function.
            end: The last state.
        """
        bus = arn(self, "events", "event-bus/default")
        topic_arn = self.topic.topic_arn
        notify = tasks.call(
            f"Tell of {outcome}",
            "sns:publish",
            {
                "TopicArn": topic_arn,
                "Subject": f"{self._subject}: {outcome}"[:100],
                "Message.$": message,
            },
            allow=[
                (["sns:Publish"], [topic_arn]),
                (["kms:Decrypt", "kms:GenerateDataKey"], [self._key.key_arn]),
            ],
            retry=TASK_FAILED,
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
            # EventBridge user guide, "Using IAM policy conditions": keys of PutEvents, which takes several events.
            allow=[
                (
                    ["events:PutEvents"],
                    [bus],
                    {
                        "ForAllValues:StringEquals": {
                            "events:source": entry["Source"],
                            "events:detail-type": entry["DetailType"],
                        }
                    },
                )
            ],
            retry=TASK_FAILED,
        )
        announce.next(end)
        announce.add_catch(end, result_path="$.unannounced")
        notify.next(announce)
        notify.add_catch(announce, result_path="$.untold")
        return notify
