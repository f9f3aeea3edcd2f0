import json
from collections.abc import Callable
from typing import Any, cast, get_args

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs.api.api_domain import ApiDomain
from constructs.api.api_keys import ApiKeys
from constructs.api.invoke_api import InvokeApi
from constructs.api.invoke_target import EndpointTarget
from constructs.endpoint.sagemaker_endpoint import SageMakerEndpoint
from constructs.model_import.imported_model import ImportedModel
from constructs.model_key import ModelKey
from constructs.served_pointer import ServedPointer
from constructs.values.storage import Storage

from invoke_shim import contract
from invoke_shim.settings import Settings
from stacks.declarations import PromptFormat


def _target(stack: cdk.Stack, **options: Any) -> EndpointTarget:
    endpoint = SageMakerEndpoint.from_endpoint_name(stack, "Endpoint", "dev-some-model")
    return EndpointTarget(endpoint, **{"container": "tgi", **options})


def _api(stack: cdk.Stack, **props: Any) -> InvokeApi:
    key = cast("kms.IKey | None", stack.node.try_find_child("Key")) or ModelKey(stack, "Key", alias="some-model")
    arguments: dict[str, Any] = {
        "target": props.get("target") or _target(stack),
        "model_name": "some-model",
        "prompt_format": "mistral-instruct",
        "storage": Storage(encryption_key=key),
        **props,
    }
    return InvokeApi(stack, "Api", **arguments)


def _only(stack: cdk.Stack, resource_type: str) -> dict[str, Any]:
    [resource] = assertions.Template.from_stack(stack).find_resources(resource_type).values()
    return dict(resource["Properties"])


def test_sets_the_environment_that_the_shim_parses(stack: cdk.Stack) -> None:
    _api(stack, target=_target(stack, max_input_tokens=8191, max_total_tokens=8192))

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
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
    _api(
        stack,
        target=_target(stack, container_version="2.4.0", gather_stream=True),
        log_prompts=True,
        prompt_format="template",
        prompt_template=template,
    )

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = Settings.from_environment(variables)
    assert settings.container_version == (2, 4, 0)
    assert (settings.gather_stream, settings.log_prompts) == (True, True)
    assert (settings.prompt_format, settings.prompt_template) == ("template", template)


def test_declarations_have_the_shims_prompt_formats() -> None:
    assert set(contract.PROMPT_FORMATS) == set(get_args(PromptFormat))


@pytest.mark.parametrize("timeout", [5, 60, 900])
def test_accepts_every_timeout_that_the_shim_accepts(stack: cdk.Stack, timeout: int) -> None:
    _api(stack, invoke_timeout=cdk.Duration.seconds(timeout))

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    assert Settings.from_environment(variables).invoke_timeout_seconds == timeout
    assert _only(stack, "AWS::ApiGateway::Method")["Integration"]["TimeoutInMillis"] == timeout * 1000
    assert _only(stack, "AWS::Lambda::Function")["Timeout"] == min(timeout + 1, 900)


def test_streams_every_answer(stack: cdk.Stack) -> None:
    _api(stack)

    integration = _only(stack, "AWS::ApiGateway::Method")["Integration"]
    assert integration["ResponseTransferMode"] == "STREAM"
    assert "response-streaming-invocations" in json.dumps(integration["Uri"])


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
    _api(stack)

    assert "ManagedPolicyArns" not in _only(stack, "AWS::IAM::Role")


def test_encrypts_log_groups_and_environment_with_the_given_key(stack: cdk.Stack) -> None:
    _api(stack)

    template = assertions.Template.from_stack(stack)
    template.resource_properties_count_is("AWS::Logs::LogGroup", {"KmsKeyId": assertions.Match.any_value()}, 2)
    template.has_resource_properties("AWS::Lambda::Function", {"KmsKeyArn": assertions.Match.any_value()})


def test_keeps_logs_for_as_long_as_it_is_told(stack: cdk.Stack) -> None:
    key = ModelKey(stack, "Key", alias="some-model")
    _api(stack, storage=Storage(encryption_key=key, log_retention=cdk.aws_logs.RetentionDays.ONE_WEEK))

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


def _keyed(stack: cdk.Stack, **props: Any) -> InvokeApi:
    key = ModelKey(stack, "Key", alias="some-model")
    return _api(stack, api_keys=ApiKeys(stack, "Keys", storage=Storage(encryption_key=key)), **props)


def _responses(stack: cdk.Stack) -> dict[str, tuple[str | None, dict[str, Any], dict[str, str]]]:
    """Status, error and headers of each gateway response."""
    found = {}
    for response in assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::GatewayResponse").values():
        properties = response["Properties"]
        template = properties["ResponseTemplates"]["application/json"]
        body = json.loads(template.replace("$context.error.messageString", '"own words"'))
        assert list(body) == ["error"]
        headers = {
            name.removeprefix("gatewayresponse.header."): value
            for name, value in properties["ResponseParameters"].items()
        }
        found[properties["ResponseType"]] = (properties.get("StatusCode"), body["error"], headers)
    return found


@pytest.mark.parametrize("make", [_api, _keyed])
def test_says_the_gateways_own_errors_in_openais_shape(stack: cdk.Stack, make: Callable[..., InvokeApi]) -> None:
    make(stack, web_acl_arn="arn:aws:wafv2:us-west-2:111122223333:regional/webacl/a/1")

    for status, error, headers in _responses(stack).values():
        assert set(error) == {"message", "type", "param", "code"}
        assert error["param"] is None
        assert headers["x-request-id"] == "context.requestId"
        assert status is None or 400 <= int(status) < 600


def test_answers_401_to_a_caller_without_a_signature(stack: cdk.Stack) -> None:
    _api(stack)

    responses = _responses(stack)
    for kind in ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "EXPIRED_TOKEN"):
        status, error, _ = responses[kind]
        assert (status, error["code"]) == ("401", "invalid_api_key"), kind
    assert not {"UNAUTHORIZED", "INVALID_API_KEY", "WAF_FILTERED"} & set(responses)


def test_answers_to_a_callers_key_as_openai_does(stack: cdk.Stack) -> None:
    _keyed(stack)

    responses = _responses(stack)
    answers = {kind: (status, error["type"], error["code"]) for kind, (status, error, _) in responses.items()}
    assert answers["UNAUTHORIZED"] == ("401", "invalid_request_error", "invalid_api_key")
    assert answers["INVALID_API_KEY"] == ("401", "invalid_request_error", "invalid_api_key")
    assert answers["QUOTA_EXCEEDED"] == ("429", "insufficient_quota", "insufficient_quota")
    assert answers["THROTTLED"] == ("429", "rate_limit_error", "rate_limit_exceeded")
    assert answers["AUTHORIZER_FAILURE"] == ("500", "server_error", "authorizer_failure")
    assert answers["MISSING_AUTHENTICATION_TOKEN"] == ("404", "invalid_request_error", "not_found")
    assert responses["UNAUTHORIZED"][2]["www-authenticate"] == "'Bearer'"


def test_tells_a_client_when_to_come_back_and_when_not_to(stack: cdk.Stack) -> None:
    _keyed(stack)

    headers = {kind: headers for kind, (_, _, headers) in _responses(stack).items()}
    assert headers["THROTTLED"]["retry-after"] == "'1'"
    assert headers["QUOTA_EXCEEDED"]["x-should-retry"] == "'false'"
    assert headers["INTEGRATION_TIMEOUT"]["x-should-retry"] == "'false'"


def test_lets_nobody_in_without_a_key_where_callers_have_keys(stack: cdk.Stack) -> None:
    _keyed(stack)

    method = _only(stack, "AWS::ApiGateway::Method")
    assert (method["AuthorizationType"], method["ApiKeyRequired"]) == ("CUSTOM", True)
    assert set(method["AuthorizerId"]) == {"Ref"}
    assert _only(stack, "AWS::ApiGateway::RestApi")["ApiKeySourceType"] == "AUTHORIZER"


def test_logs_the_keys_id_and_never_the_key(stack: cdk.Stack) -> None:
    _keyed(stack)

    fields = json.loads(_only(stack, "AWS::ApiGateway::Stage")["AccessLogSetting"]["Format"])
    assert fields["apiKeyId"] == "$context.identity.apiKeyId"
    assert "$context.identity.apiKey" not in fields.values()


def test_answers_at_its_domain_alone(stack: cdk.Stack) -> None:
    domain = ApiDomain(
        stack,
        "Domain",
        domain_name="some.models.example.com",
        certificate_arn="arn:aws:acm:us-west-2:111122223333:certificate/1234abcd",
    )

    assert _api(stack, domain=domain).url == "https://some.models.example.com/"
    assert _only(stack, "AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True
    assertions.Template.from_stack(stack).resource_count_is("AWS::ApiGateway::BasePathMapping", 1)


def test_deploys_again_when_a_domain_comes_since_the_own_address_goes_with_a_deployment(
    context: dict[str, Any],
) -> None:
    def deployment(name: str | None) -> set[str]:
        stack = cdk.Stack(cdk.App(context=context), "s", env=cdk.Environment(region="us-west-2"))
        arn = "arn:aws:acm:us-west-2:111122223333:certificate/1234abcd"
        _api(stack, domain=name and ApiDomain(stack, "Domain", domain_name=name, certificate_arn=arn))
        return set(assertions.Template.from_stack(stack).find_resources("AWS::ApiGateway::Deployment"))

    assert deployment(None) == deployment(None) != deployment("some.example.com")


def test_refuses_a_prompt_template_that_is_none(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="allowed is a json object with the texts prompt and completion"):
        _api(stack, prompt_format="template", prompt_template="[]")


def test_stands_behind_the_web_acl(stack: cdk.Stack) -> None:
    acl = "arn:aws:wafv2:us-west-2:111122223333:regional/webacl/some/1234"
    _api(stack, web_acl_arn=acl)

    association = _only(stack, "AWS::WAFv2::WebACLAssociation")
    assert association["WebACLArn"] == acl
    assert "/stages/" in json.dumps(association["ResourceArn"])
    assert _responses(stack)["WAF_FILTERED"][0] == "403"


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
    with pytest.raises(ValueError, match="prompt_format") as refused:
        _api(
            stack,
            prompt_format="alpaca",
            prompt_template="x",
            invoke_timeout=cdk.Duration.seconds(901),
            reserved_concurrency=0,
        )

    assert str(refused.value).splitlines() == [
        "prompt_format is 'alpaca': allowed are chatml, falcon-chat, falcon-instruct, mistral-instruct, "
        "mistral-instruct-v0.3, mixtral-instruct, llama-3-instruct, llama-3.1-instruct, granite-code, template, none",
        "invoke_timeout is 901 s: allowed are 5 to 900 s",
        "reserved_concurrency is 0: allowed is 1 or more",
        "prompt_template is a template: allowed is a template with the prompt format template, and with no other",
    ]


def test_an_endpoint_reports_all_problems_of_its_container_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="container") as refused:
        _target(stack, container="other", max_input_tokens=5, max_total_tokens=5)

    assert str(refused.value).splitlines() == [
        "container is 'other': allowed are tgi, lmi, vllm",
        "max_input_tokens is 5: allowed is less than max_total_tokens, 5",
    ]


def test_stands_in_front_of_an_imported_model_that_the_pointer_names(stack: cdk.Stack) -> None:
    pointer = ServedPointer(stack, "Served", path="dev/m")
    target = ImportedModel(stack, "Model", model_name="dev-m", pointer=pointer, body="chat")
    _api(stack, target=target, prompt_format=None)

    variables = _only(stack, "AWS::Lambda::Function")["Environment"]["Variables"]
    settings = Settings.from_environment(variables)
    assert (settings.backend, settings.body, settings.container) == ("bedrock", "chat", None)
    assert settings.target_parameter == "/jumpstack/dev/m/target"
    assert settings.endpoint_name is None
    policy = json.dumps(_only(stack, "AWS::IAM::Policy"))
    assert "bedrock:InvokeModelWithResponseStream" in policy
    assert "sagemaker:" not in policy
