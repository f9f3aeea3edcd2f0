"""Lambda's Runtime API, over HTTP on loopback: the connection of a worker with the process of its function.

Built: initialization errors, invocations, answers that stream with their error trailers and answers that do not, and
invocation errors. What Lambda refuses is refused with its statuses: 403 for a request out of turn, 400 for an
invocation that is not the open one or for an answer that breaks off, 413 for an answer that is too large. The
API is reached by its function only: a page of a browser and another user of the machine get 403 and nothing.

Sources: Lambda documentation, "Using the Lambda runtime API for custom runtimes" and "Building a custom runtime"; its
OpenAPI document of version 2018-06-01; for the names of errors aws/aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import queue
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Final

from localaws import loopback, settings
from localaws.functions.http_body import ShortenedLines, TruncatedError, read_body
from localaws.functions.messages import (
    Begun,
    Chunk,
    Finished,
    InitializationFailed,
    Invocation,
    Message,
    Ready,
)

_PATH: Final = re.compile(r"/2018-06-01/runtime/(?:invocation/(next|([^/]+)/(response|error))|(init/error))")
_ERROR_TYPE: Final = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY: Final = "Lambda-Runtime-Function-Error-Body"
_MODE: Final = "Lambda-Runtime-Function-Response-Mode"


class RuntimeApi:
    """The Runtime API of one process."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._events: queue.SimpleQueue[_Open | None] = queue.SimpleQueue()
        self._open: _Open | None = None
        self._has_asked = False
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = http.server.ThreadingHTTPServer((settings.HOST, 0), handler)
        threading.Thread(target=self._accept, name="runtime-api", daemon=True).start()

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that name this API to the process."""
        host, port = self._server.server_address[:2]
        return {"AWS_LAMBDA_RUNTIME_API": f"{host!s}:{port}"}

    @property
    def is_answering(self) -> bool:
        """True while the answer of an invocation has begun and has not ended."""
        opened = self._open
        return opened is not None and opened.is_taken

    def offer(self, invocation: Invocation, *, function_arn: str, deadline_ms: int, limit: int) -> None:
        """Answer the process's request for an invocation."""
        self._events.put(_Open(invocation, function_arn=function_arn, deadline_ms=deadline_ms, limit=limit))

    def close(self) -> None:
        """Close the port and every connection that waits for an invocation."""
        self._events.put(None)
        with contextlib.suppress(OSError):
            # A thread that waits in accept() keeps the port open; this wakes it.
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.server_close()

    def _accept(self) -> None:
        # Not serve_forever: its end takes as long as it polls.
        while True:
            try:
                connection, address = self._server.get_request()
            except OSError:
                return
            self._server.process_request(connection, address)

    def next(self) -> _Open | None:
        """Wait for an invocation to hand out; None where there is none to come.

        Raises:
            _RefusedError: If one is open.
        """
        with self._lock:
            if self._open is not None:
                raise _out_of_turn("the last invocation was not answered")
            self._has_asked = True
        self.messages.put(Ready())
        invocation = self._events.get()
        self._open = invocation
        return invocation

    def take(self, request_id: str) -> _Open:
        """Return the open invocation, whose answer comes now; it is closed with `done`.

        Raises:
            _RefusedError: If it is another, or answered already.
        """
        with self._lock:
            if self._open is None or self._open.is_taken:
                raise _out_of_turn("there is no invocation to answer")
            if self._open.invocation.request_id != request_id:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
            self._open.is_taken = True
            return self._open

    def done(self, error: Mapping[str, Any] | None) -> None:
        """Close the open invocation."""
        self._open = None
        self.messages.put(Finished(error))

    def fail_initialization(self, error: Mapping[str, Any]) -> None:
        """Note that the function's code could not be loaded.

        Raises:
            _RefusedError: If it was loaded: the process has asked for an invocation.
        """
        if self._has_asked:
            raise _out_of_turn("the initialization is over")
        self.messages.put(InitializationFailed(error))


@dataclass(slots=True)
class _Open:
    """An invocation that was handed out."""

    invocation: Invocation
    function_arn: str
    deadline_ms: int
    limit: int
    is_taken: bool = False


class _RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, error_type: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.document: Any = {"errorType": error_type, "errorMessage": message} if error_type else b""


def _out_of_turn(message: str) -> _RefusedError:
    return _RefusedError(HTTPStatus.FORBIDDEN, "InvalidStateTransition", message)


class _Handler(http.server.BaseHTTPRequestHandler):
    """One connection of the process."""

    api: ClassVar[RuntimeApi]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Open the connection's streams."""
        super().setup()
        self.rfile = ShortenedLines(self.rfile.detach())
        self._is_of_this_user = loopback.is_of_this_user(self.client_address, self.connection.getsockname())

    def do_GET(self) -> None:
        """Hand out an invocation."""
        self._answer(self._next if self._part() == "next" else self._unknown)

    def do_POST(self) -> None:
        """Accept an answer or an error."""
        actions = {"response": self._response, "error": self._error, "init/error": self._initialization_error}
        self._answer(actions.get(self._part(), self._unknown))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Write no log."""

    def _part(self) -> str:
        match = _PATH.fullmatch(self.path)
        return "" if match is None else match[3] or match[4] or match[1]

    def _answer(self, action: Callable[[], None]) -> None:
        try:
            self._check_caller()
            action()
        except _RefusedError as refused:
            # What is left of the request's body is not read.
            self.close_connection = True
            self._send(refused.status, refused.document)
        except (TruncatedError, ConnectionError):
            self.close_connection = True

    def _check_caller(self) -> None:
        """Refuse whoever cannot be the function: its process is this user's, and no browser.

        Raises:
            _RefusedError: If it is another; the answer says nothing.
        """
        from_page = loopback.is_of_a_page(self.headers.get("Origin"), self.headers.get("Sec-Fetch-Site"))
        is_here = loopback.is_named(self.headers.get("Host"), int(self.connection.getsockname()[1]))
        if from_page or not is_here or not self._is_of_this_user:
            raise _RefusedError(HTTPStatus.FORBIDDEN)

    def _next(self) -> None:
        opened = self.api.next()
        if opened is None:
            self.close_connection = True
            return
        self._send(
            HTTPStatus.OK,
            opened.invocation.event.encode(),
            {
                "Lambda-Runtime-Aws-Request-Id": opened.invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(opened.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": opened.function_arn,
                "Lambda-Runtime-Trace-Id": opened.invocation.trace_id,
            },
        )

    def _response(self) -> None:
        opened = self.api.take(self._request_id())
        mode = self.headers.get(_MODE)
        if mode not in (None, "streaming"):
            self.api.done({"errorType": "Runtime.InvalidResponseModeHeader", "errorMessage": f"{_MODE} is {mode!r}"})
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "InvalidFunctionResponseMode", "Invalid function response mode")
        self.api.messages.put(Begun(self.headers.get("Content-Type") or "application/octet-stream"))
        trailers: dict[str, str] = {}
        size = 0
        try:
            for data in read_body(self.rfile, self.headers, trailers):
                size += len(data)
                if size > opened.limit:
                    self.api.done(_too_large(opened.limit))
                    message = f"Exceeded maximum allowed payload size ({opened.limit} bytes)."
                    raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message)
                self.api.messages.put(Chunk(data))
        except (TruncatedError, ConnectionError):
            self.api.done({"errorType": "Runtime.TruncatedResponse", "errorMessage": "the response was truncated"})
            message = "HTTP request detected as truncated"
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "TruncatedHTTPRequest", message) from None
        self.api.done(_trailing_error(trailers))
        self._accepted()

    def _error(self) -> None:
        opened = self.api.take(self._request_id())
        document = self._error_document()
        self.api.done({**document, "requestId": opened.invocation.request_id})
        self._accepted()

    def _initialization_error(self) -> None:
        self.api.fail_initialization(self._error_document())
        self._accepted()

    def _unknown(self) -> None:
        raise _RefusedError(HTTPStatus.NOT_FOUND, "NotFound", f"{self.command} {self.path} is not of the Runtime API")

    def _request_id(self) -> str:
        match = _PATH.fullmatch(self.path)
        return match[2] if match is not None else ""

    def _error_document(self) -> dict[str, Any]:
        body = b"".join(read_body(self.rfile, self.headers, {}))
        return _described(body, self.headers.get(_ERROR_TYPE))

    def _accepted(self) -> None:
        self._send(HTTPStatus.ACCEPTED, {"status": "OK"})

    def _send(self, status: HTTPStatus, body: Any, headers: Mapping[str, str] | None = None) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response_only(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(content)


def _too_large(limit: int) -> dict[str, Any]:
    """Return Lambda's description of an answer with more than `limit` bytes."""
    return {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    }


def _trailing_error(trailers: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the error in the trailers of an answer."""
    kind = trailers.get(_ERROR_TYPE.lower())
    if kind is None:
        return None
    try:
        body = base64.b64decode(trailers.get(_ERROR_BODY.lower(), ""), validate=True)
    except ValueError:
        body = b""
    return _described(body, kind)


def _described(body: bytes, kind: str | None) -> dict[str, Any]:
    """Return Lambda's description of an error: what the runtime sent where that is one, else its type alone."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and "errorType" in document:
        return document
    return {"errorType": kind or "Runtime.Unknown", "errorMessage": body.decode(errors="replace")}
