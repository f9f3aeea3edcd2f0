"""The client of Lambda's Runtime API, version 2018-06-01, which hands out invocations and takes their answers.

Sources: Lambda documentation, "Using the Lambda runtime API for custom runtimes" and "Building a custom runtime"
(section "Implementing response streaming in a custom runtime").
"""

import base64
import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

_VERSION = "/2018-06-01"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_LAST_CHUNK = b"0\r\n"
_LONGEST_LINE = 65536
_LONGEST_SEND_SECONDS = 60.0
"""The longest that one chunk of an answer waits to be taken. At the 2 MB/s that API Gateway gives a long stream, 60 s
are enough for any chunk here; a reader that is slower would hold the function until its timeout."""

_STREAM_HEAD = f"""\
POST %b HTTP/1.1
Host: %b
Content-Type: %b
Lambda-Runtime-Function-Response-Mode: streaming
Transfer-Encoding: chunked
Trailer: {_ERROR_TYPE}, {_ERROR_BODY}

""".replace("\n", "\r\n").encode("ascii")
"""Written by hand, as the answer is read: by http.client it takes 0.08 ms of CPU more, of 1 ms an invocation."""


class RuntimeApiError(Exception):
    """The Runtime API cannot be used any more: the process must end, and Lambda starts another."""


class StreamClosedError(Exception):
    """The Runtime API takes no more of this answer; the next invocation is not touched by it."""


class FunctionError(NamedTuple):
    """A failure, as it is reported to Lambda.

    Attributes:
        kind: "Function.<name>" or "Runtime.<name>", letters only.
        message: The error, without anything of a request.
        stack_trace: The stack, the outermost call first.
    """

    kind: str
    message: str
    stack_trace: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Encode the failure in Lambda's form of errors."""
        return json.dumps(
            {"errorMessage": self.message, "errorType": self.kind, "stackTrace": self.stack_trace}
        ).encode("ascii")


class Invocation(NamedTuple):
    """An event with Lambda's metadata.

    Attributes:
        request_id: Lambda's id of the invocation.
        deadline_ms: The time at which Lambda ends the function, in milliseconds since 1970.
        function_arn: The function's ARN as it was invoked.
        trace_id: X-Ray's header, empty where there is none.
        event: The event, JSON.
    """

    request_id: str
    deadline_ms: int
    function_arn: str
    trace_id: str
    event: bytes


class RuntimeApi:
    """The Runtime API.

    Invocations come over one connection, which stays open. Each streamed answer has its own, because Lambda asks a
    runtime to close the connection of a stream at its end.

    Args:
        address: Host and port, from AWS_LAMBDA_RUNTIME_API.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection = http.client.HTTPConnection(address)

    def next(self) -> Invocation:
        """Wait for the next invocation, without a time limit: Lambda freezes the process meanwhile.

        Raises:
            RuntimeApiError: There is none to come.
        """
        status, headers, body = self._request("GET", "/runtime/invocation/next")
        if status != 200:
            raise RuntimeApiError(f"the next invocation was answered with {status}")
        return Invocation(
            request_id=headers["Lambda-Runtime-Aws-Request-Id"],
            deadline_ms=int(headers["Lambda-Runtime-Deadline-Ms"]),
            function_arn=headers.get("Lambda-Runtime-Invoked-Function-Arn", ""),
            trace_id=headers.get("Lambda-Runtime-Trace-Id", ""),
            event=body,
        )

    def respond(self, request_id: str, content_type: str) -> "ResponseStream":
        """Begin to answer an invocation; nothing is sent before the first chunk."""
        return ResponseStream(self._address, f"{_VERSION}/runtime/invocation/{request_id}/response", content_type)

    def fail(self, request_id: str, error: FunctionError) -> int:
        """Report that an invocation failed before anything of its answer was sent.

        Returns:
            The status: 202, or 4xx where Lambda does not want to know any more.

        Raises:
            RuntimeApiError: Lambda does not take the report.
        """
        return self._report(f"/runtime/invocation/{request_id}/error", error)

    def fail_initialization(self, error: FunctionError) -> None:
        """Report that the function's code could not be loaded; the process must end then.

        Raises:
            RuntimeApiError: Lambda does not take the report.
        """
        self._report("/runtime/init/error", error)

    def _report(self, path: str, error: FunctionError) -> int:
        headers = {"Content-Type": "application/vnd.aws.lambda.error+json", _ERROR_TYPE: error.kind}
        status, _, _ = self._request("POST", path, error.to_json(), headers)
        _refuse_500(status)
        return status

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        is_reused = self._connection.sock is not None
        try:
            try:
                return self._exchange(method, path, body, headers)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                # The other end may close a connection that was idle for long; a new one must work.
                if not is_reused:
                    raise
                self._connection.close()
                return self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise RuntimeApiError(f"{method} {path} failed: {type(error).__name__}: {error}") from error

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> tuple[int, Any, bytes]:
        self._connection.request(method, _VERSION + path, body, dict(headers or {}))
        response = self._connection.getresponse()
        return response.status, response.headers, response.read()


class ResponseStream:
    """One answer on its way: chunks that leave at once, then the end, with or without an error.

    Args:
        address: The Runtime API's host and port.
        path: The path that the answer is posted to.
        content_type: The type of all the bytes.
    """

    def __init__(self, address: str, path: str, content_type: str) -> None:
        self._address = address
        self._head = _STREAM_HEAD % (path.encode("ascii"), address.encode("ascii"), content_type.encode("ascii"))
        self._socket: socket.socket | None = None

    def write(self, chunk: bytes) -> None:
        """Send bytes now; no bytes are no chunk.

        Raises:
            StreamClosedError: The Runtime API takes no more.
        """
        if chunk:
            self._send(_framed(chunk))

    def finish(self, last: bytes = b"", error: FunctionError | None = None) -> int:
        """End the answer and close its connection.

        Args:
            last: Bytes that go out together with the end.
            error: The error that broke the stream off, for the error trailers.

        Returns:
            Lambda's status: 202, or 4xx where it has refused the answer.

        Raises:
            StreamClosedError: The Runtime API does not answer.
            RuntimeApiError: Lambda says that the process must end.
        """
        try:
            self._send((_framed(last) if last else b"") + _LAST_CHUNK + _trailers(error) + b"\r\n")
            status = self._status()
        finally:
            self.close()
        _refuse_500(status)
        return status

    def close(self) -> None:
        """Close the connection; before the end Lambda takes it for a truncated answer."""
        if self._socket is not None:
            self._socket.close()

    def _send(self, data: bytes) -> None:
        try:
            if self._socket is None:
                host, _, port = self._address.rpartition(":")
                self._socket = socket.create_connection((host, int(port)))
                # A chunk must not wait for the one before to be acknowledged.
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._socket.settimeout(_LONGEST_SEND_SECONDS)
                data = self._head + data
            self._socket.sendall(data)
        except OSError as lost:
            self.close()
            raise StreamClosedError(f"the stream was closed: {type(lost).__name__}") from lost

    def _status(self) -> int:
        """Read the answer's status. Nothing else of it matters, and the connection is not used again."""
        if self._socket is None:
            raise StreamClosedError("nothing was sent")
        try:
            # Lambda answers when the reader has it all, however long that takes.
            self._socket.settimeout(None)
            with self._socket.makefile("rb") as answer:
                line = answer.readline(_LONGEST_LINE)
        except OSError as lost:
            raise StreamClosedError(f"no answer to the stream: {type(lost).__name__}") from lost
        version, _, rest = line.partition(b" ")
        if not (version.startswith(b"HTTP/1.") and rest[:3].isdigit()):
            raise StreamClosedError("no answer to the stream")
        return int(rest[:3])


def _framed(chunk: bytes) -> bytes:
    """Encode a chunk of HTTP/1.1's chunked transfer coding (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


def _trailers(error: FunctionError | None) -> bytes:
    if error is None:
        return b""
    body = base64.b64encode(error.to_json()).decode("ascii")
    return f"{_ERROR_TYPE}: {error.kind}\r\n{_ERROR_BODY}: {body}\r\n".encode("ascii")


def _refuse_500(status: int) -> None:
    if status >= 500:
        raise RuntimeApiError(f"the runtime API answered {status}: its state is not recoverable")
