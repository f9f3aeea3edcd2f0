"""State machines, rules, topics, alarms and parameters are deployed, work together, and go with their stack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.local_aws import steer
from tests.support.state_machine_driver import make_role, trust

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]

DEADLINE_SECONDS = 20


def role(service: str, *actions: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = {"PolicyName": "inline", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    properties = {"AssumeRolePolicyDocument": json.loads(trust(service)), "Policies": [policy]}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


DEFINITION = {"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Parameters": {"it": "${Word}"}, "End": True}}}


def machine(word: str = "first", **definition: Any) -> dict[str, Any]:
    properties = {
        "DefinitionString": json.dumps({**DEFINITION, **definition}),
        "DefinitionSubstitutions": {"Word": word},
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "TracingConfiguration": {"Enabled": True},
    }
    return {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}


def resources(word: str = "first") -> dict[str, Any]:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [{"Ref": "Bucket"}]}, "object": {"key": [{"suffix": "/start"}]}},
    }
    transformer = {
        "InputPathsMap": {
            "bucket": "$.detail.bucket.name",
            "key": "$.detail.object.key",
            "size": "$.detail.object.size",
        },
        "InputTemplate": '{"marker": "s3://<bucket>/<key>", "size": <size>, "key": <key>}',
    }
    target = {
        "Id": "Target0",
        "Arn": {"Ref": "Machine"},
        "RoleArn": {"Fn::GetAtt": ["Starter", "Arn"]},
    }
    topic_policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": {"Ref": "Topic"},
            }
        ],
    }
    return {
        "Role": role("states.amazonaws.com", "lambda:InvokeFunction"),
        "Starter": role("events.amazonaws.com", "states:StartExecution"),
        "Machine": machine(word),
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}},
        },
        "Uploaded": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": pattern, "Targets": [{**target, "InputTransformer": transformer}]},
        },
        "Nightly": {
            "Type": "AWS::Events::Rule",
            "Properties": {"ScheduleExpression": "rate(1 day)", "Targets": [{**target, "Input": '{"nightly": true}'}]},
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": word}},
        "TopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": topic_policy},
        },
        "Alarm": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "ComparisonOperator": "GreaterThanThreshold",
                "EvaluationPeriods": 1,
                "MetricName": "Invocation5XXErrors",
                "Namespace": "AWS/SageMaker",
                "Period": 60,
                "Statistic": "Sum",
                "Threshold": 1,
            },
        },
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardBody": '{"widgets": []}', "Tags": [{"Key": word, "Value": "dashboard"}]},
        },
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Value": "none", "Tags": {"word": word}},
        },
    }


OUTPUTS = {
    name: {"Value": {"Ref": name}}
    for name in ("Machine", "Bucket", "Uploaded", "Nightly", "Topic", "Alarm", "Dashboard", "Parameter")
}


def execution_of(states: Any, machine_arn: str, count: int) -> dict[str, Any]:
    """Wait for the latest of `count` executions; return it."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        listed = states.list_executions(stateMachineArn=machine_arn)["executions"]
        if len(listed) == count and listed[0]["status"] != "RUNNING":
            described: dict[str, Any] = states.describe_execution(executionArn=listed[0]["executionArn"])
            return described
        time.sleep(0.02)
    raise AssertionError(f"{machine_arn} did not run {count} times in {DEADLINE_SECONDS} s")


def test_an_upload_and_a_schedule_start_a_deployed_state_machine(
    stacks: StackDriver, stack_name: str, aws: Aws, local_aws: str
) -> None:
    assert stacks.deploy(stack_name, resources(), Outputs=OUTPUTS) == "CREATE_COMPLETE", stacks.failures(stack_name)
    made, states = stacks.outputs(stack_name), aws("stepfunctions")

    aws("s3").put_object(Bucket=made["Bucket"], Key="data/other", Body=b"")
    aws("s3").put_object(Bucket=made["Bucket"], Key="data/start", Body=b"12")
    execution = execution_of(states, made["Machine"], 1)
    assert json.loads(execution["input"]) == {
        "marker": f"s3://{made['Bucket']}/data/start",
        "size": 2,
        "key": "data/start",
    }
    assert json.loads(execution["output"]) == {"it": "first"}

    assert steer(local_aws, f"events/schedules/{made['Nightly']}", method="POST")["targets"] == 1
    assert json.loads(execution_of(states, made["Machine"], 2)["input"]) == {"nightly": True}

    for key in ("data/other", "data/start"):
        aws("s3").delete_object(Bucket=made["Bucket"], Key=key)
    assert stacks.delete(stack_name) == "DELETE_COMPLETE", stacks.failures(stack_name)
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        states.describe_state_machine(stateMachineArn=made["Machine"])
    assert made["Topic"] not in [topic["TopicArn"] for topic in aws("sns").list_topics()["Topics"]]
    assert aws("cloudwatch").describe_alarms(AlarmNames=[made["Alarm"]])["MetricAlarms"] == []


def test_an_update_changes_them_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    assert stacks.deploy(stack_name, resources(), Outputs=OUTPUTS) == "CREATE_COMPLETE", stacks.failures(stack_name)
    before = stacks.outputs(stack_name)
    aws("ssm").put_parameter(Name=before["Parameter"], Value="set since", Overwrite=True)
    assert stacks.deploy(stack_name, resources("second"), Outputs=OUTPUTS) == "UPDATE_COMPLETE"
    assert stacks.outputs(stack_name) == before
    described = aws("stepfunctions").describe_state_machine(stateMachineArn=before["Machine"])
    assert '"it": "second"' in described["definition"]
    assert described["tracingConfiguration"] == {"enabled": True}
    attributes = aws("sns").get_topic_attributes(TopicArn=before["Topic"])["Attributes"]
    assert attributes["DisplayName"] == "second"
    tags = aws("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=before["Parameter"])["TagList"]
    assert tags == [{"Key": "word", "Value": "second"}]
    dashboard = f"arn:aws:cloudwatch::123456789012:dashboard/{before['Dashboard']}"
    tags = aws("cloudwatch").list_tags_for_resource(ResourceARN=dashboard)["Tags"]
    assert {"Key": "second", "Value": "dashboard"} in tags
    assert "first" not in {tag["Key"] for tag in tags}
    # CloudFormation writes the template's value whenever it updates the parameter.
    assert aws("ssm").get_parameter(Name=before["Parameter"])["Parameter"]["Value"] == "none"
    assert stacks.delete(stack_name) == "DELETE_COMPLETE", stacks.failures(stack_name)
    assert aws("cloudwatch").list_tags_for_resource(ResourceARN=dashboard)["Tags"] == []


def test_a_definition_that_is_refused_rolls_the_stack_back(stacks: StackDriver, stack_name: str) -> None:
    declared = {"Role": role("states.amazonaws.com", "s3:*"), "Machine": machine(StartAt="Nowhere")}
    assert stacks.deploy(stack_name, declared) == "ROLLBACK_COMPLETE"
    assert "Missing 'Next' target: Nowhere" in stacks.failures(stack_name)


def test_a_rule_whose_role_may_not_start_delivers_nothing(aws: Aws, local_aws: str) -> None:
    name, events = f"rule-{uuid4().hex[:12]}", aws("events")
    arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{name}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    role_arn = make_role(aws("iam"), "events.amazonaws.com", [])
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, "RoleArn": role_arn}])
    events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
    told = [entry for entry in steer(local_aws, "events/deliveries")["deliveries"] if entry["target"] == arn]
    assert ["is not authorized to perform: states:StartExecution" in entry["error"] for entry in told] == [True]


def test_publishing_to_a_topic_with_a_key_needs_the_key(aws: Aws, local_aws: str) -> None:
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    topic = aws("sns").create_topic(Name=f"topic-{uuid4().hex[:12]}", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic}
    use_key = {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key}

    def client(*statements: dict[str, Any]) -> Any:
        role_arn = make_role(aws("iam"), "lambda.amazonaws.com", statements)
        session = aws("sts").assume_role(RoleArn=role_arn, RoleSessionName="publisher")["Credentials"]
        return boto3.session.Session().client(
            "sns",
            region_name="us-east-1",
            endpoint_url=local_aws,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    assert client(publish, use_key).publish(TopicArn=topic, Message="m")["MessageId"]
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        client(publish).publish(TopicArn=topic, Message="m")


BOTH = ["kms:Decrypt", "kms:GenerateDataKey*"]


@pytest.mark.parametrize(
    ("actions", "condition", "delivered"),
    [
        (
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": "*-own"}},
            True,
        ),
        (
            ["kms:Decrypt", "kms:GenerateDataKey*"],
            {"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": "*-no"}},
            False,
        ),
        # SNS supports neither for EventBridge.
        (BOTH, {"ArnLike": {"aws:SourceArn": "*"}}, False),
        (BOTH, {"StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        (["kms:GenerateDataKey*"], {}, False),
    ],
)
def test_a_rule_delivers_to_a_topic_with_a_key_that_eventbridge_may_use_for_it(
    aws: Aws, local_aws: str, actions: list[str], condition: dict[str, Any], delivered: bool
) -> None:
    name, events = f"rule-{uuid4().hex[:12]}", {"Service": "events.amazonaws.com"}
    use = {"Effect": "Allow", "Principal": events, "Action": actions, "Resource": "*", "Condition": condition}
    key = aws("kms").create_key(Policy=json.dumps({"Statement": [use]}))["KeyMetadata"]["KeyId"]
    attributes = {"KmsMasterKeyId": key}
    topic = aws("sns").create_topic(Name=f"{name}-own", Attributes=attributes)["TopicArn"]
    publish = {"Effect": "Allow", "Principal": events, "Action": "sns:Publish", "Resource": topic}
    aws("sns").set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [publish]})
    )
    aws("events").put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    aws("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": topic}])
    aws("events").put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
    [entry] = [entry for entry in steer(local_aws, "events/deliveries")["deliveries"] if entry["target"] == topic]
    assert ("result" in entry) is delivered
    assert delivered or entry["error"].startswith("KMSAccessDenied: ")


def test_anybody_reads_jumpstart_s_public_buckets(local_aws: str, aws: Aws) -> None:
    s3 = boto3.session.Session().client(
        "s3",
        region_name="eu-west-1",
        endpoint_url=local_aws,
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    bucket = "jumpstart-cache-prod-eu-west-1"
    manifest = json.load(s3.get_object(Bucket=bucket, Key="models_manifest.json")["Body"])
    entry = next(entry for entry in manifest if entry["model_id"] == "huggingface-llm-mistral-7b")
    spec = json.load(s3.get_object(Bucket=bucket, Key=entry["spec_key"])["Body"])
    assert spec["model_id"] == entry["model_id"]
    assert s3.get_object(Bucket=bucket, Key=spec["training_prepacked_script_key"])["Body"].read()
    assert bucket not in [own["Name"] for own in aws("s3").list_buckets()["Buckets"]]
    with pytest.raises(ClientError, match="Forbidden"):
        s3.put_object(Bucket=bucket, Key="mine", Body=b"")
