"""The signed POST of an answer at once, held against what botocore's own client sends, makes and raises."""

import datetime
import inspect
import json
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from invoke_shim.backends import connections
from invoke_shim.backends.sagemaker.runtime import SageMakerRuntime
from tests.invoke_shim.backend_stub import Reply, Stub, environment, fails, model_fails, whole

PAYLOAD = b'{"inputs": "Gr\xc3\xb6\xc3\x9fe"}'
READ_TIMEOUT = 3

ACCOUNTS = {"amz-sdk-invocation-id", "amz-sdk-request"}
"""Headers that only say that a request may be one of several tries, which none is here."""


@pytest.fixture(scope="module")
def running() -> Iterator[Stub]:
    with Stub().running() as stub:
        yield stub


@pytest.fixture
def stub(running: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    running.reset()
    for name, value in {**environment(running), "AWS_LAMBDA_FUNCTION_NAME": "shim"}.items():
        monkeypatch.setenv(name, value)
    # A session keeps the credentials and the settings that it has found once.
    monkeypatch.setattr(connections, "session", cache(Session))
    yield running
    running.reset()


class Pair:
    """The client under test, and botocore's with the same settings."""

    def __init__(self, region: str = "us-east-1") -> None:
        self.runtime = SageMakerRuntime(READ_TIMEOUT)
        config = Config(
            connect_timeout=1,
            read_timeout=READ_TIMEOUT,
            user_agent=connections.USER_AGENT,
            retries={"total_max_attempts": 1, "mode": "legacy"},
        )
        session = connections.session()
        self.client: Any = session.create_client("sagemaker-runtime", region_name=region, config=config)

    def ours(self, endpoint_name: str = "blue") -> tuple[bytes, str]:
        reply = self.runtime.invoke(endpoint_name, PAYLOAD)
        return reply.body, reply.content_type

    def theirs(self, endpoint_name: str = "blue") -> tuple[bytes, str]:
        response = self.client.invoke_endpoint(
            EndpointName=endpoint_name, Body=PAYLOAD, ContentType="application/json", Accept="application/json"
        )
        return response["Body"].read(), response["ContentType"]

    def close(self) -> None:
        self.runtime.close()
        self.client.close()


@pytest.fixture
def pair(stub: Stub) -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def error_of(call: Any) -> Exception:
    with pytest.raises((ClientError, BotoCoreError)) as caught:
        call()
    return caught.value


# ------------------------------------------------------------------ the request

SENDERS = {
    "keys": {},
    "a role's keys": {"AWS_SESSION_TOKEN": "a/long+token=="},
    "a trace": {"_X_AMZN_TRACE_ID": 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1 "ü\n'},
}


@pytest.mark.parametrize("variables", SENDERS.values(), ids=SENDERS)
@pytest.mark.parametrize("endpoint_name", ["blue", "a b/../ü?#%41~"])
def test_sends_what_the_client_sends(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], endpoint_name: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    # One second for both, so that the signatures are of the same.
    now = datetime.datetime(2025, 1, 2, 3, 4, 5)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: now)
    stub.replies = [whole([])]
    pair = Pair()
    assert pair.ours(endpoint_name) == pair.theirs(endpoint_name)
    pair.close()
    assert stub.paths[0] == stub.paths[1]
    assert stub.bodies[0] == stub.bodies[1] == PAYLOAD
    ours, theirs = stub.headers
    assert ours == {name: value for name, value in theirs.items() if name not in ACCOUNTS}
    assert "20250102T030405Z" in ours["x-amz-date"]
    assert ours["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test/20250102/us-east-1/sagemaker/")


@pytest.mark.parametrize("dual_stack", ["false", "true"])
@pytest.mark.parametrize("fips", ["false", "true"])
@pytest.mark.parametrize("region", ["us-east-1", "ap-southeast-5", "us-gov-west-1", "cn-north-1"])
def test_asks_where_the_client_asks(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, region: str, fips: str, dual_stack: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", dual_stack)
    urls = []

    def refuse(_session: URLLib3Session, request: Any) -> None:
        urls.append(request.url)
        raise EndpointConnectionError(endpoint_url=request.url)

    monkeypatch.setattr(URLLib3Session, "send", refuse)
    pair = Pair(region)
    for call in (pair.ours, pair.theirs):
        assert isinstance(error_of(call), EndpointConnectionError)
    assert urls[0] == urls[1]
    assert urls[0].startswith("https://runtime")
    assert region in urls[0]


def test_an_endpoint_url_of_the_environment_may_have_a_path(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", f"{stub.url}/below/")
    stub.replies = [whole([])]
    pair = Pair()
    pair.ours()
    pair.theirs()
    pair.close()
    assert stub.paths == ["/below/endpoints/blue/invocations"] * 2


def test_signs_with_the_keys_that_took_the_place_of_those_that_expire(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"

    def issue(key: str) -> None:
        # So soon that botocore asks again before each request.
        expiration = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=5)
        document = {"Version": 1, "AccessKeyId": key, "SecretAccessKey": "s", "SessionToken": f"of-{key}"}
        keys.write_text(json.dumps({**document, "Expiration": expiration.isoformat()}))

    config = tmp_path / "config"
    config.write_text(f"[default]\ncredential_process = cat {keys}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    stub.replies = [whole([])]
    issue("first")
    runtime = SageMakerRuntime(READ_TIMEOUT)
    runtime.invoke("blue", PAYLOAD)
    issue("second")
    runtime.invoke("blue", PAYLOAD)
    runtime.close()
    assert [headers["x-amz-security-token"] for headers in stub.headers] == ["of-first", "of-second"]
    assert "Credential=second/" in stub.headers[1]["authorization"]


# ------------------------------------------------------------------ the connection

SETTINGS = {
    "nothing": {},
    "AWS's authorities": {"AWS_CA_BUNDLE": "/etc/aws.pem", "REQUESTS_CA_BUNDLE": "/etc/requests.pem"},
    "requests' authorities": {"REQUESTS_CA_BUNDLE": "/etc/requests.pem"},
    "a proxy": {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "other.example"},
    "no proxy": {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": "amazonaws.com"},
}


@pytest.mark.parametrize("variables", SETTINGS.values(), ids=SETTINGS)
def test_its_http_session_is_made_as_the_clients(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    made = []
    create = URLLib3Session.__init__
    signature = inspect.signature(create)

    def record(self: URLLib3Session, *args: Any, **options: Any) -> None:
        bound = signature.bind(self, *args, **options)
        bound.apply_defaults()
        made.append({name: value for name, value in bound.arguments.items() if name != "self"})
        create(self, *args, **options)

    monkeypatch.setattr(URLLib3Session, "__init__", record)
    SageMakerRuntime(READ_TIMEOUT).close()
    # One more is for what may tell credentials.
    clients, ours = [options for options in made if options["timeout"] == (1, READ_TIMEOUT)]
    assert ours == clients


def test_goes_by_a_proxy(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://model.example")
    monkeypatch.setenv("HTTP_PROXY", stub.url)
    monkeypatch.delenv("NO_PROXY")
    stub.replies = [whole([])]
    pair = Pair()
    pair.ours()
    pair.close()
    assert stub.paths == ["http://model.example/endpoints/blue/invocations"]
    assert stub.headers[0]["host"] == "model.example"


def test_a_new_connection_is_opened_after_it_was_closed(pair: Pair, stub: Stub) -> None:
    stub.replies = [whole([])]
    pair.ours()
    pair.runtime.close()
    pair.ours()
    assert stub.connections == 2


# ------------------------------------------------------------------ the answer

ANSWERS = {
    "JSON": whole([{"generated_text": "Größe"}]),
    "empty": Reply(headers={"content-type": "application/json"}),
    "bytes of another type": whole(bytes(range(256)) * 500, "application/x-odd"),
    "chunks": Reply(body=[b"[", b"]" * 70_000], headers={"content-type": "text/plain"}),
    "compressed, which is not asked for": Reply(
        body=b"\x1f\x8b\x08", headers={"content-type": "application/json", "content-encoding": "gzip"}
    ),
}


@pytest.mark.parametrize("reply", ANSWERS.values(), ids=ANSWERS)
def test_returns_what_the_client_returns(pair: Pair, stub: Stub, reply: Reply) -> None:
    stub.replies = [reply]
    body = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
    assert pair.ours() == pair.theirs() == (body, reply.headers["content-type"])


def test_an_answer_of_no_type_is_taken_for_json(pair: Pair, stub: Stub) -> None:
    stub.replies = [Reply(body=b"[]")]
    assert pair.ours() == (b"[]", "application/json")


# ------------------------------------------------------------------ errors

ERRORS = {
    "the container's": model_fails(422, '{"error": "too long", "error_type": "validation"}'),
    "not ready": fails("ModelNotReadyException", 429, Message="try later"),
    "throttled, without a word": fails("ThrottlingException", 400, message=None),
    "denied": fails("AccessDeniedException:http://internal.amazon.com/", 403, Message="not authorized"),
    "named in the body": Reply(status=400, body=b'{"__type": "com.amazon#ValidationError", "message": "not found"}'),
    "unheard of": fails("Odd", 418, Message="x"),
    "a gateway's page": Reply(status=503, body=b"<html>busy</html>"),
    "no body": Reply(status=500),
    "no JSON": Reply(status=400, body=b"["),
    "a redirection": Reply(status=307, headers={"location": "http://127.0.0.1:9/"}),
    "a choice": Reply(status=300, body=b"{}"),
}


def said(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return a service's error without the time and the client's count of tries, of which there is one."""
    assert isinstance(error, ClientError)
    response: dict[str, Any] = json.loads(json.dumps(error.response, default=repr))
    metadata = response["ResponseMetadata"]
    metadata["HTTPHeaders"].pop("date")
    for name in ("RetryAttempts", "MaxAttemptsReached"):
        metadata.pop(name, None)
    return str(error).replace(" (reached max retries: 0)", ""), response


@pytest.mark.parametrize("reply", ERRORS.values(), ids=ERRORS)
def test_raises_the_error_that_the_client_raises(pair: Pair, stub: Stub, reply: Reply) -> None:
    stub.replies = [reply]
    ours, theirs = error_of(pair.ours), error_of(pair.theirs)
    assert (said(ours), len(stub.paths)) == (said(theirs), 2)


BROKEN = {"dropped": Reply(drop=True), "silent": Reply(hang=True)}


@pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
def test_a_broken_connection_is_the_error_that_the_client_raises(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    if reply.hang:
        monkeypatch.setattr("tests.invoke_shim.backends.sagemaker.test_runtime.READ_TIMEOUT", 0.2)
    stub.replies = [reply]
    pair = Pair()
    assert type(error_of(pair.ours)) is type(error_of(pair.theirs))
    pair.close()
    assert len(stub.paths) == 2


def test_a_closed_port_is_the_error_that_the_client_raises(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", closed)
    pair = Pair()
    assert type(error_of(pair.ours)) is type(error_of(pair.theirs)) is EndpointConnectionError
