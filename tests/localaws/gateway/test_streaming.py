"""API Gateway's response transfer mode STREAM: status and headers first, then each part as the function makes it."""

from __future__ import annotations

import http.client
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from localaws.gateway.transfer_mode import problems
from tests.localaws.functions import own_runtime
from tests.localaws.functions.own_runtime import gate, text
from tests.localaws.gateway.stream_head import HEAD

REGION = "us-east-1"
ACCOUNT = "123456789012"
SHIM = Path(__file__).resolve().parents[3] / "lambda" / "invoke_shim"
ACCESS_LOG = json.dumps(
    {
        "id": "$context.requestId",
        "status": "$context.status",
        "length": "$context.responseLength",
        "mode": "$context.integration.responseTransferMode",
        "headers": "$context.integration.timeToAllHeaders",
        "first": "$context.integration.timeToFirstContent",
        "whole": "$context.integrationLatency",
    }
)


class TestTheMode:
    STREAMING = "arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/f/response-streaming-invocations"
    BUFFERED = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/f/invocations"

    @pytest.mark.parametrize(
        ("mode", "kind", "uri", "timeout"),
        [
            ("STREAM", "AWS_PROXY", STREAMING, 900_000),
            ("STREAM", "HTTP_PROXY", "https://example.com", 50),
            ("BUFFERED", "AWS_PROXY", BUFFERED, None),
            ("BUFFERED", "MOCK", "", None),
        ],
    )
    def test_fits(self, mode: str, kind: str, uri: str, timeout: int | None) -> None:
        assert problems(mode, integration_type=kind, uri=uri, timeout_ms=timeout) == []

    def test_is_one_of_two(self) -> None:
        [problem] = problems("FAST", integration_type="AWS_PROXY", uri=self.BUFFERED, timeout_ms=None)
        assert problem == "responseTransferMode is 'FAST': allowed are BUFFERED, STREAM"

    def test_says_all_that_does_not_fit(self) -> None:
        assert problems("STREAM", integration_type="AWS", uri="", timeout_ms=900_001) == [
            "the type is AWS with STREAM: allowed are HTTP_PROXY, AWS_PROXY",
            "timeoutInMillis is 900001 with STREAM: allowed are 50 to 900000",
        ]
        assert problems("BUFFERED", integration_type="AWS_PROXY", uri=self.STREAMING, timeout_ms=None) == [
            f"the uri is {self.STREAMING} with BUFFERED: it must end in /invocations"
        ]


@dataclass(frozen=True)
class Api:
    """A deployed API and how to call it."""

    url: str
    id: str
    function: str

    @contextmanager
    def call(self, path: str, **wish: Any) -> Iterator[http.client.HTTPResponse]:
        """Send a wish to the function; give the response whose body is still to be read."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            headers = {"Host": f"{self.id}.execute-api.{REGION}.amazonaws.com"}
            connection.request("POST", f"/prod{path}", body=json.dumps(wish), headers=headers)
            yield connection.getresponse()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def api(aws: Callable[..., Any], local_apis: str) -> Iterator[Api]:
    """`/stream` and `/short` (two seconds) stream from the function, `/whole` does not."""
    name = own_runtime.create(aws)
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    yield from deployed(aws, local_apis, name, function, {"stream": 20_000, "short": 2000})
    aws("lambda").delete_function(FunctionName=name)


def deployed(
    aws: Callable[..., Any], url: str, name: str, function: str, streaming: Mapping[str, int]
) -> Iterator[Api]:
    """Deploy a function's API, with a streaming path for each timeout in milliseconds."""
    gateway = aws("apigateway")
    made = gateway.create_rest_api(name=name, endpointConfiguration={"types": ["REGIONAL"]})
    for path, timeout in {**streaming, "whole": 20_000}.items():
        resource = gateway.create_resource(restApiId=made["id"], parentId=made["rootResourceId"], pathPart=path)
        where = {"restApiId": made["id"], "resourceId": resource["id"], "httpMethod": "POST"}
        gateway.put_method(**where, authorizationType="NONE")
        operation = "2015-03-31/functions/{}/invocations"
        mode = {}
        if path in streaming:
            operation = "2021-11-15/functions/{}/response-streaming-invocations"
            mode = {"responseTransferMode": "STREAM"}
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/{operation.format(function)}"
        kind = {"type": "AWS_PROXY", "integrationHttpMethod": "POST"}
        gateway.put_integration(**where, **kind, uri=uri, timeoutInMillis=timeout, **mode)
    aws("lambda").add_permission(
        FunctionName=function,
        StatementId="api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{made['id']}/*/*/*",
    )
    gateway.create_deployment(restApiId=made["id"], stageName="prod")
    aws("logs").create_log_group(logGroupName=name)
    destination = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"
    changes = [("/accessLogSettings/destinationArn", destination), ("/accessLogSettings/format", ACCESS_LOG)]
    gateway.update_stage(
        restApiId=made["id"],
        stageName="prod",
        patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in changes],
    )
    yield Api(url=url, id=made["id"], function=name)
    gateway.delete_rest_api(restApiId=made["id"])
    aws("logs").delete_log_group(logGroupName=name)


class TestAnAnswer:
    def test_comes_as_it_is_made(self, api: Api, tmp_path: Path) -> None:
        head, body = tmp_path / "head", tmp_path / "body"
        wish = [*text(HEAD[:-3]), *text(HEAD[-3:]), gate(head), *text("one"), gate(body), *text("two")]
        with api.call("/stream", stream=wish) as response:
            assert (response.status, response.headers["X-From"]) == (201, "function")
            assert response.headers["Content-Type"] == "text/plain"
            assert response.headers["Transfer-Encoding"] == "chunked"
            assert response.headers["x-amzn-RequestId"]
            head.touch()
            assert response.read1() == b"one"
            body.touch()
            assert response.read() == b"two"

    def test_may_be_larger_than_a_whole_one(self, api: Api) -> None:
        with api.call("/stream", stream=[*text(HEAD), {"text": "x" * 1000, "times": 12_000}]) as response:
            assert response.read() == b"x" * 12_000_000

    def test_that_breaks_off_is_seen_to_be_unfinished(self, api: Api) -> None:
        error = {"errorType": "Function.Gone", "errorMessage": "away"}
        with api.call("/stream", stream=text(HEAD, "abc"), error=error) as response:
            assert response.status == 201
            with pytest.raises(http.client.IncompleteRead) as broken:
                response.read()
        assert broken.value.partial == b"abc"

    def test_that_takes_too_long_breaks_off(self, api: Api, tmp_path: Path) -> None:
        wish = [*text(HEAD, "abc"), gate(tmp_path / "go")]
        with api.call("/short", stream=wish) as response, pytest.raises(http.client.IncompleteRead) as broken:
            response.read()
        assert broken.value.partial == b"abc"
        (tmp_path / "go").touch()

    def test_that_does_not_begin_in_time_is_504(self, api: Api, tmp_path: Path) -> None:
        with api.call("/short", stream=[gate(tmp_path / "go")]) as response:
            assert (response.status, json.loads(response.read())) == (504, {"message": "Endpoint request timed out"})
        (tmp_path / "go").touch()

    @pytest.mark.parametrize("wish", [{"fail": "Function.Sad"}, {"exit": 1}, {"stream": [{"text": "hello"}]}])
    def test_that_is_none_is_500(self, api: Api, wish: Any) -> None:
        with api.call("/stream", **wish) as response:
            assert (response.status, json.loads(response.read())) == (500, {"message": "Internal server error"})

    def test_for_which_there_is_no_concurrency_is_500(self, api: Api, aws: Callable[..., Any]) -> None:
        aws("lambda").put_function_concurrency(FunctionName=api.function, ReservedConcurrentExecutions=0)
        with api.call("/stream", stream=text(HEAD)) as response:
            assert response.status == 500
        aws("lambda").delete_function_concurrency(FunctionName=api.function)

    def test_that_is_streamed_to_a_whole_integration_is_502(self, api: Api) -> None:
        with api.call("/whole", stream=text(HEAD, "abc")) as response:
            assert response.status == 502

    def test_leaves_its_length_in_the_access_log(self, api: Api, aws: Callable[..., Any]) -> None:
        with api.call("/stream", stream=text(HEAD, "abc", "de")) as response:
            response.read()
        events = aws("logs").filter_log_events(logGroupName=api.function)["events"]
        lines = {line["id"]: line for line in (json.loads(event["message"]) for event in events)}
        line = lines[response.headers["x-amzn-RequestId"]]
        assert (line["status"], line["length"], line["mode"]) == ("201", "5", "STREAMED")
        assert 0 <= int(line["headers"]) <= int(line["first"]) <= int(line["whole"])

    def test_a_whole_answer_has_no_time_of_its_first_byte_in_the_access_log(
        self, api: Api, aws: Callable[..., Any]
    ) -> None:
        with api.call("/whole", stream=[]) as response:
            response.read()
        events = aws("logs").filter_log_events(logGroupName=api.function)["events"]
        lines = {line["id"]: line for line in (json.loads(event["message"]) for event in events)}
        line = lines[response.headers["x-amzn-RequestId"]]
        assert (line["headers"], line["first"]) == ("-", "-")

    def test_goes_on_without_a_reader(self, api: Api, aws: Callable[..., Any], tmp_path: Path) -> None:
        def finished() -> int:
            events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{api.function}")["events"]
            return [event["message"] for event in events].count("answered with 202")

        with api.call("/stream", stream=text(HEAD)) as response:
            response.read()
        before, go = finished(), tmp_path / "go"
        with api.call("/stream", stream=[*text(HEAD), gate(go), *text("a", "b")]) as response:
            assert response.status == 201
        go.touch()
        deadline = time.monotonic() + 20
        while finished() == before:
            assert time.monotonic() < deadline, "the function has stopped with its reader"


class TestTheControlPlane:
    def test_shows_the_mode(self, api: Api, aws: Callable[..., Any]) -> None:
        gateway = aws("apigateway")
        modes = {}
        for resource in gateway.get_resources(restApiId=api.id)["items"]:
            if "resourceMethods" in resource:
                integration = gateway.get_integration(restApiId=api.id, resourceId=resource["id"], httpMethod="POST")
                modes[resource["path"]] = integration["responseTransferMode"]
        assert modes == {"/stream": "STREAM", "/short": "STREAM", "/whole": "BUFFERED"}

    def test_refuses_what_does_not_fit(self, api: Api, aws: Callable[..., Any]) -> None:
        gateway = aws("apigateway")
        [resource] = [r for r in gateway.get_resources(restApiId=api.id)["items"] if r["path"] == "/whole"]
        with pytest.raises(ClientError, match="it must end in /response-streaming-invocations"):
            gateway.put_integration(
                restApiId=api.id,
                resourceId=resource["id"],
                httpMethod="POST",
                type="AWS_PROXY",
                integrationHttpMethod="POST",
                uri=TestTheMode.BUFFERED,
                responseTransferMode="STREAM",
            )

    def test_takes_the_mode_from_a_template(self, stacks: Any, stack_name: str, aws: Callable[..., Any]) -> None:
        integration = {
            "Type": "AWS_PROXY",
            "IntegrationHttpMethod": "POST",
            "ResponseTransferMode": "STREAM",
            "TimeoutInMillis": 300_000,
            "Uri": TestTheMode.STREAMING,
        }
        method = {
            "RestApiId": {"Ref": "Api"},
            "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
            "HttpMethod": "ANY",
            "AuthorizationType": "NONE",
            "Integration": integration,
        }
        resources = {
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": stack_name}},
            "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        }
        assert stacks.deploy(stack_name, resources) == "CREATE_COMPLETE", stacks.failures(stack_name)
        api_id = stacks.physical_ids(stack_name)["Api"]
        gateway = aws("apigateway")
        [root] = gateway.get_resources(restApiId=api_id)["items"]
        found = gateway.get_integration(restApiId=api_id, resourceId=root["id"], httpMethod="ANY")
        assert (found["responseTransferMode"], found["timeoutInMillis"]) == ("STREAM", 300_000)
        stacks.delete(stack_name)


# Answers with the app's own runtime, in place of the shim's handler.
HANDLER = """
import time
from pathlib import Path
from invoke_shim.http.proxy import BrokenStreamError, Response

def handle(event, context):
    return Response(chunks=chunks(event["body"]), content_type="text/event-stream")

def chunks(path):
    yield b"data: 1\\n\\n"
    while not Path(path).exists():
        time.sleep(0.005)
    yield b"data: 2\\n\\n"
    raise BrokenStreamError("server_error", "gone")
"""


def test_the_apps_own_runtime_streams_through_it(aws: Callable[..., Any], local_apis: str, tmp_path: Path) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("answers.py", HANDLER)
        for file in SHIM.rglob("*"):
            if file.is_file() and file.suffix != ".pyc":
                archive.write(file, file.relative_to(SHIM.parent))
    name = own_runtime.create(
        aws,
        package.getvalue(),
        Handler="answers.handle",
        variables={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/invoke_shim/bootstrap"},
    )
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    streamed = 0
    for api in deployed(aws, local_apis, name, function, {"stream": 20_000}):
        streamed += 1
        go = tmp_path / "go"
        connection = http.client.HTTPConnection(urlsplit(local_apis).netloc, timeout=30)
        connection.request("POST", f"/_localaws/execute-api/{REGION}/{api.id}/prod/stream", body=str(go))
        response = connection.getresponse()
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        assert response.read1() == b"data: 1\n\n"
        go.touch()
        with pytest.raises(http.client.IncompleteRead) as broken:
            response.read()
        assert broken.value.partial == b"data: 2\n\n"
        connection.close()
    assert streamed == 1
    aws("lambda").delete_function(FunctionName=name)
