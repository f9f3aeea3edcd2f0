import json
from pathlib import Path
from typing import Any, get_args

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from constructs.api.answer_options import AnswerOptions
from constructs.api.api_domain import ApiDomain
from constructs.model_key import ModelKey
from constructs.values.storage import Storage

from invoke_shim import contract
from invoke_shim.settings import Settings
from stacks.declarations import PromptFormat, SystemMessages, Usage
from tests.constructs.api.api_parts import make_api, make_keyed_api, target
from tests.support.templates import only


def test_sets_the_environment_that_the_shim_parses(stack: cdk.Stack) -> None:
    make_api(stack, target=target(stack, max_input_tokens=8191, max_total_tokens=8192))

    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = Settings.from_environment(variables)
    assert settings.endpoint_name == "dev-some-model"
    assert settings.model_name == "some-model"
    assert settings.container == "tgi"
    assert settings.prompt_format == "mistral-instruct"
    assert (settings.max_input_tokens, settings.max_total_tokens) == (8191, 8192)
    assert settings.invoke_timeout_seconds == 300
    assert (settings.gather_stream, settings.log_prompts) == (False, False)


def test_passes_on_what_the_declaration_chose(stack: cdk.Stack) -> None:
    template = '{"prompt": "Say {instruction}", "completion": "{response}"}'
    make_api(
        stack,
        target=target(stack, container_version="2.4.0", gather_stream=True, images=False),
        log_prompts=True,
        prompt_format="template",
        prompt_template=template,
    )

    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = Settings.from_environment(variables)
    assert settings.container_version == (2, 4, 0)
    assert (settings.gather_stream, settings.log_prompts, settings.takes_images) == (True, True, False)
    assert (settings.prompt_format, settings.prompt_template) == ("template", template)


def test_passes_on_the_options_of_answers(stack: cdk.Stack) -> None:
    make_api(stack, answers=AnswerOptions(max_tokens=900, system_messages="refuse", usage="omit"))

    settings = Settings.from_environment(only(stack, "AWS::Lambda::Function")["Environment"]["Variables"])
    assert (settings.default_max_tokens, settings.system_messages, settings.usage) == (900, "refuse", "omit")


def test_options_at_their_defaults_stand_in_no_template(stack: cdk.Stack) -> None:
    make_api(stack, answers=AnswerOptions())

    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    new = {"DEFAULT_MAX_TOKENS", "SYSTEM_MESSAGES", "TASK", "TOKENIZER", "USAGE", "CORS_ORIGINS"}
    assert new <= set(contract.VARIABLES)
    assert new.isdisjoint(variables)


def test_refuses_options_out_of_range(stack: cdk.Stack, tmp_path: Path) -> None:
    wrong: Any = {"max_tokens": 0, "system_messages": "drop", "usage": "guess", "tokenizer": tmp_path / "none.json"}
    with pytest.raises(ValueError, match="max_tokens") as refused:
        make_api(stack, answers=AnswerOptions(**wrong))

    assert str(refused.value).splitlines() == [
        "max_tokens is 0: allowed is 1 to 999999999, or None for as many as fit",
        "system_messages is 'drop': allowed is merge, refuse",
        "usage is 'guess': allowed is estimate, omit",
        f"tokenizer is {str(tmp_path / 'none.json')!r}: allowed is a file that is there",
    ]


def test_declarations_have_the_shims_words() -> None:
    assert set(contract.PROMPT_FORMATS) == set(get_args(PromptFormat))
    assert get_args(SystemMessages) == contract.SYSTEM_MESSAGES
    assert get_args(Usage) == contract.USAGES


@pytest.mark.parametrize("timeout", [5, 60, 900])
def test_accepts_every_timeout_that_the_shim_accepts(stack: cdk.Stack, timeout: int) -> None:
    make_api(stack, invoke_timeout=cdk.Duration.seconds(timeout))

    variables = only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert Settings.from_environment(variables).invoke_timeout_seconds == timeout
    assert only(stack, "AWS::ApiGateway::Method")["Integration"]["TimeoutInMillis"] == timeout * 1000
    assert only(stack, "AWS::Lambda::Function")["Timeout"] == min(timeout + 1, 900)


def test_streams_every_answer(stack: cdk.Stack) -> None:
    make_api(stack)

    integration = only(stack, "AWS::ApiGateway::Method")["Integration"]
    assert integration["ResponseTransferMode"] == "STREAM"
    assert "response-streaming-invocations" in json.dumps(integration["Uri"])


def test_lets_nobody_in_without_iam(stack: cdk.Stack) -> None:
    make_api(stack)

    methods = assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::Method").values()
    assert [method["Properties"]["AuthorizationType"] for method in methods] == ["AWS_IAM"]


def test_the_function_may_invoke_this_endpoint_and_write_its_own_logonly(stack: cdk.Stack) -> None:
    make_api(stack)

    statements = only(stack, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
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
        "sagemaker:InvokeEndpointWithResponseStream",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
    assert allowed["sagemaker:InvokeEndpoint"]["Fn::Join"][1][-1] == ":endpoint/dev-some-model"
    assert [action for action, resource in allowed.items() if resource == "*"] == [
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ]


def test_has_no_managed_policy(stack: cdk.Stack) -> None:
    make_api(stack)

    assert "ManagedPolicyArns" not in only(stack, "AWS::IAM::Role")


def test_encrypts_log_groups_and_environment_with_the_given_key(stack: cdk.Stack) -> None:
    make_api(stack)

    template = assertions.Template.from_stack(stack)
    template.resource_properties_count_is("AWS::Logs::LogGroup", {"KmsKeyId": assertions.Match.any_value()}, 2)
    template.has_resource_properties("AWS::Lambda::Function", {"KmsKeyArn": assertions.Match.any_value()})


def test_keeps_logs_for_as_long_as_it_is_told(stack: cdk.Stack) -> None:
    key = ModelKey(stack, "Key", alias="some-model")
    make_api(stack, storage=Storage(encryption_key=key, log_retention=cdk.aws_logs.RetentionDays.ONE_WEEK))

    assertions.Template.from_stack(stack).resource_properties_count_is("AWS::Logs::LogGroup", {"RetentionInDays": 7}, 2)


def test_logs_every_access_without_what_was_said(stack: cdk.Stack) -> None:
    make_api(stack)

    stage = only(stack, "AWS::ApiGateway::Stage")
    fields = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"requestId", "extendedRequestId", "status", "userArn", "integrationLatency"} <= set(fields)
    assert stage["TracingEnabled"] is True
    [settings] = stage["MethodSettings"]
    # Its group would belong to no stack.
    assert settings["LoggingLevel"] == "OFF"
    assert settings["DataTraceEnabled"] is False


def test_logs_how_long_the_first_byte_of_a_stream_took(stack: cdk.Stack) -> None:
    make_api(stack)

    fields = json.loads(only(stack, "AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"])
    # API Gateway developer guide, "Troubleshoot issues with response streaming".
    assert {fields[name] for name in ("transferMode", "timeToAllHeaders", "timeToFirstContent")} == {
        "$context.integration.responseTransferMode",
        "$context.integration.timeToAllHeaders",
        "$context.integration.timeToFirstContent",
    }


def test_takes_no_tls_below_1_2_at_api_gateways_own_address(stack: cdk.Stack) -> None:
    make_api(stack)

    api = only(stack, "AWS::ApiGateway::RestApi")
    assert api["SecurityPolicy"] == "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    # Policies of that kind need it.
    assert api["EndpointAccessMode"] == "BASIC"


def test_traces_the_function(stack: cdk.Stack) -> None:
    make_api(stack)

    assert only(stack, "AWS::Lambda::Function")["TracingConfig"] == {"Mode": "Active"}


def test_throttles_all_methods_of_the_stage_only_when_told(stack: cdk.Stack) -> None:
    make_api(stack, requests_per_second=2.5, burst=7)

    [settings] = only(stack, "AWS::ApiGateway::Stage")["MethodSettings"]
    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (2.5, 7)


def test_refuses_half_a_throttle(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="burst is None: allowed are both, or neither of them"):
        make_api(stack, requests_per_second=2.5)


def test_reserves_concurrency_only_when_told(stack: cdk.Stack) -> None:
    make_api(stack, reserved_concurrency=7)
    other = cdk.Stack(cdk.App(), "other", env=cdk.Environment(region="us-west-2"))
    make_api(other)

    assert only(stack, "AWS::Lambda::Function")["ReservedConcurrentExecutions"] == 7
    assert "ReservedConcurrentExecutions" not in only(other, "AWS::Lambda::Function")


def test_lets_nobody_in_without_a_key_where_callers_have_keys(stack: cdk.Stack) -> None:
    make_keyed_api(stack)

    method = only(stack, "AWS::ApiGateway::Method")
    assert (method["AuthorizationType"], method["ApiKeyRequired"]) == ("CUSTOM", True)
    assert set(method["AuthorizerId"]) == {"Ref"}
    assert only(stack, "AWS::ApiGateway::RestApi")["ApiKeySourceType"] == "AUTHORIZER"


def test_logs_the_keys_id_and_never_the_key(stack: cdk.Stack) -> None:
    make_keyed_api(stack)

    fields = json.loads(only(stack, "AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"])
    assert fields["apiKeyId"] == "$context.identity.apiKeyId"
    assert "$context.identity.apiKey" not in fields.values()


def test_answers_at_its_domain_alone(stack: cdk.Stack) -> None:
    domain = ApiDomain(
        stack,
        "Domain",
        domain_name="some.models.example.com",
        certificate_arn="arn:aws:acm:us-west-2:111122223333:certificate/1234abcd",
    )

    assert make_api(stack, domain=domain).url == "https://some.models.example.com/"
    assert only(stack, "AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assertions.Template.from_stack(stack).resource_count_is("AWS::ApiGateway::BasePathMapping", 1)


def test_deploys_again_when_a_domain_comes_since_the_own_address_goes_with_a_deployment(
    context: dict[str, Any],
) -> None:
    def deployment(name: str | None) -> set[str]:
        stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))
        arn = "arn:aws:acm:us-west-2:111122223333:certificate/1234abcd"
        make_api(stack, domain=name and ApiDomain(stack, "Domain", domain_name=name, certificate_arn=arn))
        return set(assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::Deployment"))

    assert deployment(None) == deployment(None) != deployment("some.example.com")


def test_refuses_a_prompt_template_that_is_none(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="allowed is an object with the texts prompt and completion"):
        make_api(stack, prompt_format="template", prompt_template="[]")


def test_stands_behind_the_web_acl(stack: cdk.Stack) -> None:
    acl = "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/some/1234"
    make_api(stack, web_acl_arn=acl)

    association = only(stack, "AWS::WAFv2::WebACLAssociation")
    assert association["WebACLArn"] == acl
    assert "/stages/" in json.dumps(association["ResourceArn"])


def test_leaves_the_accounts_log_role_to_the_account(stack: cdk.Stack) -> None:
    make_api(stack)

    assertions.Template.from_stack(stack).resource_count_is("AWS::ApiGateway::Account", 0)


def test_grants_the_stages_routes_to_a_caller(stack: cdk.Stack) -> None:
    caller = iam.Role(stack, "Caller", assumed_by=iam.AccountRootPrincipal())
    make_api(stack).grant_invoke(caller)

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


@pytest.mark.parametrize(("count", "variable"), [(4, None), (1, "1"), (128, "128")])
def test_sets_the_most_generations_of_a_request_where_it_is_not_the_default(
    stack: cdk.Stack, count: int, variable: str | None
) -> None:
    make_api(stack, generations_per_request=count)
    functions = assertions.Template.from_stack(stack).find_resources("AWS::Lambda::Function")
    environments = [one["Properties"]["Environment"]["Variables"] for one in functions.values()]
    assert [found.get("MAX_GENERATIONS") for found in environments if "MODEL_NAME" in found] == [variable]


def test_reports_all_problems_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="prompt_format") as refused:
        make_api(
            stack,
            prompt_format="alpaca",
            prompt_template="x",
            invoke_timeout=cdk.Duration.seconds(901),
            reserved_concurrency=0,
            generations_per_request=129,
        )

    assert str(refused.value).splitlines() == [
        "prompt_format is 'alpaca': allowed are chatml, chatml-announced, falcon-chat, falcon-chat-announced, "
        "falcon-instruct, mistral-instruct, mistral-instruct-announced, mistral-instruct-v0.3, mixtral-instruct, "
        "llama-3-instruct, llama-3.1-instruct, granite-code, template, container, none",
        "invoke_timeout is 901 s: allowed are 5 to 900 s",
        "reserved_concurrency is 0: allowed is 1 or more",
        "generations_per_request is 129: allowed are 1 to 128",
        "prompt_template is a template: allowed is a template with the prompt format template, and with no other",
    ]
