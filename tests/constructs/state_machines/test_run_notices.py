import json

import aws_cdk as cdk
import pytest
from aws_cdk import aws_stepfunctions as sfn
from constructs.model_key import ModelKey
from constructs.state_machines.run_notices import STOPPED_STATUSES, TERMINAL_STATUSES, RunNotices

from tests.app.state_machine_calls import text
from tests.support.templates import only


def _watch(stack: cdk.Stack, **options: tuple[str, ...]) -> None:
    machine = sfn.StateMachine(
        stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(sfn.Pass(stack, "Nothing"))
    )
    key = ModelKey(stack, "Key", alias="m")
    RunNotices(stack, "Notices", subject="dev/m", encryption_key=key).watch(machine, **options)


@pytest.mark.parametrize("statuses", [None, STOPPED_STATUSES])
def test_notifies_of_the_ends_of_one_state_machine(stack: cdk.Stack, statuses: tuple[str, ...] | None) -> None:
    _watch(stack, **({} if statuses is None else {"statuses": statuses}))

    pattern = only(stack, "AWS::Events::Rule")["EventPattern"]
    assert pattern["source"] == ["aws.states"]
    assert pattern["detail"]["status"] == list(statuses or TERMINAL_STATUSES)
    assert [text(arn)[:8] for arn in pattern["detail"]["stateMachineArn"]] == ["<Machine"]


def test_a_notice_is_a_line_with_status_and_execution(stack: cdk.Stack) -> None:
    _watch(stack)

    [target] = only(stack, "AWS::Events::Rule")["Targets"]
    assert target["InputTransformer"]["InputTemplate"] == '"dev/m: <detail-status>: <detail-executionArn>"'
    assert text(target["Arn"]).startswith("<NoticesTopic")


def test_the_topic_is_encrypted_takes_tls_only_and_the_rule_may_use_its_key(stack: cdk.Stack) -> None:
    _watch(stack)

    assert only(stack, "AWS::SNS::Topic")["KmsMasterKeyId"]["Fn::GetAtt"][0].startswith("Key")
    statements = only(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]
    assert [one["Effect"] for one in statements if "aws:SecureTransport" in json.dumps(one)] == ["Deny"]
    users = [
        one["Action"]
        for one in only(stack, "AWS::KMS::Key")["KeyPolicy"]["Statement"]
        if one["Principal"].get("Service") == "events.amazonaws.com"
    ]
    assert users == [["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]]
