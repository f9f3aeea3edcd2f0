from string import ascii_uppercase
from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from constructs.model_key import ModelKey

from tests.app.state_machine_calls import text


def test_rotates_and_has_an_alias(stack: cdk.Stack) -> None:
    ModelKey(stack, "Key", alias="dev/some-model")

    template = assertions.Template.from_stack(stack)
    template.has_resource_properties("AWS::KMS::Key", {"EnableKeyRotation": True, "PendingWindowInDays": 30})
    template.has_resource_properties("AWS::KMS::Alias", {"AliasName": "alias/dev/some-model"})


def test_stays_when_its_stack_goes_unless_told_otherwise(stack: cdk.Stack) -> None:
    ModelKey(stack, "Kept", alias="kept")
    ModelKey(stack, "Gone", alias="gone", removal_policy=cdk.RemovalPolicy.DESTROY)

    template = assertions.Template.from_stack(stack)
    template.has_resource("AWS::KMS::Key", {"DeletionPolicy": "RetainExceptOnCreate"})
    template.has_resource("AWS::KMS::Key", {"DeletionPolicy": "Delete", "Properties": {"PendingWindowInDays": 7}})


def test_lets_cloudwatch_logs_use_it_for_the_stacks_own_log_groups_only(stack: cdk.Stack) -> None:
    ModelKey(stack, "Key", alias="some-model")

    [key] = assertions.Template.from_stack(stack).find_resources("AWS::KMS::Key").values()
    statements: list[dict[str, Any]] = key["Properties"]["KeyPolicy"]["Statement"]
    [of_logs] = [statement for statement in statements if statement.get("Sid") == "CloudWatchLogs"]
    groups = of_logs["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    assert [text(arn) for arn in groups] == [
        *(f"arn:aws:logs:us-west-2:<AWS::AccountId>:log-group:test-stack-{one}*" for one in ascii_uppercase),
        "arn:aws:logs:us-west-2:<AWS::AccountId>:log-group:/aws/vendedlogs/states/test-stack/*",
    ]
    # CloudWatch Logs user guide, "Encrypt log data using AWS KMS".
    assert set(of_logs["Action"]) == {
        *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"),
    }
    # China's partition has a domain of its own.
    assert text(of_logs["Principal"]["Service"]) == "logs.<AWS::Region>.<AWS::URLSuffix>"
