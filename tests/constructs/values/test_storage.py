"""Log groups: their key, retention, removal and names."""

import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs.values.storage import Storage


def test_a_log_group_has_the_key_the_retention_and_the_removal_policy(stack: cdk.Stack) -> None:
    storage = Storage(
        encryption_key=kms.Key(stack, "Key"),
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    storage.log_group(stack, name="/mine/group")

    [group] = assertions.Template.from_stack(stack).find_resources("AWS::Logs::LogGroup").values()
    assert group["Properties"]["LogGroupName"] == "/mine/group"
    assert group["Properties"]["RetentionInDays"] == 7
    assert stack.resolve(storage.encryption_key.key_arn) == group["Properties"]["KmsKeyId"]
    assert group["DeletionPolicy"] == "Delete"


def test_a_state_machines_log_group_is_named_anew_with_each_stack(stack: cdk.Stack) -> None:
    storage = Storage(encryption_key=kms.Key(stack, "Key"))
    storage.state_machine_log_group(stack, kind="import")

    [group] = assertions.Template.from_stack(stack).find_resources("AWS::Logs::LogGroup").values()
    uuid = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    last_part = {"Fn::Select": [4, {"Fn::Split": ["-", uuid]}]}
    assert group["Properties"]["LogGroupName"] == {
        "Fn::Join": ["", ["/aws/vendedlogs/states/test-stack/import-", last_part]]
    }
