"""A stand-in for Lambda's Runtime API that reads every byte of what a runtime sends and notes each breach.

It is a fake: it hands out the invocations that a test queues and can answer as awkwardly as the real one. What it
demands is from Lambda's documentation ("Using the Lambda runtime API for custom runtimes", "Building a custom
runtime"), RFC 9112 and, for the answers' form, API Gateway's ("Set up a Lambda proxy integration with payload
response streaming in API Gateway").
"""

from __future__ import annotations

import base64
import json
import queue
import re
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

WAIT_SECONDS: Final = 20
TYPE_TRAILER: Final = "Lambda-Runtime-Function-Error-Type"
BODY_TRAILER: Final = "Lambda-Runtime-Function-Error-Body"
# API Gateway looks for the end of the metadata in the first 16 KB.
_MAX_PRELUDE_BYTES: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An invocation, and how the stand-in treats its answer.

    Attributes:
        event: The event.
        raw_event: What is handed out in its place.
        request_id: Lambda's id.
        trace_id: The X-Ray header; None: there is none.
        seconds: How long the function may run.
        status: What the answer is answered with.
        hang_up_after: After how many chunks of the answer the connection is closed; None: never.
        hang_up_idle: Whether the connection of `next` is closed once the event is handed out.
    """

    event: Any = field(default_factory=dict)
    raw_event: bytes | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str | None = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700"
    seconds: float = 30
    status: int = 202
    hang_up_after: int | None = None
    hang_up_idle: bool = False


@dataclass(kw_only=True)
class Answer:
    """The answer that a runtime has posted for an invocation.

    Attributes:
        request_id: Whose answer it is.
        headers: Of the request.
        live: The chunks in the moment that they arrive; None is the end.
        chunks: All of them.
        trailers: What came after the last.
    """

    request_id: str
    headers: Mapping[str, str]
    live: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    def next_chunk(self) -> bytes | None:
        """Wait for one more chunk; None: there is no more."""
        return self.live.get(timeout=WAIT_SECONDS)

    def wait(self) -> Answer:
        """Wait for the end."""
        while self.next_chunk() is not None:
            pass
        return self

    @property
    def prelude(self) -> dict[str, Any]:
        """The document before the eight zero bytes."""
        document: dict[str, Any] = json.loads(b"".join(self.chunks).split(bytes(8), 1)[0])
        return document

    @property
    def body(self) -> bytes:
        """The bytes after them."""
        return b"".join(self.chunks).split(bytes(8), 1)[1]

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of the trailers, decoded."""
        if BODY_TRAILER not in self.trailers:
            return None
        document: dict[str, Any] = json.loads(base64.b64decode(self.trailers[BODY_TRAILER], validate=True))
        return document


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The error that a runtime has posted; `request_id` is empty for one of the initialization."""

    request_id: str
    error_type: str
    document: dict[str, Any]


class _HungUpError(Exception):
    """The stand-in closes the connection, as the test wants it."""


class RuntimeApiStandIn:
    """Serves one runtime.

    Attributes:
        address: Host and port, for AWS_LAMBDA_RUNTIME_API.
        violations: What broke the protocol.
        next_status: What `next` is answered with.
        next_connections: The number of the connection of each request for an invocation.
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.violations: list[str] = []
        self.next_status = 200
        self.next_connections: list[int] = []
        self._offers: queue.SimpleQueue[Offer | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Answer | Failure] = queue.SimpleQueue()
        self._open: Offer | None = None
        self._threads: list[threading.Thread] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def offer(self, **fields: Any) -> Offer:
        """Queue an invocation."""
        offer = Offer(**fields)
        self._offers.put(offer)
        return offer

    def answer(self) -> Answer:
        """Wait for the beginning of the next answer."""
        found = self._answers.get(timeout=WAIT_SECONDS)
        assert isinstance(found, Answer), found
        return found

    def failure(self) -> Failure:
        """Wait for the next error."""
        found = self._answers.get(timeout=WAIT_SECONDS)
        assert isinstance(found, Failure), found
        return found

    def stop(self) -> None:
        """Close the port and let a waiting runtime go."""
        # A thread that waits in accept() keeps the port open; shutdown wakes it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._offers.put(None)
        for thread in self._threads:
            thread.join(WAIT_SECONDS)

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            thread = threading.Thread(target=self._serve, args=(connection, number), daemon=True)
            # Started first: the other end may be closed, and joined, at any moment.
            thread.start()
            self._threads.append(thread)

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, connection.makefile("rb") as reader:
            try:
                while (line := reader.readline()) not in (b"", b"\r\n"):
                    self._request(line, reader, connection, number)
            except (_HungUpError, ConnectionError):
                return

    def _request(self, line: bytes, reader: BinaryIO, connection: socket.socket, number: int) -> None:
        match = re.fullmatch(rb"(GET|POST) /2018-06-01/runtime/(\S+) HTTP/1\.1\r\n", line)
        if match is None:
            self._violation(f"request line {line!r}")
            raise _HungUpError
        verb, path = match[1].decode(), match[2].decode()
        headers = self._headers(reader)
        if "host" not in headers:
            self._violation("no Host header")
        parts = path.split("/")
        if (verb, path) == ("GET", "invocation/next"):
            self._next(headers, connection, number)
        elif verb == "POST" and (path == "init/error" or (parts[0], parts[2:]) == ("invocation", ["error"])):
            self._error("" if path == "init/error" else parts[1], headers, reader, connection)
        elif verb == "POST" and (parts[0], parts[2:]) == ("invocation", ["response"]):
            self._response(parts[1], headers, reader, connection)
        else:
            self._violation(f"{verb} {path} is not of the API")
            raise _HungUpError

    def _next(self, headers: Mapping[str, str], connection: socket.socket, number: int) -> None:
        self.next_connections.append(number)
        if self._open is not None:
            self._violation(f"next before the answer to {self._open.request_id}")
        if "content-length" in headers or "transfer-encoding" in headers:
            self._violation("next with a body")
        offer = self._offers.get()
        if offer is None:
            raise _HungUpError
        if self.next_status != 200:
            self._send(connection, self.next_status, {"errorType": "InvalidStateTransition", "errorMessage": "no"})
            return
        self._open = offer
        fields = {
            "Lambda-Runtime-Aws-Request-Id": offer.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + offer.seconds) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:shim",
        }
        if offer.trace_id is not None:
            fields["Lambda-Runtime-Trace-Id"] = offer.trace_id
        event = json.dumps(offer.event).encode() if offer.raw_event is None else offer.raw_event
        self._send(connection, 200, event, **fields)
        if offer.hang_up_idle:
            raise _HungUpError

    def _error(self, request_id: str, headers: Mapping[str, str], reader: BinaryIO, connection: socket.socket) -> None:
        document = json.loads(reader.read(int(headers["content-length"])))
        error_type = headers.get(TYPE_TRAILER.lower(), "")
        if not re.fullmatch(r"(Function|Runtime)\.[A-Z][A-Za-z]+", error_type):
            self._violation(f"error type {error_type!r}")
        if headers.get("content-type") != "application/vnd.aws.lambda.error+json":
            self._violation(f"content type of an error: {headers.get('content-type')}")
        if set(document) != {"errorMessage", "errorType", "stackTrace"}:
            self._violation(f"an error with {sorted(document)}")
        status = self._close_invocation(request_id) if request_id else 202
        self._send(connection, status, {"status": "OK"})
        self._answers.put(Failure(request_id=request_id, error_type=error_type, document=document))

    def _response(
        self, request_id: str, headers: Mapping[str, str], reader: BinaryIO, connection: socket.socket
    ) -> None:
        for name, value in (
            ("content-type", "application/vnd.awslambda.http-integration-response"),
            ("lambda-runtime-function-response-mode", "streaming"),
            ("transfer-encoding", "chunked"),
        ):
            if headers.get(name) != value:
                self._violation(f"{name} is {headers.get(name)}")
        if "content-length" in headers:
            self._violation("a chunked answer with a length")
        offer = self._open
        answer = Answer(request_id=request_id, headers=headers)
        self._answers.put(answer)
        try:
            self._chunks(answer, reader, offer)
        except _HungUpError:
            self._close_invocation(request_id)
            raise
        finally:
            answer.live.put(None)
        self._check_prelude(answer)
        status = self._close_invocation(request_id)
        if offer is not None:
            status = offer.status
        document = {"status": "OK"} if status == 202 else {"errorType": "Refused", "errorMessage": str(status)}
        self._send(connection, status, document)
        # Lambda documentation: a runtime closes the connection of a stream at its end.
        if reader.read(1):
            self._violation("bytes after the end of an answer")

    def _chunks(self, answer: Answer, reader: BinaryIO, offer: Offer | None) -> None:
        while True:
            if offer is not None and len(answer.chunks) == offer.hang_up_after:
                raise _HungUpError
            line = reader.readline()
            if not re.fullmatch(rb"[0-9a-f]+\r\n", line):
                self._violation(f"chunk size {line!r}")
                raise _HungUpError
            size = int(line, 16)
            if not size:
                break
            chunk = reader.read(size)
            if len(chunk) != size or reader.read(2) != b"\r\n":
                self._violation(f"a chunk of another size than {size}")
                raise _HungUpError
            answer.chunks.append(chunk)
            answer.live.put(chunk)
        declared = {name.strip().lower() for name in answer.headers.get("trailer", "").split(",")}
        for name, value in self._headers(reader).items():
            if name not in declared:
                self._violation(f"trailer {name} was not declared")
            answer.trailers[{TYPE_TRAILER.lower(): TYPE_TRAILER, BODY_TRAILER.lower(): BODY_TRAILER}[name]] = value

    def _check_prelude(self, answer: Answer) -> None:
        before, delimiter, _ = b"".join(answer.chunks)[:_MAX_PRELUDE_BYTES].partition(bytes(8))
        if not delimiter:
            self._violation("no delimiter in the first 16 KB")
            return
        document = json.loads(before)
        if not isinstance(document.get("statusCode"), int) or not isinstance(document.get("headers"), dict):
            self._violation(f"prelude {document}")
        elif not all(isinstance(value, str) for value in document["headers"].values()):
            self._violation(f"headers of other types than text: {document['headers']}")
        if set(document) - {"statusCode", "headers", "multiValueHeaders", "cookies"}:
            self._violation(f"prelude with {sorted(document)}")

    def _close_invocation(self, request_id: str) -> int:
        if self._open is None or self._open.request_id != request_id:
            self._violation(f"an answer to {request_id}, which is not open")
            return 400
        self._open = None
        return 202

    def _headers(self, reader: BinaryIO) -> dict[str, str]:
        headers: dict[str, str] = {}
        while (line := reader.readline()) not in (b"", b"\r\n"):
            match = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~]*)\r\n", line)
            if match is None:
                self._violation(f"header line {line!r}")
                raise _HungUpError
            name = match[1].decode().lower()
            if name in headers:
                self._violation(f"header {name} twice")
            headers[name] = match[2].decode()
        return headers

    def _violation(self, text: str) -> None:
        self.violations.append(text)

    @staticmethod
    def _send(connection: socket.socket, status: int, body: object, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(content)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + content)
