import json
import re
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import assertions
from aws_cdk import aws_apigateway as apigateway
from constructs.api.api_keys import BEARER_KEY, ApiKeys
from constructs.model_key import ModelKey
from constructs.values.storage import Storage
from hypothesis import given
from hypothesis import strategies as st

from key_authorizer.handler import UnauthorizedError, handle

Properties = Callable[[cdk.Stack, str], list[dict[str, Any]]]


def _keys(stack: cdk.Stack, **props: Any) -> ApiKeys:
    return ApiKeys(stack, "Keys", storage=Storage(encryption_key=ModelKey(stack, "Key", alias="some-model")), **props)


def _metered(stack: cdk.Stack, **props: Any) -> apigateway.RestApi:
    keys = _keys(stack, **props)
    api = apigateway.RestApi(stack, "Api", cloud_watch_role=False)
    api.root.add_method("ANY", authorizer=keys.authorizer, api_key_required=True)
    keys.meter(api)
    return api


def test_defines_no_key_so_that_none_stands_in_a_template(stack: cdk.Stack) -> None:
    _metered(stack, requests_per_second=1, burst=1)

    template = assertions.Template.from_stack(stack)
    template.resource_count_is("AWS::ApiGateway::ApiKey", 0)
    template.resource_count_is("AWS::ApiGateway::UsagePlanKey", 0)


def test_reserves_concurrency_for_the_authorizer_only_when_told(stack: cdk.Stack, properties: Properties) -> None:
    _metered(stack, reserved_concurrency=3)

    [function] = properties(stack, "AWS::Lambda::Function")
    assert function["ReservedConcurrentExecutions"] == 3


def test_throttles_and_limits_each_key_by_the_stages_plan(stack: cdk.Stack, properties: Properties) -> None:
    _metered(stack, requests_per_second=2.5, burst=7, quota=1000, quota_period="WEEK")

    [plan] = properties(stack, "AWS::ApiGateway::UsagePlan")
    assert plan["Throttle"] == {"BurstLimit": 7, "RateLimit": 2.5}
    assert plan["Quota"] == {"Limit": 1000, "Period": "WEEK"}
    [stage] = plan["ApiStages"]
    assert set(stage) >= {"ApiId", "Stage"}


def test_leaves_limits_out_that_nobody_asked_for(stack: cdk.Stack, properties: Properties) -> None:
    _metered(stack)

    [plan] = properties(stack, "AWS::ApiGateway::UsagePlan")
    assert not {"Throttle", "Quota"} & set(plan)


def test_asks_the_function_by_the_authorization_header_and_keeps_its_answer_for_an_hour(
    stack: cdk.Stack, properties: Properties
) -> None:
    _metered(stack)

    [authorizer] = properties(stack, "AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "TOKEN"
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert authorizer["AuthorizerResultTtlInSeconds"] == 3600


@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(r"(?i:bearer) {0,3}[A-Za-z0-9]{10,140}", fullmatch=True),
    )
)
def test_the_function_takes_every_token_that_passes_the_gateways_pattern(header: str) -> None:
    if re.fullmatch(BEARER_KEY, header):
        assert handle({"methodArn": "a/b/c", "authorizationToken": header}, None)["usageIdentifierKey"]
    elif header == header.strip():
        with pytest.raises(UnauthorizedError):
            handle({"methodArn": "a/b/c", "authorizationToken": header}, None)


def test_the_function_may_write_its_log_and_nothing_else(stack: cdk.Stack, properties: Properties) -> None:
    _metered(stack)

    [policy] = properties(stack, "AWS::IAM::Policy")
    actions = {
        action
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    assert actions == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    }
    [role] = [role for role in properties(stack, "AWS::IAM::Role") if "key authorizer" in role.get("Description", "")]
    assert "ManagedPolicyArns" not in role


def test_encrypts_its_log_with_the_given_key(stack: cdk.Stack) -> None:
    _metered(stack)

    assertions.Template.from_stack(stack).has_resource_properties(
        "AWS::Logs::LogGroup", {"KmsKeyId": assertions.Match.any_value(), "RetentionInDays": 365}
    )


def test_packs_the_authorizer_alone(context: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("assembly")
    app = cdk.App(context=context, outdir=str(folder))
    _metered(cdk.Stack(app, "test-stack", env=cdk.Environment(region="us-west-2")))
    app.synth()

    manifest = json.loads((folder / "test-stack.assets.json").read_text())
    [asset] = [file for file in manifest["files"].values() if file["source"]["packaging"] == "zip"]
    assert [entry.name for entry in (folder / asset["source"]["path"]).iterdir()] == ["key_authorizer"]


def test_reports_everything_that_is_out_of_range_at_once(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="requests_per_second") as refused:
        _keys(stack, requests_per_second=0, burst=0, quota=0, quota_period="YEAR")

    assert str(refused.value).splitlines() == [
        "requests_per_second is 0: allowed is a number, more than 0",
        "burst is 0: allowed is a whole number, 1 or more",
        "quota is 0: allowed is a whole number, 1 to 2147483647",
        "quota_period is 'YEAR': allowed is DAY, WEEK, MONTH",
    ]


def test_refuses_a_rate_without_a_burst(stack: cdk.Stack) -> None:
    with pytest.raises(ValueError, match="requests_per_second is 5 and burst is None: allowed are both"):
        _keys(stack, requests_per_second=5)
