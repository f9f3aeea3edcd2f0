"""A shim in front of a stand-in SageMaker runtime: real boto3, real HTTP, loopback only."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from invoke_shim import handler as entry
from invoke_shim import logs
from invoke_shim.backends import sagemaker
from invoke_shim.settings import Settings
from tests.invoke_shim.shim_client import ENDPOINT_NAME, MODEL_NAME, Deploy, Runtime, Shim


class Server(ThreadingHTTPServer):
    """Serves one `Runtime` after the other, a test each."""

    runtime: Runtime


class Handler(BaseHTTPRequestHandler):
    """One connection of a client to the stand-in; it belongs to the test in which it was opened."""

    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.runtime = self.server.runtime
        self.runtime.connections += 1

    def do_POST(self) -> None:
        self.runtime.paths.append(self.path)
        self.runtime.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        reply = self.runtime.reply
        if reply.hang or reply.drop:
            if reply.hang:
                self.runtime.released.wait(10)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _log_to_this_tests_output() -> Iterator[None]:
    """Take the shim's log handler away after each test: it writes to an output that pytest then closes."""
    yield
    logs.logger.handlers.clear()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def runtime(server: Server) -> Iterator[Runtime]:
    server.runtime = Runtime(url=f"http://127.0.0.1:{server.server_port}")
    server.runtime.answers([{"generated_text": " Hello!"}])
    yield server.runtime
    server.runtime.released.set()


@pytest.fixture
def deploy(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Starts the function with an environment, by default a Falcon chat model on TGI."""
    clients: list[Any] = []

    def create_client(settings: Settings) -> Any:
        clients.append(sagemaker.create_client(settings))
        return clients[-1]

    monkeypatch.setattr(entry, "create_client", create_client)

    def start(**changes: str | None) -> Shim:
        environment: dict[str, str | None] = {
            "ENDPOINT_NAME": ENDPOINT_NAME,
            "MODEL_NAME": MODEL_NAME,
            "CONTAINER": "tgi",
            "PROMPT_FORMAT": "falcon-chat",
            "INVOKE_TIMEOUT_SECONDS": "29",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": runtime.url,
            "NO_PROXY": "127.0.0.1",
            **changes,
        }
        for name, value in environment.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        entry.api.cache_clear()
        return Shim()

    yield start
    entry.api.cache_clear()
    for client in clients:
        client.close()


@pytest.fixture
def shim(deploy: Deploy) -> Shim:
    return deploy()
