"""API Gateway's response streaming, in front of a function with a runtime of its own."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

import pytest

from tests.conformance.conftest import Observe
from tests.conformance.gateway import STAGE, Api
from tests.conformance.made import Made
from tests.conformance.streaming_function import CONFIGURATION, HEAD, package
from tests.conformance.target import Answer, Target, error_of

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.fixture(scope="module")
def function(made: Made) -> str:
    """The function's ARN."""
    return made.function(package(), **CONFIGURATION)


@pytest.fixture(scope="module")
def api(made: Made, function: str) -> Api:
    """An API that streams from the function at `/stream`."""
    api = Api(made)
    api.method("stream", function, responseTransferMode="STREAM", timeoutInMillis=60_000)
    api.permit(function)
    api.deploy()
    _ask(made.target, api, stream=[HEAD], until=201)
    return api


def _ask(target: Target, api: Api, *, until: int | None = None, **wish: object) -> Answer:
    """Send a wish to the function; with `until`, again until the answer has that status."""

    def send() -> Answer:
        headers = {"x-stainless-read-timeout": "600", "content-type": "application/json"}
        return target.send(api.id, f"/{STAGE}/stream", headers=headers, body=json.dumps(wish), signs=True)

    return send() if until is None else target.eventually(send, lambda answer: answer.status == until)


@pytest.mark.belief("gateway-stream-prelude")
def test_status_and_headers_come_from_the_metadata(api: Api, target: Target, observe: Observe) -> None:
    answer = _ask(target, api, stream=[HEAD[:10], HEAD[10:-3], HEAD[-3:], "one ", "two"])
    headers = {name: answer.headers.get(name) for name in ("x-from", "content-type", "x-many", "set-cookie")}
    observe(f"{answer.status} {headers} {answer.body!r}")
    assert (answer.status, answer.body) == (201, b"one two")
    assert headers == {"x-from": "function", "content-type": "text/plain", "x-many": "1", "set-cookie": "a=b"}


@pytest.mark.belief("gateway-stream-prelude")
@pytest.mark.parametrize(
    "more", [{"isBase64Encoded": False}, {"headers": {"x-long": "x" * 17_000}}], ids=["another field", "over 16 KB"]
)
def test_metadata_have_four_fields_in_16_kb(
    api: Api, target: Target, observe: Observe, more: dict[str, object]
) -> None:
    answer = _ask(target, api, stream=[json.dumps({"statusCode": 200, **more}) + "\0" * 8, "one"])
    observe(f"{', '.join(more)}: {answer.status}")
    assert answer.status == 500


@pytest.mark.belief("gateway-stream-malformed")
@pytest.mark.parametrize("text", ["no metadata", "[]" + "\0" * 8, json.dumps({"statusCode": 200})])
def test_malformed_metadata_is_500(api: Api, target: Target, observe: Observe, text: str) -> None:
    answer = _ask(target, api, stream=[text])
    observe(f"{answer.status} {answer.body!r}")
    assert answer.status == 500


@pytest.mark.belief("gateway-stream-broken-off")
def test_an_error_after_the_first_chunk_breaks_the_connection_off(api: Api, target: Target, observe: Observe) -> None:
    answer = _ask(target, api, stream=[HEAD, "one "], error="Function.Broken")
    observe(f"{answer.status} {answer.body!r}, {'complete' if answer.complete else 'broken off'}")
    assert (answer.status, answer.body, answer.complete) == (201, b"one ", False)


@pytest.mark.belief("gateway-stream-timeout")
def test_a_stream_may_take_15_minutes(api: Api, function: str, observe: Observe) -> None:
    resource = api.client.create_resource(restApiId=api.id, parentId=api.root, pathPart="long")["id"]
    where = {"restApiId": api.id, "resourceId": resource, "httpMethod": "POST"}
    api.client.put_method(**where, authorizationType="AWS_IAM")
    how = {**where, "type": "AWS_PROXY", "integrationHttpMethod": "POST", "timeoutInMillis": 900_000}
    buffered = error_of(api.client.put_integration, **how, uri=api.uri(function))
    too_long = error_of(
        api.client.put_integration,
        **{**how, "timeoutInMillis": 900_001},
        uri=api.uri(function, stream=True),
        responseTransferMode="STREAM",
    )
    made = api.client.put_integration(**how, uri=api.uri(function, stream=True), responseTransferMode="STREAM")
    observe(f"STREAM {made['timeoutInMillis']} ms; BUFFERED {buffered}; 900001 ms {too_long}")
    assert (made["timeoutInMillis"], made["responseTransferMode"]) == (900_000, "STREAM")
    assert too_long[0] == "BadRequestException"


@pytest.mark.belief("gateway-keeps-unknown-headers")
def test_headers_of_clients_reach_the_function(api: Api, target: Target, observe: Observe) -> None:
    headers = {name.lower(): value for name, value in _ask(target, api, facts=True).document["headers"].items()}
    observe({name: value for name, value in headers.items() if name.startswith("x-stainless")})
    assert headers["x-stainless-read-timeout"] == "600"


@pytest.mark.belief("gateway-body-of-6-mib")
def test_a_body_of_nearly_6_mib_reaches_the_function(api: Api, target: Target, observe: Observe) -> None:
    # The event around it has about 4 KB.
    fitting, too_large = (
        _ask(target, api, facts=True, padding="x" * size) for size in (6 * 1024 * 1024 - 16_384, 6 * 1024 * 1024)
    )
    arrived = fitting.document["bytes"] if fitting.status == 200 else 0
    observe(f"{fitting.status}, {arrived} bytes arrived; of 6 MiB and more {too_large.status}")
    assert fitting.status == 200
    assert arrived > 6 * 1024 * 1024 - 16_384


@pytest.mark.belief("lambda-wrapper-gets-interpreter")
def test_a_wrapper_is_given_the_interpreter(api: Api, target: Target, observe: Observe) -> None:
    facts = _ask(target, api, facts=True).document
    observe(facts["arguments"])
    assert PurePosixPath(facts["arguments"][0]).name.startswith("python")


@pytest.mark.belief("lambda-boto3-without-bootstrap")
def test_boto3_can_be_imported_without_the_bootstrap(api: Api, target: Target, observe: Observe) -> None:
    facts = _ask(target, api, facts=True).document
    observe(f"python {facts['version']}, boto3 {facts['boto3']}")
    assert re.fullmatch(r"1\.\d+\.\d+", facts["boto3"])


@pytest.mark.belief("gateway-stream-permission")
def test_streaming_needs_the_permission_to_invoke(made: Made, target: Target, observe: Observe) -> None:
    function = made.function(package(), **CONFIGURATION)
    api = Api(made)
    api.method("stream", function, responseTransferMode="STREAM", timeoutInMillis=60_000)
    api.permit(function, action="lambda:InvokeFunctionUrl")
    api.deploy()
    other = _ask(target, api, stream=[HEAD], until=500).status
    statement = api.permit(function)
    permitted = _ask(target, api, stream=[HEAD], until=201).status
    target.client("lambda").remove_permission(FunctionName=function, StatementId=statement)
    # The same API, function and request as before: what is missing is the permission alone.
    taken = _ask(target, api, stream=[HEAD], until=500).status
    observe(f"with another action {other}, with lambda:InvokeFunction {permitted}, without it {taken}")
    assert (other, permitted, taken) == (500, 201, 500)
