import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_logs as logs
from constructs.api.invoke_function import InvokeFunction
from constructs.model_key import ModelKey
from constructs.values.storage import Storage

WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


def _function(stack: cdk.Stack, storage: Mapping[str, Any] = MappingProxyType({}), **props: Any) -> InvokeFunction:
    arguments: dict[str, Any] = {
        "settings": {"MODEL_NAME": "some-model"},
        "storage": Storage(encryption_key=ModelKey(stack, "Key", alias="some-model"), **storage),
        "timeout": cdk.Duration.seconds(30),
        **props,
    }
    return InvokeFunction(stack, "Shim", **arguments)


def _only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources(resource_type).values()
    return dict(resource["Properties"])


def _packed(context: dict[str, Any], outdir: Path) -> Path:
    """Synthesize the function; return the folder that is deployed as its zip."""
    app = cdk.App(context=context, outdir=str(outdir))
    _function(cdk.Stack(app, "test-stack", env=cdk.Environment(region="us-west-2")))
    app.synth()
    manifest = json.loads((outdir / "test-stack.assets.json").read_text())
    [asset] = [file for file in manifest["files"].values() if file["source"]["packaging"] == "zip"]
    return outdir / str(asset["source"]["path"])


def test_starts_the_shims_runtime_in_place_of_lambdas(stack: cdk.Stack) -> None:
    _function(stack)

    function = _only(stack, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"] == {
        "MODEL_NAME": "some-model",
        WRAPPER: "/var/task/invoke_shim/bootstrap",
    }
    assert function["Handler"] == "invoke_shim.handler.handle"


def test_packs_the_wrapper_where_it_is_named_and_with_its_run_bit(context: dict[str, Any], tmp_path: Path) -> None:
    wrapper = _packed(context, tmp_path) / "invoke_shim" / "bootstrap"

    assert wrapper.stat().st_mode & 0o111 == 0o111
    assert wrapper.read_bytes().startswith(b"#!/bin/sh\n")


def test_packs_the_shim_alone_so_that_other_functions_do_not_change_its_hash(
    context: dict[str, Any], tmp_path: Path
) -> None:
    packed = _packed(context, tmp_path)

    assert [entry.name for entry in packed.iterdir()] == ["invoke_shim"]
    assert not list(packed.rglob("__pycache__"))


def test_is_allowed_no_more_than_its_log_its_key_and_traces(stack: cdk.Stack) -> None:
    _function(stack)

    statements = _only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    actions = [action for statement in statements for action in _list(statement["Action"])]
    assert sorted(actions) == [
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ]
    assert "ManagedPolicyArns" not in _only(stack, "AWS::IAM::Role")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_keeps_its_log_under_the_key_for_as_long_as_it_is_told(stack: cdk.Stack) -> None:
    _function(
        stack, storage={"log_retention": logs.RetentionDays.ONE_WEEK, "removal_policy": cdk.RemovalPolicy.DESTROY}
    )

    assertions.Template.from_stack(stack).has_resource(
        "AWS::Logs::LogGroup",
        {"Properties": {"RetentionInDays": 7, "KmsKeyId": assertions.Match.any_value()}, "DeletionPolicy": "Delete"},
    )


@pytest.mark.parametrize("seconds", [1, 900])
def test_runs_as_long_as_it_is_told(stack: cdk.Stack, seconds: int) -> None:
    _function(stack, timeout=cdk.Duration.seconds(seconds))

    assert _only(stack, "AWS::Lambda::Function")["Timeout"] == seconds


def test_reserves_concurrency_only_when_told(stack: cdk.Stack) -> None:
    _function(stack, reserved_concurrency=7)
    other = cdk.Stack(cdk.App(), "other", env=cdk.Environment(region="us-west-2"))
    _function(other)

    assert _only(stack, "AWS::Lambda::Function")["ReservedConcurrentExecutions"] == 7
    assert "ReservedConcurrentExecutions" not in _only(other, "AWS::Lambda::Function")


def test_takes_settings_that_are_known_only_at_deployment(stack: cdk.Stack) -> None:
    _function(stack, settings={"MODEL_ARN": cdk.Fn.import_value("model")})

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert variables["MODEL_ARN"] == {"Fn::ImportValue": "model"}


def test_reports_all_problems_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="timeout") as refused:
        _function(
            stack,
            timeout=cdk.Duration.seconds(901),
            reserved_concurrency=0,
            settings={WRAPPER: "/opt/mine", "1_MODEL": "a", "MAX_TOKENS": 5, "PROMPT_TEMPLATE": "x" * 4096},
        )

    size = sum(map(len, [WRAPPER, "/opt/mine", "1_MODEL", "a", "MAX_TOKENS", "PROMPT_TEMPLATE"])) + 4096
    assert str(refused.value).splitlines() == [
        "timeout is 901 s: allowed are 1 to 900 s",
        f"settings['{WRAPPER}'] is the construct's own",
        "settings['1_MODEL'] has a name that is not allowed: allowed are letters, digits and underscores, two or "
        "more, a letter first",
        "settings['MAX_TOKENS'] is 5: allowed is text",
        f"settings take {size} bytes with their names: allowed are 4096",
        "reserved_concurrency is 0: allowed is 1 or more",
    ]
