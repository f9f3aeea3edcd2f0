import json

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from constructs.model_key import ModelKey
from constructs.state_machines.run_notices import TERMINAL_STATUSES, RunNotices

from tests.app.state_machine_calls import text
from tests.support.templates import only, resources


def _watch(stack: cdk.Stack, **options: bool) -> None:
    machine = sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(stack, "Nothing"))
    )
    key = ModelKey(stack, "Key", alias="m")
    RunNotices(stack, "Notices", subject="dev/m", encryption_key=key).watch(machine, **options)


def test_notifies_of_all_ends_of_one_state_machine(stack: cdk.Stack) -> None:
    _watch(stack)

    pattern = only(stack, "AWS::Events::Rule")["EventPattern"]
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["status"] == list(TERMINAL_STATUSES)
    assert [text(arn)[:8] for arn in pattern["detail"]["stateMachineArn"]] == ["<Machine"]


def test_may_leave_out_the_ends_that_states_report(stack: cdk.Stack) -> None:
    _watch(stack, unreported_only=True)

    detail = only(stack, "AWS::Events::Rule")["EventPattern"]["detail"]
    assert "status" not in detail
    assert {status for end in detail["$or"] for status in end["status"]} == set(TERMINAL_STATUSES) - {"SUCCEEDED"}
    assert [text(arn)[:8] for arn in detail["stateMachineArn"]] == ["<Machine"]


def test_a_notice_is_a_line_with_status_and_execution(stack: cdk.Stack) -> None:
    _watch(stack)

    [target] = only(stack, "AWS::Events::Rule")["Targets"]
    assert target["InputTransformer"]["InputTemplate"] == '"dev/m: <detail-status>: <detail-executionArn>"'
    assert text(target["Arn"]).startswith("<NoticesTopic")


def test_the_topic_is_encrypted_takes_tls_only(stack: cdk.Stack) -> None:
    _watch(stack)

    assert only(stack, "AWS::SNS::Topic")["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("Key")
    statements = only(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert [one["Effect"] for one in statements if "aws:SecureTransport" in json.dumps(one)] == ["Deny"]


def test_eventbridge_may_use_the_key_for_this_topic_alone(stack: cdk.Stack) -> None:
    _watch(stack)

    [topic] = resources(stack, "AWS::SNS::Topic")
    users = [
        one
        for one in only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if one["Principal"].get("Service") == "events.amazonaws.com"
    ]
    assert [one["Action"] for one in users] == [["kms:Decrypt", "kms:GenerateDataKey*"]]
    [(operator, keys)] = users[0]["Condition"].items()
    # No `aws:SourceArn`: SNS does not support it for EventBridge, and every notice would be lost.
    assert (operator, list(keys)) == ("ArnLike", ["kms:EncryptionContext:aws:sns:topicArn"])
    assert text(*keys.values()) == f"arn:aws:sns:us-west-2:<AWS::AccountId>:test-stack-{topic}-*"
