import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tools import invoke
from tools.deployed import declared_stack
from tools.invoke import caller_key, http_client, openai_client, region_of

URL = "https://abc123.execute-api.us-west-2.amazonaws.com/live/"


class _Recorder(BaseHTTPRequestHandler):
    requests: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.requests.append(
            {"method": self.command, "path": self.path, "headers": dict(self.headers.items()), "body": body}
        )
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"choices": []}')

    def do_GET(self) -> None:
        self.do_POST()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A server in a local AWS's place that records what it is sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "some-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "some-secret")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    _Recorder.requests.clear()
    with HTTPServer(("127.0.0.1", 0), _Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", _Recorder.requests
        server.shutdown()
        thread.join()


def test_reads_the_region_from_the_url() -> None:
    assert region_of(URL) == "us-west-2"


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:4566/live/", "https://abc.s3.us-west-2.amazonaws.com/"])
def test_refuses_an_url_that_is_not_an_apis(url: str) -> None:
    with pytest.raises(ValueError, match=r"allowed is https://<api>.execute-api.<region>"):
        region_of(url)


def test_connects_to_a_local_aws_and_keeps_the_apis_host(recorded: tuple[str, list[dict[str, Any]]]) -> None:
    endpoint_url, requests = recorded
    with http_client(region="us-west-2", endpoint_url=endpoint_url) as client:
        client.post(f"{URL}invocations", json={"inputs": "hi"})

    [request] = requests
    assert request["path"] == "/live/invocations"
    assert request["headers"]["Host"] == "abc123.execute-api.us-west-2.amazonaws.com"


def test_signs_what_it_sends(recorded: tuple[str, list[dict[str, Any]]]) -> None:
    endpoint_url, requests = recorded
    with http_client(region="us-west-2", endpoint_url=endpoint_url) as client:
        client.post(f"{URL}invocations", content=b'{"inputs": "hi"}', headers={"content-type": "application/json"})

    [request] = requests
    headers = {name.lower(): value for name, value in request["headers"].items()}
    expected = AWSRequest(
        "POST", f"{URL}invocations", data=request["body"], headers={"content-type": headers["content-type"]}
    )
    expected.context["timestamp"] = headers["x-amz-date"]
    expected.headers["X-Amz-Date"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("some-key", "some-secret"), "execute-api", "us-west-2")
    signature = signer.signature(signer.string_to_sign(expected, signer.canonical_request(expected)), expected)
    assert headers["authorization"].endswith(f"Signature={signature}")


def test_openais_client_sends_a_signature_in_place_of_its_key(recorded: tuple[str, list[dict[str, Any]]]) -> None:
    endpoint_url, requests = recorded
    openai_client(URL, endpoint_url=endpoint_url).chat.completions.create(
        model="some-model", messages=[{"role": "user", "content": "hi"}]
    )

    [request] = requests
    assert request["path"] == "/live/v1/chat/completions"
    authorization = {name.lower(): value for name, value in request["headers"].items()}["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=some-key/")
    assert "Bearer" not in authorization


def test_openais_client_sends_its_key_where_callers_have_keys(recorded: tuple[str, list[dict[str, Any]]]) -> None:
    endpoint_url, requests = recorded
    client = openai_client("https://some.models.example.com/", api_key="a-key", endpoint_url=endpoint_url)
    client.chat.completions.create(model="some-model", messages=[{"role": "user", "content": "hi"}])

    [request] = requests
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert request["path"] == "/v1/chat/completions"
    assert (headers["host"], headers["authorization"]) == ("some.models.example.com", "Bearer a-key")


def test_signs_for_a_domain_of_ones_own_in_the_region_that_it_is_told(
    recorded: tuple[str, list[dict[str, Any]]],
) -> None:
    endpoint_url, requests = recorded
    url = "https://some.models.example.com/"
    openai_client(url, region="us-east-2", endpoint_url=endpoint_url).chat.completions.create(
        model="some-model", messages=[{"role": "user", "content": "hi"}]
    )

    [request] = requests
    assert "/us-east-2/execute-api/aws4_request" in request["headers"]["Authorization"]
    with pytest.raises(ValueError, match=r"allowed is https://<api>.execute-api.<region>"):
        openai_client(url)


def test_reads_a_callers_key_from_the_environment_and_from_no_other_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    monkeypatch.setenv("JUMPSTACK_API_KEY", " a-key ")
    assert caller_key("dev/some-model") == "a-key"

    monkeypatch.delenv("JUMPSTACK_API_KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(RuntimeError, match=r"set JUMPSTACK_API_KEY; \./jumpstack keys create dev/some-model makes"):
        caller_key("dev/some-model")


def test_asks_for_the_key_at_a_terminal_without_an_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.delenv("JUMPSTACK_API_KEY", raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"typed after {prompt}")

    assert caller_key("dev/some-model") == "typed after key for dev/some-model:"


def test_says_so_when_there_are_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(RuntimeError, match="no AWS credentials"):
        http_client(region="us-west-2")


@pytest.mark.parametrize(
    ("path", "route", "body", "sent"),
    [
        ("dev/falcon-7b", "invocations", b"{}", ("POST", "/live/invocations", "Bearer a-key")),
        ("dev/falcon-7b", "/v1/models", None, ("GET", "/live/v1/models", "Bearer a-key")),
        ("prod/falcon-7b", "invocations", b"{}", ("POST", "/live/invocations", "AWS4-HMAC-SHA256")),
    ],
)
def test_sends_a_request_as_the_stacks_callers_do(
    path: str,
    route: str,
    body: bytes | None,
    sent: tuple[str, str, str],
    recorded: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endpoint_url, requests = recorded
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    monkeypatch.setenv("JUMPSTACK_API_KEY", "a-key")
    monkeypatch.setattr(invoke, "output", lambda _, key: {"InvokeUrl": URL}[key])

    response = invoke.send(declared_stack(path), route, body)

    [request] = requests
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert (request["method"], request["path"]) == sent[:2]
    assert headers["authorization"].startswith(sent[2])
    assert response.json() == {"choices": []}
