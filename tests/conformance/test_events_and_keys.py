"""EventBridge's text to SNS, how executions are reported, tags of dashboards, and who may use a KMS key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.made import Made
from tests.conformance.target import Target, error_of

pytestmark = pytest.mark.xdist_group("conformance")


class Inbox:
    """A queue that gets what a rule publishes to a topic."""

    def __init__(self, made: Made, pattern: dict[str, Any], text: dict[str, Any]) -> None:
        target, name = made.target, made.target.name()
        self._target, self._queues = target, target.client("sqs")
        topic, queue = target.arn("sns", name), target.arn("sqs", name)
        known = made.undo_named("sqs", "delete_queue", "QueueUrl", name)
        self._url = self._queues.create_queue(QueueName=name, tags=target.tags)["QueueUrl"]
        known(self._url)
        self._queues.set_queue_attributes(
            QueueUrl=self._url, Attributes={"Policy": _may("sns.amazonaws.com", "sqs:SendMessage", queue)}
        )
        made.undo("sns", "delete_topic", TopicArn=topic)
        topics = target.client("sns")
        topics.create_topic(Name=name, Tags=made.tag_list())
        policy = _may("events.amazonaws.com", "sns:Publish", topic)
        topics.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        topics.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
        events = target.client("events")
        made.undo("events", "delete_rule", Name=name)
        made.undo("events", "remove_targets", Rule=name, Ids=["topic"])
        events.put_rule(Name=name, EventPattern=json.dumps(pattern), Tags=made.tag_list())
        events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic, "InputTransformer": text}])

    def texts(self, provoke: Callable[[], object], *, until: Callable[[set[str]], bool] = bool) -> set[str]:
        """Do something, again until the messages that came are those that are expected; return their texts.

        It is done again, since a rule that was just made may miss what comes in the next seconds.
        """
        seen: set[str] = set()

        def look() -> set[str]:
            provoke()
            for _ in range(4):
                wait = 1 if self._target.is_local else 10
                answer = self._queues.receive_message(QueueUrl=self._url, WaitTimeSeconds=wait, MaxNumberOfMessages=10)
                seen.update(str(message["Body"]) for message in answer.get("Messages", []))
                for message in answer.get("Messages", []):
                    self._queues.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                if until(seen):
                    break
            return seen

        return self._target.eventually(look, until)


def _may(service: str, action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.belief("events-text-keeps-quotes")
def test_a_text_for_a_topic_keeps_its_quotes(made: Made, target: Target, observe: Observe) -> None:
    transformer = {"InputPathsMap": {"s": "$.detail.status"}, "InputTemplate": '"it is <s>"'}
    inbox = Inbox(made, {"source": [target.run]}, transformer)
    entry = {"Source": target.run, "DetailType": "test", "Detail": '{"status": "good"}'}
    texts = inbox.texts(lambda: target.client("events").put_events(Entries=[entry]))
    observe(texts)
    assert texts == {'"it is good"'}


@pytest.mark.belief("events-execution-status")
def test_every_end_of_an_execution_is_an_event(made: Made, target: Target, observe: Observe) -> None:
    wait = {"Type": "Wait", "Seconds": 600, "End": True}
    machines = {
        "SUCCEEDED": made.state_machine({"Succeed": {"Type": "Succeed"}}),
        "FAILED": made.state_machine({"Fail": {"Type": "Fail", "Error": "Own", "Cause": "none"}}),
        "TIMED_OUT": made.state_machine({"Wait": wait}, TimeoutSeconds=1),
        "ABORTED": made.state_machine({"Wait": wait}),
    }
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": list(machines), "stateMachineArn": list(machines.values())},
    }
    paths = {"status": "$.detail.status", "execution": "$.detail.executionArn"}
    inbox = Inbox(made, pattern, {"InputPathsMap": paths, "InputTemplate": '"<status> <execution>"'})
    client = target.client("stepfunctions")

    def provoke() -> None:
        started = [client.start_execution(stateMachineArn=machine)["executionArn"] for machine in machines.values()]
        client.stop_execution(executionArn=started[-1])

    expected = {f'"{status} {machine.replace(":stateMachine:", ":execution:")}' for status, machine in machines.items()}
    seen = inbox.texts(provoke, until=lambda texts: {text.rpartition(":")[0] for text in texts} >= expected)
    observe(sorted({text.partition(" ")[0].strip('"') for text in seen}))
    assert {text.rpartition(":")[0] for text in seen} == expected


@pytest.mark.belief("operations-tags-on-dashboards")
def test_a_dashboard_has_tags(made: Made, target: Target, observe: Observe) -> None:
    cloudwatch, name = target.client("cloudwatch"), target.name()
    made.undo("cloudwatch", "delete_dashboards", DashboardNames=[name])
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')
    arn = f"arn:aws:cloudwatch::{target.account}:dashboard/{name}"
    cloudwatch.tag_resource(ResourceARN=arn, Tags=made.tag_list())
    tags = {tag["Key"]: tag["Value"] for tag in cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"]}
    observe(tags)
    assert tags == target.tags


@pytest.mark.belief("kms-logs-context")
def test_a_key_held_to_names_of_log_groups_encrypts_no_other(made: Made, target: Target, observe: Observe) -> None:
    name = target.name()
    groups = target.arn("logs", f"log-group:{name}-*")
    account = {"AWS": f"arn:aws:iam::{target.account}:root"}
    logs = {"Service": f"logs.{target.region}.amazonaws.com"}
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    held = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}}
    statements = [
        {"Effect": "Allow", "Principal": account, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": logs, "Action": use, "Resource": "*", "Condition": held},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    tags = [{"TagKey": key, "TagValue": value} for key, value in target.tags.items()]
    known = made.undo_named("kms", "schedule_key_deletion", "KeyId", name, PendingWindowInDays=7)
    key = target.client("kms").create_key(Description=name, Policy=policy, Tags=tags)["KeyMetadata"]
    known(key["KeyId"])
    errors = {}
    for group in (f"{name}-own", target.name()):
        made.undo("logs", "delete_log_group", logGroupName=group)
        create = target.client("logs").create_log_group
        errors[group] = error_of(create, logGroupName=group, kmsKeyId=key["Arn"], tags=target.tags)
    own, other = errors.values()
    observe(f"own name {own}; another {other}")
    assert own == ("", "")
    assert other[0] == "InvalidParameterException"
