from typing import Any

import aws_cdk as cdk
from aws_cdk import assertions
from aws_cdk import aws_logs as logs
from constructs.functions.package_function import PackageFunction
from constructs.model_key import ModelKey
from constructs.values.storage import Storage

from tests.support.templates import only, rights, template_of


def _function(stack: cdk.Stack, **props: Any) -> PackageFunction:
    storage = props.pop("storage", None) or Storage(encryption_key=ModelKey(stack, "Key", alias="m"))
    return PackageFunction(
        stack,
        "Function",
        **{
            "handler": "key_authorizer.handler.handle",
            "description": "does something",
            "settings": {"A": "1"},
            "storage": storage,
            "timeout": cdk.Duration.seconds(60),
            **props,
        },
    )


def test_runs_the_handler_with_its_settings_under_the_key(stack: cdk.Stack) -> None:
    _function(stack)

    function = only(stack, "AWS::Lambda::Function")
    assert function["Handler"] == "key_authorizer.handler.handle"
    assert function["Environment"] == {"Variables": {"A": "1"}}
    assert function["KmsKeyArn"]["Fn::GetAtt"][0].startswith("Key")
    assert (function["Runtime"], function["Architectures"]) == ("python3.14", ["arm64"])
    assert (function["MemorySize"], function["Timeout"]) == (256, 60)
    assert function["TracingConfig"] == {"Mode": "Active"}


def test_logs_under_the_key_for_as_long_as_it_is_told(stack: cdk.Stack) -> None:
    key = ModelKey(stack, "Key", alias="m")
    _function(
        stack,
        storage=Storage(
            encryption_key=key, log_retention=logs.RetentionDays.ONE_WEEK, removal_policy=cdk.RemovalPolicy.DESTROY
        ),
    )

    assertions.Template.from_stack(stack).has_resource(
        "AWS::Logs::LogGroup",
        {"Properties": {"RetentionInDays": 7, "KmsKeyId": assertions.Match.any_value()}, "DeletionPolicy": "Delete"},
    )
    function = only(stack, "AWS::Lambda::Function")
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["LoggingConfig"]["LogGroup"]["Ref"].startswith("FunctionLogs")


def test_may_do_no_more_than_log_decrypt_and_trace_and_what_it_is_granted(stack: cdk.Stack) -> None:
    _function(stack).allow("Look", ["s3:ListBucket"], "arn:aws:s3:::b")

    found = rights(template_of(stack), "FunctionRole")
    assert set(found) == {
        *("kms:Decrypt", "logs:CreateLogStream", "logs:PutLogEvents", "s3:ListBucket"),
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    }
    assert found["s3:ListBucket"] == ["arn:aws:s3:::b"]


def test_describes_its_role_as_itself_where_nothing_else_is_said(stack: cdk.Stack) -> None:
    _function(stack)

    assert only(stack, "AWS::IAM::Role")["Description"] == "does something"
