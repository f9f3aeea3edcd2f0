"""API Gateway: deployed REST APIs that answer, and the errors that API Gateway answers itself."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.gateway.deployed import DeployedApi, GatewayResponse, Method
from localaws.gateway.errors import GatewayError, render, substitute
from localaws.gateway.proxy import IncomingRequest, MalformedResponseError, event_of, response_of

REGION = "us-east-1"
ACCOUNT = "123456789012"
ACCESS_LOG = '{"id":"$context.requestId","status":"$context.status","path":"$context.resourcePath",'
ACCESS_LOG += '"caller":"$context.identity.userArn","error":$context.error.messageString,"none":"$context.no.such"}'

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


class TestRouting:
    API = DeployedApi(
        methods=[
            method("/v1/models", "GET"),
            method("/v1/models/{model}", "GET"),
            method("/v1/models/special", "GET"),
            method("/v1/chat/completions"),
            method("/v1/chat/completions", "ANY"),
            method("/files/{proxy+}", "ANY"),
            method("/", "GET"),
        ]
    )

    @pytest.mark.parametrize(
        ("verb", "path", "found", "parameters"),
        [
            ("GET", "/", "/", {}),
            ("GET", "/v1/models", "/v1/models", {}),
            ("GET", "/v1/models/", "/v1/models", {}),
            ("GET", "/v1/models/mistral%207b", "/v1/models/{model}", {"model": "mistral 7b"}),
            ("GET", "/v1/models/special", "/v1/models/special", {}),
            ("DELETE", "/files/a/b%2Fc", "/files/{proxy+}", {"proxy": "a/b/c"}),
        ],
    )
    def test_finds_the_most_specific_resource(
        self, verb: str, path: str, found: str, parameters: Mapping[str, str]
    ) -> None:
        route = self.API.route(verb, path)
        assert route is not None
        assert (route[0].path, route[1]) == (found, parameters)

    def test_puts_the_verb_before_any(self) -> None:
        for verb, found in (("POST", "POST"), ("PUT", "ANY")):
            route = self.API.route(verb, "/v1/chat/completions")
            assert route is not None
            assert route[0].http_method == found

    @pytest.mark.parametrize(
        ("verb", "path"), [("POST", "/v1/models"), ("GET", "/v1"), ("GET", "/v1/models/a/b"), ("GET", "/files")]
    )
    def test_finds_nothing_elsewhere(self, verb: str, path: str) -> None:
        assert self.API.route(verb, path) is None


class TestProxyResponse:
    def test_has_status_headers_and_body(self) -> None:
        payload = {
            "statusCode": "201",
            "headers": {"A": 1, "Content-Type": "text/plain", "Server": "mine"},
            "multiValueHeaders": {"B": ["x", "y"]},
            "body": "text",
        }
        response = response_of(json.dumps(payload))
        assert (response.status, response.body) == (201, b"text")
        assert sorted(response.headers) == [
            ("A", "1"),
            ("B", "x"),
            ("B", "y"),
            ("Content-Type", "text/plain"),
            ("x-amzn-Remapped-Server", "mine"),
        ]

    def test_is_json_by_default_and_decoded_from_base64(self) -> None:
        payload = {"statusCode": 200, "body": base64.b64encode(b"\0\1").decode(), "isBase64Encoded": True}
        response = response_of(json.dumps(payload))
        assert response.body == b"\0\1"
        assert list(response.headers) == [("Content-Type", "application/json")]

    def test_reports_all_that_is_malformed(self) -> None:
        payload = {"statusCode": "ok", "body": {}, "headers": [], "message": "x"}
        with pytest.raises(MalformedResponseError) as malformed:
            response_of(json.dumps(payload))
        assert str(malformed.value) == (
            "it has fields of other names: message; statusCode 'ok' is no HTTP status; body is dict, not a string; "
            "headers is not an object"
        )
        with pytest.raises(MalformedResponseError, match="the response is str, not an object"):
            response_of('"text"')


def test_the_event_holds_a_binary_body_in_base64() -> None:
    request = IncomingRequest(
        method="POST", path="/a", query="", headers=[("Content-Type", "image/png; x=y")], body=b"\0\xff"
    )
    event = event_of(
        request,
        api=DeployedApi(binary_media_types=["image/png"]),
        method=method("/a"),
        path_parameters={},
        stage_variables={},
        request_context={},
    )
    assert (event["body"], event["isBase64Encoded"]) == (base64.b64encode(b"\0\xff").decode(), True)


class TestGatewayResponses:
    TIMEOUT = GatewayError("INTEGRATION_TIMEOUT", 'timed "out"')
    CONTEXT: Mapping[str, Any] = {"requestId": "r-1", "identity": {"sourceIp": "1.2.3.4", "user": None}}

    def api(self, **responses: GatewayResponse) -> DeployedApi:
        return DeployedApi(responses=responses)

    def test_leave_the_message_of_api_gateway(self) -> None:
        rendered = render(self.TIMEOUT, self.api(), self.CONTEXT, {})
        assert (rendered.status, json.loads(rendered.body)) == (504, {"message": 'timed "out"'})
        assert rendered.headers["Content-Type"] == "application/json"

    def test_put_an_error_into_a_template(self) -> None:
        template = '{"error":{"message":$context.error.messageString,"id":"$context.requestId"}}'
        default = GatewayResponse(
            status=None,
            headers={"gatewayresponse.header.Retry-After": "'1'", "gatewayresponse.header.Id": "context.requestId"},
            templates={"application/json": template},
        )
        rendered = render(self.TIMEOUT, self.api(DEFAULT_5XX=default), self.CONTEXT, {})
        assert json.loads(rendered.body) == {"error": {"message": 'timed "out"', "id": "r-1"}}
        assert (rendered.status, rendered.headers["Retry-After"], rendered.headers["Id"]) == (504, "1", "r-1")

    def test_prefer_the_type_to_the_class_of_status(self) -> None:
        specific = GatewayResponse(status=503, headers={}, templates={"text/plain": "$context.error.responseType"})
        default = GatewayResponse(status=500, headers={}, templates={})
        api = self.api(INTEGRATION_TIMEOUT=specific, DEFAULT_5XX=default)
        rendered = render(self.TIMEOUT, api, self.CONTEXT, {})
        assert (rendered.status, rendered.body) == (503, "INTEGRATION_TIMEOUT")
        assert render(GatewayError(None, "x", status=502), api, self.CONTEXT, {}).status == 500
        assert render(GatewayError("ACCESS_DENIED", "x"), api, self.CONTEXT, {}).status == 403

    def test_substitute_what_is_absent(self) -> None:
        text = "$context.identity.sourceIp $context.identity.user $context.identity $context.a.b $other"
        assert substitute(text, self.CONTEXT, absent="-") == "1.2.3.4 - - - $other"


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
        """Send a request to the API's own host; `sign` overrides parts of the signature, {} signs as test/test."""
        host = f"{self.id}.execute-api.{REGION}.amazonaws.com"
        request = AWSRequest(verb, f"https://{host}/{stage}{path}", headers=dict(headers or {}), data=body)
        if sign is not None:
            given = {"key": "test", "secret": "test", "region": REGION, "service": "execute-api", **sign}
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


@pytest.fixture(scope="module")
def api(aws: Callable[..., Any], local_aws: str) -> Iterator[Api]:
    """`/v1/chat/completions` and `/v1/models/{model}` with IAM, `/open` and `/slow` without, in the stage `prod`."""
    name = f"g-{uuid4().hex[:12]}"
    function = make_function(aws, name)
    gateway = aws("apigateway")
    made = gateway.create_rest_api(name=name)
    rest_api, root = made["id"], made["rootResourceId"]
    v1 = make_resource(gateway, rest_api, root, "v1")
    chat = make_resource(gateway, rest_api, make_resource(gateway, rest_api, v1, "chat"), "completions")
    model = make_resource(gateway, rest_api, make_resource(gateway, rest_api, v1, "models"), "{model}")
    make_method(gateway, rest_api, chat, "POST", function, authorizationType="AWS_IAM")
    make_method(gateway, rest_api, model, "GET", function, authorizationType="AWS_IAM")
    make_method(gateway, rest_api, make_resource(gateway, rest_api, root, "open"), "ANY", function)
    make_method(gateway, rest_api, make_resource(gateway, rest_api, root, "slow"), "POST", function, timeout=100)
    permit(aws, function, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{rest_api}/prod/*/*")
    deploy(gateway, rest_api)
    aws("logs").create_log_group(logGroupName=name)
    log_group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
    gateway.update_stage(
        restApiId=rest_api,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": log_group},
            {"op": "replace", "path": "/accessLogSettings/format", "value": ACCESS_LOG},
        ],
    )
    yield Api(url=local_aws, id=rest_api, root=root, function=function, log_group=name)
    gateway.delete_rest_api(restApiId=rest_api)
    aws("lambda").delete_function(FunctionName=name)
    aws("logs").delete_log_group(logGroupName=name)


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


class TestIntegration:
    def test_gives_the_function_the_whole_request(self, api: Api) -> None:
        answer = api.call(
            "POST",
            "/v1/chat/completions?a=1&b=2&a=3&c=",
            b'{"x": "\xc3\xa4"}',
            sign={},
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status, answer.headers["x-from"]) == (200, "function")
        event = answer.json
        assert event["resource"] == event["path"] == "/v1/chat/completions"
        assert event["httpMethod"] == "POST"
        assert event["queryStringParameters"] == {"a": "3", "b": "2", "c": ""}
        assert event["multiValueQueryStringParameters"] == {"a": ["1", "3"], "b": ["2"], "c": [""]}
        assert event["pathParameters"] is None
        assert event["stageVariables"] == {"colour": "blue"}
        assert (event["body"], event["isBase64Encoded"]) == ('{"x": "ä"}', False)
        assert event["headers"]["Content-Type"] == "application/json"
        assert event["headers"]["X-Forwarded-Proto"] == "https"
        assert event["multiValueHeaders"]["Host"] == [f"{api.id}.execute-api.{REGION}.amazonaws.com"]

    def test_gives_the_function_the_context_of_the_request(self, api: Api) -> None:
        answer = api.call("POST", "/v1/chat/completions", b"{}", sign={})
        context = answer.json["requestContext"]
        assert context["requestId"] == answer.headers["x-amzn-requestid"]
        assert context["extendedRequestId"] == answer.headers["x-amz-apigw-id"]
        assert answer.headers["x-amzn-trace-id"].startswith("Root=1-")
        assert (context["apiId"], context["stage"], context["accountId"]) == (api.id, "prod", ACCOUNT)
        assert (context["resourcePath"], context["path"]) == ("/v1/chat/completions", "/prod/v1/chat/completions")
        assert context["domainName"] == f"{api.id}.execute-api.{REGION}.amazonaws.com"
        assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["requestTime"])
        assert isinstance(context["requestTimeEpoch"], int)
        identity = context["identity"]
        assert (identity["accessKey"], identity["sourceIp"]) == ("test", "127.0.0.1")
        assert identity["userArn"] == f"arn:aws:iam::{ACCOUNT}:root"

    def test_decodes_path_parameters(self, api: Api) -> None:
        answer = api.call("GET", "/v1/models/mistral%207b", sign={})
        assert answer.json["pathParameters"] == {"model": "mistral 7b"}
        assert answer.json["body"] is None

    def test_answers_under_a_plain_path_too(self, api: Api) -> None:
        answer = send(api.url, "GET", f"/_localaws/execute-api/{REGION}/{api.id}/prod/open?a=1", {})
        assert (answer.status, answer.json["path"]) == (200, "/open")
        assert answer.json["queryStringParameters"] == {"a": "1"}

    def test_writes_a_line_into_the_access_log(self, api: Api, aws: Callable[..., Any]) -> None:
        good = api.call("POST", "/v1/chat/completions", b"{}", sign={})
        bad = api.call("POST", "/v1/chat/completions", b"{}")
        events = aws("logs").filter_log_events(logGroupName=api.log_group)["events"]
        lines = {line["id"]: line for line in (json.loads(_quoted(event["message"])) for event in events)}
        assert lines[good.headers["x-amzn-requestid"]] == {
            "id": good.headers["x-amzn-requestid"],
            "status": "200",
            "path": "/v1/chat/completions",
            "caller": f"arn:aws:iam::{ACCOUNT}:root",
            "error": "-",
            "none": "-",
        }
        denied = lines[bad.headers["x-amzn-requestid"]]
        assert (denied["status"], denied["caller"]) == ("403", "-")
        assert denied["error"] == "Missing Authentication Token"


def _quoted(message: str) -> str:
    """Put the dash that stands for an absent error in quotes: in the log it is bare."""
    return message.replace('"error":-', '"error":"-"')


class TestSignature:
    def test_is_demanded(self, api: Api) -> None:
        answer = api.call("POST", "/v1/chat/completions", b"{}")
        assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
        assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"

    @pytest.mark.parametrize(
        ("sign", "error_type", "message"),
        [
            ({"secret": "guess"}, "InvalidSignatureException", "The request signature we calculated does not match"),
            ({"region": "eu-west-1"}, "InvalidSignatureException", "Credential should be scoped to a valid region"),
            ({"service": "s3"}, "InvalidSignatureException", "scoped to correct service: 'execute-api'"),
            ({"key": "AKIDNOBODY"}, "UnrecognizedClientException", "The security token included in the request"),
            ({"token": "stale"}, "UnrecognizedClientException", "The security token included in the request"),
        ],
    )
    def test_is_refused_when_wrong(self, api: Api, sign: Mapping[str, str], error_type: str, message: str) -> None:
        answer = api.call("POST", "/v1/chat/completions", b"{}", sign=sign)
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, error_type)
        assert message in (answer.json.get("message") or answer.json["Message"])

    def test_covers_body_query_and_headers(self, api: Api) -> None:
        def other_date(headers: dict[str, str]) -> None:
            headers["X-Amz-Date"] = "20200101T000000Z"

        signed = {"X-Amz-Meta": "a"}
        assert api.call("POST", "/v1/chat/completions?a=1", b"{}", sign={}, headers=signed).status == 200
        tampered = api.call(
            "POST",
            "/v1/chat/completions",
            b"{}",
            sign={},
            headers=signed,
            tamper=lambda sent: sent.update({"X-Amz-Meta": "b"}),
        )
        assert tampered.headers["x-amzn-errortype"] == "InvalidSignatureException"
        expired = api.call("POST", "/v1/chat/completions", b"{}", sign={}, tamper=other_date)
        assert expired.json["message"].startswith("Signature expired: 20200101T000000Z is now earlier than ")

    def test_is_not_a_bearer_token(self, api: Api) -> None:
        answer = api.call("POST", "/v1/chat/completions", b"{}", headers={"Authorization": "Bearer sk-1"})
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "IncompleteSignatureException")

    def test_of_a_role_is_held_to_its_policy(self, api: Api, aws: Callable[..., Any]) -> None:
        name = f"g-{uuid4().hex[:12]}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = aws("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
        allow = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/prod/GET/*",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        aws("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document)
        session = aws("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="me")["Credentials"]
        sign = {
            "key": session["AccessKeyId"],
            "secret": session["SecretAccessKey"],
            "token": session["SessionToken"],
        }
        allowed = api.call("GET", "/v1/models/m", sign=sign)
        assert allowed.json["requestContext"]["identity"]["userArn"].endswith(f":assumed-role/{name}/me")
        denied = api.call("POST", "/v1/chat/completions", b"{}", sign=sign)
        assert (denied.status, denied.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
        assert "is not authorized to perform: execute-api:Invoke on resource: " in denied.json["Message"]


class TestErrors:
    @pytest.mark.parametrize(("verb", "path"), [("GET", "/nothing"), ("GET", "/v1/chat/completions"), ("GET", "/")])
    def test_for_what_the_api_does_not_have(self, api: Api, verb: str, path: str) -> None:
        answer = api.call(verb, path, sign={})
        assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})

    def test_for_a_stage_that_there_is_not(self, api: Api) -> None:
        answer = api.call("GET", "/open", stage="dev")
        assert (answer.status, answer.json) == (403, {"message": "Forbidden"})
        assert answer.headers["x-amzn-errortype"] == "ForbiddenException"

    @pytest.mark.parametrize(
        "wish",
        [
            {"raise": "no"},
            {"return": {"statusCode": 200, "body": {"not": "text"}}},
            {"return": "text"},
            {"return": None},
            {"return": {"body": "no status"}},
        ],
    )
    def test_for_a_function_that_fails_or_answers_wrongly(self, api: Api, wish: Any) -> None:
        answer = api.call("POST", "/open", json.dumps(wish).encode())
        assert (answer.status, answer.json) == (502, {"message": "Internal server error"})

    def test_for_a_function_that_takes_too_long(self, api: Api) -> None:
        assert api.call("POST", "/slow", b"{}").status in (200, 504)  # warms the function up
        answer = api.call("POST", "/slow", b'{"seconds": 0.5}')
        assert (answer.status, answer.json) == (504, {"message": "Endpoint request timed out"})

    def test_for_a_function_that_is_throttled(self, api: Api, aws: Callable[..., Any]) -> None:
        functions = aws("lambda")
        functions.put_function_concurrency(FunctionName=api.function, ReservedConcurrentExecutions=0)
        answer = api.call("GET", "/open")
        functions.delete_function_concurrency(FunctionName=api.function)
        assert (answer.status, answer.json) == (500, {"message": "Internal server error"})

    def test_for_a_body_above_the_limits(self, api: Api) -> None:
        too_long = api.call("POST", "/open", b"x" * 10_485_761)
        assert (too_long.status, too_long.json) == (413, {"message": "Request Too Long"})
        assert api.call("POST", "/open", b"x" * 6_291_456).status == 413


class TestDeployment:
    def test_holds_the_api_as_it_was(self, api: Api, aws: Callable[..., Any]) -> None:
        gateway = aws("apigateway")
        make_method(gateway, api.id, make_resource(gateway, api.id, api.root, "late"), "GET", api.function)
        gateway.put_gateway_response(
            restApiId=api.id,
            responseType="MISSING_AUTHENTICATION_TOKEN",
            statusCode="404",
            responseTemplates={"application/json": '{"error":{"message":$context.error.messageString}}'},
        )
        assert api.call("GET", "/late").status == 403
        deploy(gateway, api.id)
        assert api.call("GET", "/late").status == 200
        unknown = api.call("GET", "/nothing")
        assert (unknown.status, unknown.json) == (404, {"error": {"message": "Missing Authentication Token"}})
        gateway.delete_gateway_response(restApiId=api.id, responseType="MISSING_AUTHENTICATION_TOKEN")
        deploy(gateway, api.id)
        assert api.call("GET", "/nothing").status == 403


def test_a_function_without_permission_for_the_api_is_not_run(aws: Callable[..., Any], local_aws: str) -> None:
    name = f"g-{uuid4().hex[:12]}"
    function = make_function(aws, name)
    gateway = aws("apigateway")
    made = gateway.create_rest_api(name=name)
    make_method(gateway, made["id"], made["rootResourceId"], "GET", function)
    deploy(gateway, made["id"])
    api = Api(url=local_aws, id=made["id"], root=made["rootResourceId"], function=function, log_group="")
    assert (api.call("GET", "/").status, api.call("GET", "/").json) == (500, {"message": "Internal server error"})
    permit(aws, function, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:other/prod/GET/")
    assert api.call("GET", "/").status == 500
    permit(aws, function, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/prod/GET/")
    assert api.call("GET", "/").status == 200
    gateway.delete_rest_api(restApiId=api.id)
    aws("lambda").delete_function(FunctionName=name)
