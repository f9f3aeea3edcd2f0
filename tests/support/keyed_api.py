"""A REST API whose callers have keys, as a template: a Lambda authorizer, a usage plan, one greedy route."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FUNCTION = """
import json

def handler(event, context):
    return {"statusCode": 200, "headers": {}, "body": json.dumps(event)}
"""

# Says who it was asked for in its log, and does what the token asks for.
AUTHORIZER = """
import json

def handler(event, context):
    print("asked")
    token = event.get("authorizationToken") or event["headers"]["X-Token"]
    scheme, _, rest = token.partition(" ")
    if scheme == "Fail":
        raise RuntimeError("broken")
    if scheme == "Nobody":
        raise Exception("Unauthorized")
    if scheme == "Nonsense":
        return {"principalId": 1}
    effect = "Deny" if scheme == "Deny" else "Allow"
    stage = event["methodArn"].partition("/prod/")[0] + "/prod/*"
    resource = "arn:aws:execute-api:*:*:other/*" if scheme == "Elsewhere" else stage
    return {
        "principalId": "somebody",
        "policyDocument": {"Statement": [{"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}]},
        "context": {"team": "blue", "admin": True},
        "usageIdentifierKey": rest or None,
    }
"""


@dataclass(frozen=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: Any


def send(url: str, path: str, *, host: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Send a GET to the local AWS for a host."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        response = connection.getresponse()
        body = json.loads(response.read() or "null")
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, body)
    finally:
        connection.close()


def gateway(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource of API Gateway."""
    return {"Type": f"AWS::ApiGateway::{kind}", "Properties": properties}


def function(code: str) -> dict[str, Any]:
    """A function without a log of its own name."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"ZipFile": code},
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Runtime": "python3.13",
            "Timeout": 10,
        },
    }


def permission(name: str, source: str) -> dict[str, Any]:
    """Let the API invoke a function for a part of it."""
    arn = "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/" + source
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Fn::GetAtt": [name, "Arn"]},
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": arn},
        },
    }


def keyed_api(
    *,
    authorizer: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
    key_required: bool = True,
    **api: Any,
) -> dict[str, Any]:
    """The API's resources, `Api` and `Plan` among them.

    Args:
        authorizer: Properties of the authorizer, over a TOKEN authorizer of the header Authorization.
        plan: Properties of the usage plan, over none.
        key_required: Whether the method needs a key.
        api: Properties of the API, over keys from the authorizer.
    """
    here = {"RestApiId": {"Ref": "Api"}}
    prefix = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    logging = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    token = {"Type": "TOKEN", "IdentitySource": "method.request.header.Authorization", "Name": "keys"}
    stage = {"ApiId": {"Ref": "Api"}, "Stage": {"Ref": "Stage"}}
    return {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {"Statement": [trust]},
                "Policies": [
                    {"PolicyName": "logs", "PolicyDocument": {"Version": "2012-10-17", "Statement": [logging]}}
                ],
            },
        },
        "Function": function(FUNCTION),
        "AuthorizerFunction": function(AUTHORIZER),
        "Permission": permission("Function", "*/*/*"),
        "AuthorizerPermission": permission("AuthorizerFunction", "authorizers/*"),
        "Api": gateway("RestApi", **{"Name": "keyed", "ApiKeySourceType": "AUTHORIZER", **api}),
        "Authorizer": gateway(
            "Authorizer",
            **here,
            **{
                "AuthorizerUri": {"Fn::Sub": prefix + "${AuthorizerFunction.Arn}/invocations"},
                **token,
                **(authorizer or {}),
            },
        ),
        "Resource": gateway(
            "Resource", **here, ParentId={"Fn::GetAtt": ["Api", "RootResourceId"]}, PathPart="{proxy+}"
        ),
        "Method": gateway(
            "Method",
            **here,
            ResourceId={"Ref": "Resource"},
            HttpMethod="ANY",
            AuthorizationType="CUSTOM",
            AuthorizerId={"Ref": "Authorizer"},
            ApiKeyRequired=key_required,
            Integration={
                "Type": "AWS_PROXY",
                "IntegrationHttpMethod": "POST",
                "Uri": {"Fn::Sub": prefix + "${Function.Arn}/invocations"},
            },
        ),
        "Deployment": {**gateway("Deployment", **here), "DependsOn": ["Method", "Authorizer"]},
        "Stage": gateway("Stage", **here, DeploymentId={"Ref": "Deployment"}, StageName="prod"),
        "Plan": gateway("UsagePlan", ApiStages=[stage], **(plan or {})),
    }
