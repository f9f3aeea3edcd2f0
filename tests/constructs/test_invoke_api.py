import json
from typing import Any, get_args

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs import invoke_api
from constructs.invoke_api import InvokeApi
from constructs.model_key import ModelKey
from constructs.sagemaker_endpoint import SageMakerEndpoint

from invoke_shim import settings as shim_settings
from stacks.models import PromptFormat


def _api(stack: cdk.Stack, **props: Any) -> InvokeApi:
    arguments: dict[str, Any] = {
        "endpoint": SageMakerEndpoint.from_endpoint_name(stack, "Endpoint", "dev-some-model"),
        "model_name": "some-model",
        "container": "tgi",
        "prompt_format": "mistral-instruct",
        "encryption_key": ModelKey(stack, "Key", alias="some-model"),
        **props,
    }
    return InvokeApi(stack, "Api", **arguments)


def _only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources(resource_type).values()
    return dict(resource["Properties"])


def test_sets_the_environment_that_the_shim_parses(stack: cdk.Stack) -> None:
    _api(stack, max_input_tokens=8191, max_total_tokens=8192)

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = shim_settings.Settings.from_environment(variables)
    assert settings.endpoint_name == "dev-some-model"
    assert settings.model_name == "some-model"
    assert settings.container == "tgi"
    assert settings.prompt_format == "mistral-instruct"
    assert (settings.max_input_tokens, settings.max_total_tokens) == (8191, 8192)
    assert settings.invoke_timeout_seconds == 29


def test_knows_the_shims_containers_and_prompt_formats() -> None:
    assert set(invoke_api.CONTAINERS) == set(shim_settings.CONTAINERS)
    assert set(invoke_api.PROMPT_FORMATS) == set(shim_settings.PROMPT_FORMATS) == set(get_args(PromptFormat))


@pytest.mark.parametrize("timeout", [5, 60])
def test_accepts_every_timeout_that_the_shim_accepts(stack: cdk.Stack, timeout: int) -> None:
    _api(stack, invoke_timeout=cdk.Duration.seconds(timeout))

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert shim_settings.Settings.from_environment(variables).invoke_timeout_seconds == timeout
    assert _only(stack, "AWS::ApiGateway::Method")["Integration"]["TimeoutInMillis"] == timeout * 1000
    assert _only(stack, "AWS::Lambda::Function")["Timeout"] == timeout + 1


def test_lets_nobody_in_without_iam(stack: cdk.Stack) -> None:
    _api(stack)

    methods = assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::Method").values()
    assert [method["Properties"]["AuthorizationType"] for method in methods] == ["AWS_IAM"]


def test_the_function_may_invoke_this_endpoint_and_write_its_own_log_only(stack: cdk.Stack) -> None:
    _api(stack)

    statements = _only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    allowed = {
        action: statement["Resource"]
        for statement in statements
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert set(allowed) == {
        "kms:Decrypt",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sagemaker:InvokeEndpoint",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    assert allowed["sagemaker:InvokeEndpoint"]["Fn::Join"][1][-1] == ":endpoint/dev-some-model"
    assert [action for action, resource in allowed.items() if resource == "*"] == [
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ]


def test_has_no_managed_policy(stack: cdk.Stack) -> None:
    _api(stack)

    assert "ManagedPolicyArns" not in _only(stack, "AWS::IAM::Role")


def test_encrypts_log_groups_and_environment_with_the_given_key(stack: cdk.Stack) -> None:
    _api(stack)

    template = assertions.Template.from_stack(stack)
    template.resource_properties_count_is("AWS::Logs::LogGroup", {"KmsKeyId": assertions.Match.any_value()}, 2)
    template.has_resource_properties("AWS::Lambda::Function", {"KmsKeyArn": assertions.Match.any_value()})


def test_keeps_logs_for_as_long_as_it_is_told(stack: cdk.Stack) -> None:
    _api(stack, log_retention=cdk.aws_logs.RetentionDays.ONE_WEEK)

    assertions.Template.from_stack(stack).resource_properties_count_is("AWS::Logs::LogGroup", {"RetentionInDays": 7}, 2)


def test_logs_every_access_without_what_was_said(stack: cdk.Stack) -> None:
    _api(stack)

    stage = _only(stack, "AWS::ApiGateway::Stage")
    fields = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"requestId", "status", "userArn", "integrationLatency"} <= set(fields)
    assert stage["TracingEnabled"] is True
    [settings] = stage["MethodSettings"]
    assert settings["LoggingLevel"] == "ERROR"
    assert settings["DataTraceEnabled"] is False


def test_traces_the_function(stack: cdk.Stack) -> None:
    _api(stack)

    assert _only(stack, "AWS::Lambda::Function")["TracingConfig"] == {"Mode": "Active"}


def test_reserves_concurrency_only_when_told(stack: cdk.Stack) -> None:
    _api(stack, reserved_concurrency=7)
    other = cdk.Stack(cdk.App(), "other", env=cdk.Environment(region="us-west-2"))
    _api(other)

    assert _only(stack, "AWS::Lambda::Function")["ReservedConcurrentExecutions"] == 7
    assert "ReservedConcurrentExecutions" not in _only(other, "AWS::Lambda::Function")


def test_says_the_gateways_own_errors_in_openais_shape(stack: cdk.Stack) -> None:
    _api(stack)

    responses = assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::GatewayResponse").values()
    types = {}
    for response in responses:
        properties = response["Properties"]
        template = properties["ResponseTemplates"]["application/json"]
        body = json.loads(template.replace("$context.error.messageString", '"Forbidden"'))
        assert set(body["error"]) == {"message", "type", "param", "code"}
        types[properties["ResponseType"]] = body["error"]["type"]
    assert types == {
        "DEFAULT_4XX": "invalid_request_error",
        "DEFAULT_5XX": "server_error",
        "THROTTLED": "rate_limit_error",
    }


def test_tells_a_throttled_client_when_to_come_back(stack: cdk.Stack) -> None:
    _api(stack)

    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::ApiGateway::GatewayResponse",
        {"ResponseType": "THROTTLED", "ResponseParameters": {"gatewayresponse.header.retry-after": "'1'"}},
    )


def test_leaves_the_accounts_log_role_to_the_account(stack: cdk.Stack) -> None:
    _api(stack)

    assertions.Template.from_stack(stack).resource_count_is("AWS::ApiGateway::Account", 0)


def test_packs_the_shim_alone_so_that_other_functions_do_not_change_its_hash(
    context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    app = cdk.App(context=context, outdir=str(tmp_path_factory.mktemp("assembly")))
    _api(cdk.Stack(app, "test-stack", env=cdk.Environment(region="us-west-2")))
    assembly = app.synth()

    manifest = json.loads((tmp_path_factory.getbasetemp() / assembly.directory / "test-stack.assets.json").read_text())
    [asset] = [file for file in manifest["files"].values() if file["source"]["packaging"] == "zip"]
    packed = tmp_path_factory.getbasetemp() / assembly.directory / asset["source"]["path"]
    assert [entry.name for entry in packed.iterdir()] == ["invoke_shim"]
    assert (packed / "invoke_shim" / "handler.py").is_file()
    assert not list(packed.rglob("__pycache__"))


def test_grants_the_stages_routes_to_a_caller(stack: cdk.Stack) -> None:
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    _api(stack).grant_invoke(caller)

    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "execute-api:Invoke",
                        "Effect": "Allow",
                        "Resource": {"Fn::Join": ["", assertions.Match.array_with(["/live/*/*"])]},
                    }
                ]
            }
        },
    )


def test_reports_all_problems_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="container") as refused:
        _api(
            stack,
            container="other",
            prompt_format="alpaca",
            invoke_timeout=cdk.Duration.seconds(61),
            reserved_concurrency=0,
            max_input_tokens=5,
            max_total_tokens=5,
        )

    assert str(refused.value).splitlines() == [
        "container is 'other': allowed are tgi, lmi",
        "prompt_format is 'alpaca': allowed are chatml, falcon-chat, falcon-instruct, mistral-instruct, "
        "mistral-instruct-v0.3, mixtral-instruct, llama-3-instruct, llama-3.1-instruct, granite-code, template, none",
        "invoke_timeout is 61 s: allowed are 5 to 60 s, and above 29 s only with the account's quota raised",
        "reserved_concurrency is 0: allowed is 1 or more",
        "max_input_tokens is 5: allowed is less than max_total_tokens, 5",
    ]
