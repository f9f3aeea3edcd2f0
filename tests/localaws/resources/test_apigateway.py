"""A REST API is built as its template says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from localaws.resources import tls

if TYPE_CHECKING:
    from tests.support.local_aws import StackDriver

    Aws = Callable[..., Any]


def trusting(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::ApiGateway::{kind}", "Properties": properties}


def api(*, timeout: int = 29_000, **stage: Any) -> dict[str, Any]:
    here = {"RestApiId": {"Ref": "Api"}}
    integration = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "TimeoutInMillis": timeout,
        "Uri": {
            "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
            "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:shim/invocations"
        },
    }
    return {
        "Api": resource("RestApi", Name="shim", EndpointConfiguration={"Types": ["REGIONAL"]}),
        "Chat": resource("Resource", **here, ParentId={"Fn::GetAtt": ["Api", "RootResourceId"]}, PathPart="chat"),
        "Post": resource(
            "Method",
            **here,
            ResourceId={"Ref": "Chat"},
            HttpMethod="POST",
            AuthorizationType="AWS_IAM",
            Integration=integration,
        ),
        "Throttled": resource(
            "GatewayResponse",
            **here,
            ResponseType="THROTTLED",
            ResponseTemplates={"application/json": '{"error": {}}'},
        ),
        "Deployment": {**resource("Deployment", **here), "DependsOn": "Post"},
        "Stage": resource("Stage", **here, DeploymentId={"Ref": "Deployment"}, StageName="prod", **stage),
    }


def logging_role() -> dict[str, Any]:
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": trusting("apigateway.amazonaws.com")},
        },
        "Account": resource("Account", CloudWatchRoleArn={"Fn::GetAtt": ["Role", "Arn"]}),
    }


def test_an_api_has_what_the_template_gives_it(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    assert stacks.deploy(stack_name, api(TracingEnabled=True, Variables={"a": "b"})) == "CREATE_COMPLETE"

    gateway, ids = aws("apigateway"), stacks.physical_ids(stack_name)
    method = gateway.get_method(restApiId=ids["Api"], resourceId=ids["Chat"], httpMethod="POST")
    assert method["authorizationType"] == "AWS_IAM"
    assert method["methodIntegration"]["type"] == "AWS_PROXY"
    assert int(method["methodIntegration"]["timeoutInMillis"]) == 29_000
    response = gateway.get_gateway_response(restApiId=ids["Api"], responseType="THROTTLED")
    assert response["responseTemplates"] == {"application/json": '{"error": {}}'}
    stage = gateway.get_stage(restApiId=ids["Api"], stageName="prod")
    assert stage["deploymentId"] == ids["Deployment"]
    assert stage["tracingEnabled"] is True
    assert stage["variables"] == {"a": "b"}


def test_a_method_is_changed_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    stacks.deploy(stack_name, api())
    before = stacks.physical_ids(stack_name)

    assert stacks.deploy(stack_name, api(timeout=10_000)) == "UPDATE_COMPLETE"

    method = aws("apigateway").get_method(restApiId=before["Api"], resourceId=before["Chat"], httpMethod="POST")
    assert int(method["methodIntegration"]["timeoutInMillis"]) == 10_000
    assert stacks.physical_ids(stack_name) == before


def test_binary_media_types_are_changed_in_place(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    resources = api()
    for number, kinds in enumerate((["image/png", "audio/wav"], ["audio/wav", "multipart/form-data"], [])):
        resources["Api"]["Properties"]["BinaryMediaTypes"] = kinds
        assert stacks.deploy(stack_name, resources) == ("UPDATE_COMPLETE" if number else "CREATE_COMPLETE")

        known = aws("apigateway").get_rest_api(restApiId=stacks.physical_ids(stack_name)["Api"])
        assert known.get("binaryMediaTypes", []) == kinds


@pytest.mark.parametrize(
    "stage",
    [
        {
            "AccessLogSetting": {
                "DestinationArn": "arn:aws:logs:eu-west-3:123456789012:log-group:a",
                "Format": "$context",
            }
        },
        {"MethodSettings": [{"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": "INFO"}]},
    ],
)
def test_a_stage_cannot_log_before_the_account_has_a_role(
    stacks: StackDriver, stack_name: str, aws: Aws, stage: dict[str, Any]
) -> None:
    elsewhere = type(stacks)(aws("cloudformation", region="eu-west-3"))

    assert elsewhere.deploy(stack_name, api(**stage)) == "ROLLBACK_COMPLETE"
    assert "CloudWatch Logs role ARN must be set in account settings" in elsewhere.failures(stack_name)


def test_a_stage_logs_measures_and_throttles(stacks: StackDriver, stack_name: str, aws: Aws) -> None:
    setting = {
        "ResourcePath": "/*",
        "HttpMethod": "*",
        "LoggingLevel": "ERROR",
        "DataTraceEnabled": False,
        "MetricsEnabled": True,
        "ThrottlingBurstLimit": 5,
        "ThrottlingRateLimit": 2.5,
    }
    log = {"DestinationArn": {"Fn::GetAtt": ["Group", "Arn"]}, "Format": "$context.requestId"}
    resources = {
        **api(MethodSettings=[setting], AccessLogSetting=log),
        **logging_role(),
        "Group": {"Type": "AWS::Logs::LogGroup"},
    }
    resources["Stage"]["DependsOn"] = "Account"

    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE"

    ids = stacks.physical_ids(stack_name)
    stage = aws("apigateway").get_stage(restApiId=ids["Api"], stageName="prod")
    assert stage["accessLogSettings"]["destinationArn"].endswith(f":log-group:{ids['Group']}")
    assert stage["accessLogSettings"]["format"] == "$context.requestId"
    applied = stage["methodSettings"]["*/*"]
    assert (applied["loggingLevel"], applied["metricsEnabled"], applied["dataTraceEnabled"]) == ("ERROR", True, False)
    assert (applied["throttlingBurstLimit"], applied["throttlingRateLimit"]) == (5, 2.5)


def test_a_role_that_api_gateway_may_not_assume_is_refused(stacks: StackDriver, stack_name: str) -> None:
    resources = logging_role()
    trust = trusting("lambda.amazonaws.com")
    resources["Role"]["Properties"] = {"AssumeRolePolicyDocument": trust}

    assert stacks.deploy(stack_name, resources) == "ROLLBACK_COMPLETE"
    assert "does not have required permissions" in stacks.failures(stack_name)


@pytest.mark.parametrize(
    ("policy", "mode", "problem"),
    [
        ("TLS_1_3", None, "Invalid security policy TLS_1_3"),
        ("SecurityPolicy_TLS13_1_3_2025_09", None, "Endpoint access mode must be set"),
        ("SecurityPolicy_TLS13_1_3_2025_09", "LOOSE", "Invalid endpoint access mode LOOSE"),
        ("SecurityPolicy_TLS13_2025_EDGE", "STRICT", "not supported for endpoint type REGIONAL"),
        ("TLS_1_2", "STRICT", "needs a security policy that starts with SecurityPolicy_"),
        (None, "BASIC", "needs a security policy that starts with SecurityPolicy_"),
    ],
)
def test_refuses_tls_settings_that_do_not_belong_together(policy: str | None, mode: str | None, problem: str) -> None:
    assert problem in "; ".join(tls.problems(policy, mode, types=["REGIONAL"]))


def test_a_tls_policy_is_set_in_place(stacks: StackDriver, stack_name: str) -> None:
    resources = api()
    assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE"
    before = stacks.physical_ids(stack_name)["Api"]

    resources["Api"]["Properties"]["SecurityPolicy"] = "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09"
    assert stacks.deploy(stack_name, resources) == "UPDATE_ROLLBACK_COMPLETE"
    assert "Endpoint access mode must be set" in stacks.failures(stack_name)
    resources["Api"]["Properties"]["EndpointAccessMode"] = "BASIC"
    assert stacks.deploy(stack_name, resources) == "UPDATE_COMPLETE"

    assert stacks.physical_ids(stack_name)["Api"] == before


def test_a_stage_with_execution_logs_leaves_a_log_group_that_no_stack_owns(
    stacks: StackDriver, stack_name: str, aws: Aws
) -> None:
    def settings(level: str) -> list[dict[str, str]]:
        return [{"ResourcePath": "/*", "HttpMethod": "*", "LoggingLevel": level}]

    def groups(api_id: str) -> list[str]:
        answer = aws("logs").describe_log_groups(logGroupNamePrefix=f"API-Gateway-Execution-Logs_{api_id}/")
        return [group["logGroupName"] for group in answer["logGroups"]]

    role = {**logging_role(), **api(MethodSettings=settings("OFF"))}
    role["Stage"]["DependsOn"] = "Account"
    assert stacks.deploy(stack_name, role) == "CREATE_COMPLETE"
    api_id = stacks.physical_ids(stack_name)["Api"]
    assert groups(api_id) == []

    role["Stage"]["Properties"]["MethodSettings"] = settings("ERROR")
    assert stacks.deploy(stack_name, role) == "UPDATE_COMPLETE"
    assert stacks.delete(stack_name) == "DELETE_COMPLETE"

    assert groups(api_id) == [f"API-Gateway-Execution-Logs_{api_id}/prod"]
    assert aws("logs").describe_log_groups(logGroupNamePrefix="/aws/apigateway/welcome")["logGroups"]
