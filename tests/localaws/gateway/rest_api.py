"""REST APIs on the local AWS, made call by call, and requests to them."""

from __future__ import annotations

import http.client
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.gateway.deployed import Method
from tests.support.local_aws import running

REGION = "us-east-1"


ACCOUNT = "123456789012"


FUNCTION = """
import base64, json, time

def handler(event, context):
    body = event["body"] or "{}"
    if event["isBase64Encoded"]:
        body = base64.b64decode(body).decode()
    wish = json.loads(body) if body.startswith("{") else {}
    time.sleep(wish.get("seconds", 0))
    if "return" in wish:
        return wish["return"]
    if "raise" in wish:
        raise RuntimeError(wish["raise"])
    return {"statusCode": 200, "headers": {"X-From": "function"}, "body": json.dumps(event)}
"""


def method(path: str, verb: str = "POST") -> Method:
    return Method(resource_id=path, path=path, http_method=verb, authorization="NONE")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Api:
    """A deployed API and how to call it."""

    url: str
    id: str
    root: str
    function: str
    log_group: str

    def call(
        self,
        verb: str,
        path: str,
        body: bytes | None = None,
        *,
        stage: str = "prod",
        sign: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        tamper: Callable[[dict[str, str]], None] = lambda _: None,
    ) -> Answer:
        """Send a request to the API's own host; `sign` overrides parts of the signature, {} signs rightly."""
        host = f"{self.id}.execute-api.{REGION}.amazonaws.com"
        request = AWSRequest(verb, f"https://{host}/{stage}{path}", headers=dict(headers or {}), data=body)
        if sign is not None:
            known = running(self.url)
            own = {"key": known.access_key_id, "secret": known.secret_access_key}
            given = {**own, "region": REGION, "service": "execute-api", **sign}
            credentials = Credentials(given["key"], given["secret"], given.get("token"))
            SigV4Auth(credentials, given["service"], given["region"]).add_auth(request)
        sent = {**dict(request.headers), "Host": host}
        tamper(sent)
        return send(self.url, verb, f"/{stage}{path}", sent, body)


def send(url: str, verb: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request(verb, path, body=body, headers=dict(headers))
    response = connection.getresponse()
    answer = Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, response.read())
    connection.close()
    return answer


def make_function(aws: Callable[..., Any], name: str) -> str:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", FUNCTION)
    arn: str = aws("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="index.handler",
        Timeout=10,
        Code={"ZipFile": buffer.getvalue()},
    )["FunctionArn"]
    return arn


def make_resource(gateway: Any, rest_api: str, parent: str, part: str) -> str:
    made: str = gateway.create_resource(restApiId=rest_api, parentId=parent, pathPart=part)["id"]
    return made


def make_method(
    gateway: Any, rest_api: str, resource: str, verb: str, function: str, timeout: int = 29_000, **parameters: Any
) -> None:
    where = {"restApiId": rest_api, "resourceId": resource, "httpMethod": verb}
    gateway.put_method(**where, **{"authorizationType": "NONE", **parameters})
    gateway.put_integration(
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        timeoutInMillis=timeout,
        uri=f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations",
    )


def permit(aws: Callable[..., Any], function: str, source_arn: str) -> None:
    aws("lambda").add_permission(
        FunctionName=function,
        StatementId=uuid4().hex,
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=source_arn,
    )


def deploy(gateway: Any, rest_api: str) -> None:
    deployment = gateway.create_deployment(restApiId=rest_api)["id"]
    stages = {stage["stageName"] for stage in gateway.get_stages(restApiId=rest_api)["item"]}
    if "prod" in stages:
        change = {"op": "replace", "path": "/deploymentId", "value": deployment}
        gateway.update_stage(restApiId=rest_api, stageName="prod", patchOperations=[change])
    else:
        gateway.create_stage(
            restApiId=rest_api, stageName="prod", deploymentId=deployment, variables={"colour": "blue"}
        )
