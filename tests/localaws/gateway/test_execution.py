"""API Gateway: deployed REST APIs that answer, and the errors that API Gateway answers itself."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar
from uuid import uuid4

import pytest

from tests.localaws.gateway.rest_api import (
    ACCOUNT,
    REGION,
    Api,
    deploy,
    make_function,
    make_method,
    make_resource,
    permit,
    send,
)
from tests.support.local_aws import running

# Not a new one for each process: pytest names tests by it, and all workers must have the same names.
CHOSEN = "7f0c2f5e-0f2b-4d6e-9a3c-5b1d8e4f6a20"
ACCESS_LOG = '{"id":"$context.requestId","status":"$context.status","path":"$context.resourcePath",'
ACCESS_LOG += '"caller":"$context.identity.userArn","error":$context.error.messageString,"none":"$context.no.such",'
ACCESS_LOG += '"integration":"$context.integration.status"}'


@pytest.fixture(scope="module")
def api(aws: Callable[..., Any], local_apis: str) -> Iterator[Api]:
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
    yield Api(url=local_apis, id=rest_api, root=root, function=function, log_group=name)
    gateway.delete_rest_api(restApiId=rest_api)
    aws("lambda").delete_function(FunctionName=name)
    aws("logs").delete_log_group(logGroupName=name)


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

    @pytest.mark.parametrize("chosen", [CHOSEN, CHOSEN.upper(), "mine", CHOSEN.replace("-", "")])
    def test_takes_a_uuid_of_the_client_for_its_request_id_alone(self, api: Api, chosen: str) -> None:
        answer = api.call("POST", "/open", b"{}", headers={"x-amzn-RequestId": chosen, "x-amz-apigw-id": chosen})
        context = answer.json["requestContext"]
        is_taken = len(chosen) == 36
        assert (context["requestId"] == chosen) is is_taken
        assert context["requestId"] == answer.headers["x-amzn-requestid"]
        assert context["extendedRequestId"] == answer.headers["x-amz-apigw-id"] != chosen

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
        assert (identity["accessKey"], identity["sourceIp"]) == (running(api.url).access_key_id, "127.0.0.1")
        assert identity["userArn"] == f"arn:aws:iam::{ACCOUNT}:root"

    @pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate"])
    def test_unpacks_a_compressed_body_before_the_function(self, api: Api, encoding: str) -> None:
        packed = zlib.compress(b'{"x": 1}') if encoding == "deflate" else gzip.compress(b'{"x": 1}')
        answer = api.call("POST", "/v1/chat/completions", packed, sign={}, headers={"Content-Encoding": encoding})
        assert (answer.status, answer.json["body"]) == (200, '{"x": 1}')

    @pytest.mark.parametrize("encoding", ["br", "gzip"])
    def test_refuses_a_body_of_another_encoding(self, api: Api, encoding: str) -> None:
        answer = api.call("POST", "/v1/chat/completions", b"{}", sign={}, headers={"Content-Encoding": encoding})
        assert answer.status == 415

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
            "integration": "200",
        }
        denied = lines[bad.headers["x-amzn-requestid"]]
        assert (denied["status"], denied["caller"]) == ("403", "-")
        assert denied["error"] == "Missing Authentication Token"


class TestBrowsers:
    """Pages of a browser get of a deployed API what it declares."""

    PREFLIGHT: ClassVar = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}

    def test_a_preflight_that_no_method_answers_is_refused_without_cors(self, api: Api) -> None:
        answer = api.call("OPTIONS", "/v1/chat/completions", headers=self.PREFLIGHT)
        assert (answer.status, answer.json) == (403, {"message": "Missing Authentication Token"})
        assert [name for name in answer.headers if name.startswith("access-control-")] == []

    def test_a_method_answers_with_the_cors_headers_that_it_declares(self, api: Api) -> None:
        allowed = {"Access-Control-Allow-Origin": "https://page.example"}
        wish = json.dumps({"return": {"statusCode": 204, "headers": allowed}}).encode()
        answer = api.call("OPTIONS", "/open", wish, headers=self.PREFLIGHT)
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "https://page.example")

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1"])
    def test_a_name_that_is_no_apis_gets_nothing(self, api: Api, host: str) -> None:
        for path in (f"/_localaws/execute-api/{REGION}/{api.id}/prod/open", "/prod/open"):
            answer = send(api.url, "GET", path, {"Host": host})
            assert (answer.status, answer.body) == (403, b"")


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

    def test_for_a_method_that_is_asked_faster_than_its_stage_says(self, api: Api, aws: Callable[..., Any]) -> None:
        throttle = {"rateLimit": "0.001", "burstLimit": "2"}
        operations = [
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": value} for name, value in throttle.items()
        ]
        gateway = aws("apigateway")
        gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=operations)
        answers = [api.call("GET", "/open") for _ in range(3)]
        other = api.call("GET", "/v1/models/x", sign={})
        for operation in operations:
            operation["value"] = "1000"
        gateway.update_stage(restApiId=api.id, stageName="prod", patchOperations=operations)

        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].json == {"message": "Too Many Requests"}
        assert answers[-1].headers["x-amzn-errortype"] == "TooManyRequestsException"
        # Each method has a bucket of its own.
        assert other.status == 200

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


def test_a_function_without_permission_for_the_api_is_not_run(aws: Callable[..., Any], local_apis: str) -> None:
    name = f"g-{uuid4().hex[:12]}"
    function = make_function(aws, name)
    gateway = aws("apigateway")
    made = gateway.create_rest_api(name=name)
    make_method(gateway, made["id"], made["rootResourceId"], "GET", function)
    deploy(gateway, made["id"])
    api = Api(url=local_apis, id=made["id"], root=made["rootResourceId"], function=function, log_group="")
    assert (api.call("GET", "/").status, api.call("GET", "/").json) == (500, {"message": "Internal server error"})
    permit(aws, function, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:other/prod/GET/")
    assert api.call("GET", "/").status == 500
    permit(aws, function, f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api.id}/prod/GET/")
    assert api.call("GET", "/").status == 200
    gateway.delete_rest_api(restApiId=api.id)
    aws("lambda").delete_function(FunctionName=name)
