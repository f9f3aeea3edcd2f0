"""A stand-in SageMaker runtime for the backend alone: real HTTP and real event streams, on the loopback interface."""

import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import strategies as st

from invoke_shim.backends.sagemaker.endpoint import SageMakerEndpoint, create
from invoke_shim.deadline import Deadline
from invoke_shim.errors import ApiError
from invoke_shim.generation.types import Generation, GenerationRequest
from invoke_shim.settings import Settings
from localaws import eventstream

ENDPOINT_NAME = "falcon-endpoint"
LOG_ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/falcon-endpoint"

Json = Any

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Any text: all of Unicode but surrogates, which are no characters."""


@dataclass
class Reply:
    """One answer of the stand-in.

    Attributes:
        status: The HTTP status.
        body: All of the body; or its chunks, which are sent one by one with chunked encoding.
        headers: More headers.
        hang: Whether nothing comes after what there is of the body, until the test is over.
        drop: Whether the connection is closed in place of an answer.
        cut: Whether the connection is closed before the body's end.
    """

    status: int = 200
    body: bytes | list[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False
    cut: bool = False


def whole(value: Json, content_type: str = "application/json") -> Reply:
    """A container's answer that comes at once."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Reply(body=body, headers={"content-type": content_type})


def fails(code: str, status: int, **members: Json) -> Reply:
    """An AWS error (REST-JSON protocol)."""
    headers = {"content-type": "application/json", "x-amzn-errortype": code}
    return Reply(status=status, body=json.dumps(members).encode(), headers=headers)


def model_fails(status: int, message: str) -> Reply:
    """SageMaker's answer to an error of the container."""
    text = f'Received client error ({status}) from primary with message "{message}". See {LOG_ARN}'
    return fails(
        "ModelError",
        424,
        Message=text,
        OriginalStatusCode=status,
        OriginalMessage=message,
        LogStreamArn=LOG_ARN,
    )


def part(data: bytes) -> bytes:
    """A PayloadPart event."""
    return eventstream.event("PayloadPart", data, content_type="application/octet-stream")


def stream(parts: Sequence[bytes], *, last: bytes = b"", content_type: str = "text/event-stream", **how: Any) -> Reply:
    """A response stream: an event for each part, then perhaps an exception."""
    headers = {"content-type": eventstream.CONTENT_TYPE, "x-amzn-sagemaker-content-type": content_type}
    events = [part(data) for data in parts]
    return Reply(body=[*events, last] if last else events, headers=headers, **how)


def cut_up(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Bytes cut at places, of which those beyond the end count from the start again."""
    borders = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in itertools.pairwise(borders)]


class Stub:
    """The stand-in.

    Attributes:
        replies: What it answers, one after the other; the last one for ever.
        paths: What it was asked.
        bodies: With what.
        headers: And how.
        connections: How many connections were opened.
        closed_early: Set when a client closed its connection while it was being answered.
    """

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._released = threading.Event()
        self.reset()

    def reset(self) -> None:
        """Forget all."""
        self._released.set()
        self._released = threading.Event()
        self.replies: list[Reply] = []
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.closed_early = threading.Event()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def payload(self) -> Json:
        """The one payload that was sent."""
        assert len(self.bodies) == 1
        return json.loads(self.bodies[0])

    def take(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @contextmanager
    def running(self) -> Iterator["Stub"]:
        """Run it."""
        self._thread.start()
        try:
            yield self
        finally:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def wait(self) -> None:
        self._released.wait(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stub: Stub

    def handle_error(self, *_args: Any) -> None:
        """A client that is gone is no error here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.stub.connections += 1

    def do_POST(self) -> None:
        stub = self.server.stub
        stub.paths.append(self.path)
        stub.headers.append({name.lower(): value for name, value in self.headers.items()})
        stub.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        reply = stub.take()
        if reply.drop:
            self.close_connection = True
            return
        if not (reply.hang and reply.body == b""):
            self._send(reply)
        if reply.hang:
            stub.wait()
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        framing = (
            {"content-length": str(len(reply.body))}
            if isinstance(reply.body, bytes)
            else {"transfer-encoding": "chunked"}
        )
        for name, value in {**framing, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self._send_body(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.server.stub.closed_early.set()
            self.close_connection = True

    def _send_body(self, reply: Reply) -> None:
        if isinstance(reply.body, bytes):
            self.wfile.write(reply.body)
        else:
            for chunk in reply.body:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
            if not (reply.hang or reply.cut):
                self.wfile.write(b"0\r\n\r\n")
        if reply.cut:
            self.close_connection = True

    def log_message(self, *_args: object) -> None:
        pass


def environment(stub: Stub) -> dict[str, str]:
    """Return the environment in which boto3 calls the stand-in."""
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": stub.url,
        "AWS_ENDPOINT_URL_SSM": stub.url,
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "127.0.0.1",
    }


def backend(container: str = "tgi", **changes: Any) -> SageMakerEndpoint:
    """A backend with such a container."""
    settings: dict[str, Any] = {"endpoint_name": ENDPOINT_NAME, "invoke_timeout_seconds": 29, **changes}
    return create(Settings(model_name="the-model", container=container, **settings))  # type: ignore[arg-type]  # a test's own name


def prompt_request(prompt: str | None = "Once", **generation: Any) -> GenerationRequest:
    """A question."""
    return GenerationRequest(prompt=prompt, generation=Generation(**{"max_tokens": 256, **generation}))


def soon(seconds: float = 20) -> Deadline:
    """A deadline far enough away."""
    return Deadline.after(seconds)


def failure(call: Any) -> ApiError:
    """Return the error that a call raises."""
    with pytest.raises(ApiError) as caught:
        call()
    return caught.value
